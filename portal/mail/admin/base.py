"""What the desk's pages about e-mail have in common."""

from functools import cached_property
from http import HTTPStatus
from typing import Any, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from portal.mail.models import Mailing
from portal.mail.streams import subscribed_streams

PREVIEW = "mail.view_mailing"
MANAGE = "mail.manage_mailings"
# Whoever may see addresses.
SEE_ADDRESSES = "mail.view_delivery"

# Nobody turns the pages of more; a filter or a search finds what is further down.
MOST_COUNTED = 10_000


class ReadOnly:
    """What the engine and the readers write, nobody edits."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class BoundedPaginator(Paginator[Any]):
    """Counts up to ``MOST_COUNTED`` rows and no more: a mailing may have a million."""

    most = MOST_COUNTED

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by()[: self.most].count()


class BoundedList:
    """Put before ``ModelAdmin`` where a list may have millions of rows."""

    paginator: type[Any] = BoundedPaginator
    show_full_result_count = False
    # Each choice of each filter would be counted, to its end.
    show_facets = admin.ShowFacets.NEVER


def visible_mailings(request: HttpRequest) -> QuerySet[Mailing]:
    """Return the mailings that the user may see, without their bodies.

    Account mail is one person's own: it says who is about to subscribe. So it is for those alone
    who may see addresses.
    """
    mailings = Mailing.objects.defer("html", "text")
    if request.user.has_perm(SEE_ADDRESSES):
        return mailings
    return mailings.filter(stream__in=subscribed_streams())


def mail_page(
    request: HttpRequest, template: str, status: int = HTTPStatus.OK, **context: Any
) -> HttpResponse:
    """Answer with ``admin/mail/<template>`` in the desk's frame."""
    return TemplateResponse(
        request,
        f"admin/mail/{template}",
        {
            **admin.site.each_context(request),
            "opts": Mailing._meta,  # noqa: SLF001 - what Django’s own admin does
            "may_manage": request.user.has_perm(MANAGE),
            "may_see_addresses": request.user.has_perm(SEE_ADDRESSES),
            **context,
        },
        status=status,
    )
