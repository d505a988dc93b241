"""The desk's pages about feedback: surveys to look at, results and the export."""

import logging
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from articles.models import Article
from portal.accounts.models import User

from .exports import Flavour, export_responses
from .forms import ExportForm
from .models import Level, Survey
from .results import BAR_HEIGHT, BAR_LENGTH, MIN_PEOPLE, article_results, articles_with_responses

logger = logging.getLogger(__name__)

PAGE_SIZE = 50

View = Callable[..., HttpResponseBase]


def permission_needed(permission: str, view: View) -> View:
    """Refuse ``view`` with a 403 to whoever is signed in without ``permission``, and log it.

    The log says what was refused, not to whom: it holds no personal data.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if user.is_authenticated and not (user.is_staff and user.has_perm(permission)):
            logger.warning("Refused: %s without the permission %s", view.__name__, permission)
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


@admin.register(Survey)
class SurveyAdmin(admin.ModelAdmin[Survey]):
    """Surveys to look at, and the pages that hang from them."""

    change_list_template = "admin/feedback/survey/change_list.html"
    list_display = ["name", "key"]
    fields = ["name", "key", "statements"]
    readonly_fields = ["statements"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Survey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Survey | None = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("statements"))
    def statements(self, survey: Survey) -> SafeString:
        """Show the newest version, word for word."""
        version = survey.versions.prefetch_related("items__wording").first()
        items = version.items.all() if version else []
        return format_html_join("", "<p>{}. {}</p>", ((i.position, i.wording.text) for i in items))

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: View, permission: str, name: str) -> URLPattern:
            door = permission_needed(permission, self.admin_site.admin_view(view))
            return path(route, door, name=name)

        results, export = "feedback.view_results", "feedback.export_responses"
        return [
            page("results/", self.results_view, results, "feedback_results"),
            page(
                "results/<int:article_id>/",
                self.article_results_view,
                results,
                "feedback_article_results",
            ),
            page("export/", self.export_view, export, "feedback_export"),
            *super().get_urls(),
        ]

    def _page(
        self, request: HttpRequest, template: str, status: int = HTTPStatus.OK, **context: Any
    ) -> HttpResponse:
        return TemplateResponse(
            request,
            f"admin/feedback/{template}",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "min_people": MIN_PEOPLE,
                **context,
            },
            status=status,
        )

    @method_decorator(require_safe)
    def results_view(self, request: HttpRequest) -> HttpResponse:
        """List the articles with how many readers answered."""
        page = Paginator(articles_with_responses(), PAGE_SIZE).get_page(request.GET.get("page"))
        return self._page(
            request, "results.html", title=_("Survey results"), page_obj=page, articles=page
        )

    @method_decorator(require_safe)
    def article_results_view(self, request: HttpRequest, article_id: int) -> HttpResponse:
        """Show what readers answered about one article."""
        article = get_object_or_404(Article, pk=article_id)
        return self._page(
            request,
            "article_results.html",
            title=_("Survey results: %(title)s") % {"title": article.title},
            article=article,
            results=article_results(article),
            levels=list(Level),
            chart={"width": 2 * BAR_LENGTH, "height": BAR_HEIGHT, "middle": BAR_LENGTH},
        )

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask what the file is for, then stream it."""
        form = ExportForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            status = HTTPStatus.BAD_REQUEST if form.is_bound else HTTPStatus.OK
            return self._page(
                request, "export.html", status, title=_("Export responses"), form=form
            )
        chunks = export_responses(
            user=cast("User", request.user),
            purpose=form.cleaned_data["purpose"],
            flavour=Flavour(form.cleaned_data["flavour"]),
            article=form.cleaned_data["article"],
        )
        name = f"responses-{timezone.localdate():%Y-%m-%d}.csv"
        return StreamingHttpResponse(
            chunks,
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                # A proxy that collects the file first would make the first byte wait for the last.
                "X-Accel-Buffering": "no",
            },
        )
