from collections.abc import Callable
from urllib.parse import urlencode

from django.core.paginator import InvalidPage, Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from portal.core.doors import public, teaser
from portal.core.http import private
from portal.core.shared_pages import shared_page

from .authors import published_authors
from .forms import SearchForm
from .models import ArticleVersion, topic_counts, topic_tree, topics_in_use
from .pages import (
    ArticlePage,
    latest_cards,
    published_count,
    published_page,
    published_teaser,
)
from .search import search_articles

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
    """Show a topic among broader and narrower ones, with the articles of all narrower ones."""
    tree = topic_tree()
    topic = tree.find(slug)
    if topic is None:
        raise Http404
    page = _places(request, topic_counts().get(topic.pk, 0))
    return render(
        request,
        "articles/topic.html",
        {
            "topic": topic,
            "path": tree.path(topic),
            "narrower": [child for child in topics_in_use() if child.parent_id == topic.pk],
            "page_obj": page,
            "articles": latest_cards(*_slice(page), topics=tree.within(topic)),
        },
    )


@public
@require_safe
def author(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a person and the published articles that name them as an author."""
    person = get_object_or_404(published_authors(), slug=slug)
    page = _places(request, published_count(author=slug))
    return render(
        request,
        "articles/author.html",
        {
            "person": person,
            "page_obj": page,
            "articles": latest_cards(*_slice(page), author=slug),
        },
    )


@public
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Search what is published; results show public text only."""
    form = SearchForm(request.GET)
    query = form.cleaned_data["q"] if form.is_valid() else ""
    context: dict[str, object] = {"form": form, "query": query, "topics": topics_in_use()}
    if query:
        results = search_articles(query)
        page = _places(request, results.count)
        context |= {
            "results": results,
            "articles": results.cards(*_slice(page)),
            "page_obj": page,
            "query_string": urlencode({"q": query}) + "&",
        }
    return render(request, "articles/search.html", context)


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
