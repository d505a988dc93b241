from collections.abc import Callable

from django.core.paginator import InvalidPage, Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from portal.core.doors import public, teaser
from portal.core.http import private
from portal.core.shared_pages import shared_page

from .models import ArticleVersion, Topic, topics_in_use
from .pages import (
    ArticlePage,
    latest_cards,
    published_count,
    published_page,
    published_teaser,
)

PER_PAGE = 20
LATEST_ON_HOME = 7


@public
@require_safe
@shared_page("articles/home.html")
def home() -> dict[str, object]:
    """What this site is, the latest articles, the topics."""
    return {"articles": latest_cards(0, LATEST_ON_HOME), "topics": topics_in_use()}


@public
@require_safe
def article_list(request: HttpRequest) -> HttpResponse:
    page = _places(request, published_count())
    return render(
        request,
        "articles/article_list.html",
        {"page_obj": page, "articles": latest_cards(*_slice(page))},
    )


@public
@require_safe
def topic(request: HttpRequest, slug: str) -> HttpResponse:
    # A topic in use is known without a query.
    topic = next((topic for topic in topics_in_use() if topic.slug == slug), None)
    if topic is None:
        topic = get_object_or_404(Topic, slug=slug)
    page = _places(request, published_count(topic.pk))
    return render(
        request,
        "articles/topic.html",
        {
            "topic": topic,
            "page_obj": page,
            "articles": latest_cards(*_slice(page), topic=topic.pk),
        },
    )


@require_safe
@shared_page("articles/teaser.html")
def article_teaser(slug: str) -> dict[str, object]:
    """Show whoever has not attested the public part of an article, and the way in."""
    return {"page": _or_404(published_teaser, slug), "slug": slug}


@require_safe
@shared_page("articles/article.html")
def full_article(slug: str) -> dict[str, object]:
    """Show an attested reader the published version."""
    return {"page": _or_404(published_page, slug)}


article = teaser(article_teaser)(private(full_article))


def _or_404(find: Callable[[str], ArticlePage], slug: str) -> ArticlePage:
    try:
        return find(slug)
    except ArticleVersion.DoesNotExist as error:
        raise Http404 from error


def _places(request: HttpRequest, count: int) -> Page[int]:
    """Return the places (0, 1, 2 …) on the page that the address asks for; 404 where there is none.

    A paginator of numbers: the lists behind it are fetched a slice at a time.
    """
    try:
        return Paginator(range(count), PER_PAGE).page(request.GET.get("page", 1))
    except InvalidPage as error:
        raise Http404 from error


def _slice(page: Page[int]) -> tuple[int, int]:
    """Return the first place on the page, and the place after its last."""
    first = (page.number - 1) * PER_PAGE
    return first, first + len(page)
