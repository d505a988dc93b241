"""The desk's pages with results: figures of a selection, what readers wrote, and the tables."""

import re
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from articles.models import Article
from feedback.moderation import hide_comment, show_comment
from feedback.results import counting
from feedback.results.articles import find_articles, offered
from feedback.results.comments import Comments
from feedback.results.downloads import DownloadForm, log_download
from feedback.results.forms import SelectionForm
from feedback.results.report import rest_of
from feedback.results.selection import Selection
from feedback.results.tables import (
    Table,
    TableName,
    articles_table,
    reach_table,
    statements_table,
    trend_table,
)
from portal.accounts.models import User
from portal.core.desk_pages import guarded_path, permission_needed

from .pages import desk_page
from .results_page import results_context

# In the session: what somebody's last file was for.
PURPOSE = "feedback_results_purpose"
MARK = re.compile("[0-9a-f]{32}")


class HideForm(forms.Form):
    """Why a reader's text is hidden; ``mark`` says which."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        error_messages={"required": gettext_lazy("Enter the reason.")},
    )

    def __init__(self, data: Any, *, mark: str) -> None:
        super().__init__(data, auto_id="hide_%s")
        self.mark = mark


@require_http_methods(["GET", "HEAD", "POST"])
def results_view(request: HttpRequest) -> HttpResponseBase:
    """Show the figures of what was chosen; by POST: give one of their tables as a file."""
    form = SelectionForm(request.GET)
    if not form.is_valid():
        return _page(request, form, errors=form)
    if request.method == "POST":
        return _download(request, form)
    chosen = form.selection().as_filters()
    asked = {name: values for name, values in request.GET.lists() if name in form.fields}
    # One address for one selection, to be sent to a colleague; titles and empty fields are none.
    if asked != {name: [str(value)] for name, value in chosen.items()}:
        return _to_results(chosen)
    return _page(request, form)


@require_safe
def article_results_view(request: HttpRequest, article_id: int) -> HttpResponseRedirect:
    """Lead from an article's own address to the page that shows every selection."""
    article = get_object_or_404(
        Article.objects.only("pk"), pk=article_id, first_published_at__isnull=False
    )
    return _to_results({"article": article.pk})


@require_safe
def suggestions_view(request: HttpRequest) -> JsonResponse:
    """Answer with articles whose titles hold the words ``q`` (2 queries)."""
    words = request.GET.get("q", "").strip().replace("\0", "")
    found = offered(find_articles(words)) if words else []
    return JsonResponse({"articles": [{"value": value, "title": title} for value, title in found]})


@require_POST
def comments_view(request: HttpRequest) -> HttpResponseBase:
    """Hide a reader's text, or show it again; only one that its selection shows."""
    form = SelectionForm(request.GET)
    if not form.is_valid() or not counting.figures(form.selection()).n:
        raise Http404
    mark = request.POST.get("mark", "")
    if not MARK.fullmatch(mark):
        raise Http404
    response = Comments(form.selection(), with_hidden=True).with_mark(mark)
    if response is None:
        raise Http404
    user = cast("User", request.user)
    if request.POST.get("do") == "show":
        show_comment(response=response, user=user)
        messages.success(request, _("The text is shown again."))
    else:
        hiding = HideForm(request.POST, mark=mark)
        if not hiding.is_valid():
            return _page(request, form, errors=hiding, hiding=hiding)
        hide_comment(response=response, user=user, reason=hiding.cleaned_data["reason"])
        messages.success(request, _("The text is hidden."))
    page = request.GET.get("comments", "1")
    return _to_results({**form.selection().as_filters(), "comments": page}, "#comments")


def _download(request: HttpRequest, form: SelectionForm) -> HttpResponseBase:
    if request.POST.get("table") not in TableName.values:
        raise Http404
    table = TableName(request.POST["table"])
    download = DownloadForm(table, request.POST)
    if not download.is_valid():
        return _page(request, form, errors=download, download=download)
    selection = form.selection()
    content = _table(table, selection)
    data = content.as_csv(form.sentence())
    purpose = download.cleaned_data["purpose"]
    request.session[PURPOSE] = purpose
    log_download(
        user=cast("User", request.user),
        purpose=purpose,
        table=table,
        selection=selection,
        content=content,
        data=data,
    )
    name = f"results-{table.value}-{timezone.localdate():%Y-%m-%d}.csv"
    return HttpResponse(
        data,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _table(table: TableName, selection: Selection) -> Table:
    if table == TableName.TREND:
        return trend_table(counting.trend(selection))
    if table == TableName.ARTICLES:
        return articles_table(counting.ranking(selection))
    figures = counting.figures(selection)
    if table == TableName.REACH:
        return reach_table(figures)
    return statements_table(figures, rest_of(selection))


def _page(
    request: HttpRequest,
    form: SelectionForm,
    *,
    errors: forms.Form | None = None,
    download: DownloadForm | None = None,
    hiding: HideForm | None = None,
) -> HttpResponse:
    """Show the page; ``errors``: the form that came back, which the page begins with."""
    context: dict[str, Any] = {"title": _("Survey results"), "scope": ""}
    if form.is_valid():
        purpose = request.session.get(PURPOSE, "")
        context |= results_context(
            form,
            user=cast("User", request.user),
            pages=request.GET,
            downloads={table.value: DownloadForm(table, purpose=purpose) for table in TableName},
        )
    if download is not None:
        context["downloads"][download.table] = download
    return desk_page(
        request,
        "results.html",
        HTTPStatus.BAD_REQUEST if errors else HTTPStatus.OK,
        form=form,
        errors=errors,
        hiding=hiding,
        **context,
    )


def _to_results(query: dict[str, Any], fragment: str = "") -> HttpResponseRedirect:
    address = reverse("admin:feedback_results")
    return HttpResponseRedirect(f"{address}{'?' if query else ''}{urlencode(query)}{fragment}")


def results_urls() -> list[URLPattern]:
    """Return the addresses of the results; ``SurveyAdmin`` puts them under its own."""
    results, comments = "feedback.view_results", "feedback.view_comments"
    moderation = permission_needed(comments, permission_needed(results, comments_view))
    return [
        guarded_path("results/", results_view, results, "feedback_results"),
        guarded_path("results/articles/", suggestions_view, results, "feedback_results_articles"),
        guarded_path(
            "results/comments/", moderation, "feedback.hide_comments", "feedback_results_comments"
        ),
        guarded_path(
            "results/<int:article_id>/", article_results_view, results, "feedback_article_results"
        ),
    ]
