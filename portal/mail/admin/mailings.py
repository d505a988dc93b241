"""Mailings: the list, and each one's page with its progress and its buttons."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _

from portal.mail.models import Mailing
from portal.mail.progress import progress_of

from .base import BoundedList, ReadOnly, visible_mailings
from .figures import standing_of
from .preview_pages import preview_urls
from .progress_page import progress_page, progress_urls
from .settle_page import settle_urls
from .upcoming_page import upcoming_urls
from .verbs import verb_urls


class MailingList(ChangeList):
    """Asks for the progress of a page's mailings at once, not row by row."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        progress = progress_of([mailing.pk for mailing in self.result_list])
        for mailing in self.result_list:
            mailing.progress = progress[mailing.pk]


@admin.register(Mailing)
class MailingAdmin(BoundedList, ReadOnly, admin.ModelAdmin[Mailing]):
    """candidates = open + sent + failed + skipped + unknown: the columns always add up."""

    change_list_template = "admin/mail/mailing/change_list.html"
    list_display = [
        "subject",
        "stream",
        "standing",
        "created_at",
        "recipients",
        "open",
        "sent",
        "failed",
        "skipped",
        "unknown",
        "excluded_count",
    ]
    list_filter = ["stream", "language"]
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mailing]:
        return visible_mailings(request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return MailingList

    @admin.display(description=_("state"))
    def standing(self, mailing: Any) -> str:
        return str(standing_of(mailing, mailing.progress).label)

    @admin.display(description=_("recipients"))
    def recipients(self, mailing: Any) -> int:
        count: int = mailing.progress.candidates
        return count

    @admin.display(description=_("open"))
    def open(self, mailing: Any) -> int:
        count: int = mailing.progress.open
        return count

    @admin.display(description=_("sent"))
    def sent(self, mailing: Any) -> int:
        count: int = mailing.progress.sent
        return count

    @admin.display(description=_("failed"))
    def failed(self, mailing: Any) -> int:
        count: int = mailing.progress.failed
        return count

    @admin.display(description=_("no longer wanted"))
    def skipped(self, mailing: Any) -> int:
        count: int = mailing.progress.skipped
        return count

    @admin.display(description=_("unknown"))
    def unknown(self, mailing: Any) -> int:
        count: int = mailing.progress.unknown
        return count

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show how far it is: nothing of a mailing can be edited."""
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request):
            raise PermissionDenied
        mailing = self.get_object(request, object_id)
        if mailing is None:
            raise Http404
        return progress_page(request, mailing)

    def get_urls(self) -> list[URLPattern]:
        return [
            *upcoming_urls(),
            *preview_urls(),
            *progress_urls(),
            *verb_urls(),
            *settle_urls(),
            *super().get_urls(),
        ]
