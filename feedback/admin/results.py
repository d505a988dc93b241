"""The desk's pages with results."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from articles.models import Article
from feedback.models import Level
from feedback.results import BAR_HEIGHT, BAR_LENGTH, article_results, articles_with_responses

from .pages import desk_page, guarded_path

PAGE_SIZE = 50


@require_safe
def results_view(request: HttpRequest) -> HttpResponse:
    """List the articles with how many readers answered."""
    page = Paginator(articles_with_responses(), PAGE_SIZE).get_page(request.GET.get("page"))
    return desk_page(
        request, "results.html", title=_("Survey results"), page_obj=page, articles=page
    )


@require_safe
def article_results_view(request: HttpRequest, article_id: int) -> HttpResponse:
    """Show what readers answered about one article."""
    article = get_object_or_404(Article, pk=article_id)
    return desk_page(
        request,
        "article_results.html",
        title=_("Survey results: %(title)s") % {"title": article.title},
        article=article,
        results=article_results(article),
        levels=list(Level),
        chart={"width": 2 * BAR_LENGTH, "height": BAR_HEIGHT, "middle": BAR_LENGTH},
    )


def results_urls() -> list[URLPattern]:
    """Return the addresses of the results; ``SurveyAdmin`` puts them under its own."""
    permission = "feedback.view_results"
    return [
        guarded_path("results/", results_view, permission, "feedback_results"),
        guarded_path(
            "results/<int:article_id>/",
            article_results_view,
            permission,
            "feedback_article_results",
        ),
    ]
