"""Two versions of an article, or a version and the draft, side by side in words."""

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from articles.comparison import compare
from articles.documents import Document, build_document
from articles.models import Article

if TYPE_CHECKING:
    from .article import ArticleAdmin

DRAFT = "draft"


def compare_view(model_admin: "ArticleAdmin", request: HttpRequest, object_id: str) -> HttpResponse:
    """Show what differs from ``?old=`` to ``?new=``: numbers of versions, or "draft"."""
    article = model_admin.find_article(request, object_id)
    if not model_admin.has_view_permission(request, article):
        raise PermissionDenied
    numbers = list(article.versions.values_list("number", flat=True))
    old = request.GET.get("old", str(numbers[0]) if numbers else DRAFT)
    new = request.GET.get("new", DRAFT)
    choices = [(DRAFT, _("The draft"))]
    choices += [(str(number), _("Version %d") % number) for number in numbers]
    if not {old, new} <= {value for value, _label in choices}:
        raise Http404
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": _("Compare versions"),
        "subtitle": str(article),
        "opts": model_admin.opts,
        "original": article,
        "choices": choices,
        "old": old,
        "new": new,
        "differences": compare(_document(article, old), _document(article, new)),
    }
    return TemplateResponse(request, "admin/articles/article/compare.html", context)


def _document(article: Article, which: str) -> Document:
    if which == DRAFT:
        return build_document(article, timezone.localdate())
    document: Document = article.versions.get(number=int(which)).document
    return document
