from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from http import HTTPStatus

from django.conf import settings
from django.core.paginator import InvalidPage, Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.core.doors import public, teaser
from portal.core.http import private
from portal.core.shared_pages import shared_page

from .addresses import led_on
from .authors import published_authors
from .documents import build_document
from .images import FOLDER
from .media import image_file
from .models import (
    Article,
    ArticleVersion,
    PreviewLink,
    topic_counts,
    topic_tree,
    topics_in_use,
)
from .pages import (
    ArticlePage,
    latest_cards,
    published_count,
    published_page,
    published_teaser,
    render_page,
    withdrawal,
)
from .services import find_preview_link

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
    return _list(request, number=_page_number(request))


@public
@require_safe
def topic(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a topic among broader and narrower ones, with the articles of all narrower ones."""
    return _topic(request, slug=slug, number=_page_number(request))


@public
@require_safe
def author(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a person and the published articles that name them as an author."""
    return _author(request, slug=slug, number=_page_number(request))


@shared_page("articles/article_list.html")
def _list(number: int) -> dict[str, object]:
    page = _places(published_count(), number)
    return {"page_obj": page, "articles": latest_cards(*_slice(page))}


@shared_page("articles/topic.html")
def _topic(slug: str, number: int) -> dict[str, object]:
    tree = topic_tree()
    topic = tree.find(slug)
    if topic is None:
        raise Http404
    page = _places(topic_counts().get(topic.pk, 0), number)
    return {
        "topic": topic,
        "path": tree.path(topic),
        "narrower": [child for child in topics_in_use() if child.parent_id == topic.pk],
        "page_obj": page,
        "articles": latest_cards(*_slice(page), topics=tree.within(topic)),
    }


@shared_page("articles/author.html")
def _author(slug: str, number: int) -> dict[str, object]:
    person = get_object_or_404(published_authors(), slug=slug)
    page = _places(published_count(author=slug), number)
    return {
        "person": person,
        "page_obj": page,
        "articles": latest_cards(*_slice(page), author=slug),
    }


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


def _or_withdrawn(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer 410, with the title, the reason and the day, where the article is withdrawn."""

    @wraps(view)
    def shown(request: HttpRequest, slug: str) -> HttpResponse:
        try:
            return view(request, slug=slug)
        except Http404:
            try:
                context = {"withdrawal": withdrawal(slug)}
            except Article.DoesNotExist:
                pass
            else:
                gone = HTTPStatus.GONE
                return render(request, "articles/withdrawn.html", context, status=gone)
            raise

    return shown


article = teaser(led_on(_or_withdrawn(article_teaser)))(
    private(led_on(_or_withdrawn(full_article)))
)


@public
@never_cache
@require_safe
def preview(request: HttpRequest, token: str) -> HttpResponse:
    """Show a draft to whoever has the link, with or without an account (uncached)."""
    link = _preview_link(token)
    page = render_page(link.article, build_document(link.article, timezone.localdate()))
    # A guest's browser has no cookie that lets it in: figures come by the same link.
    images = f"{settings.MEDIA_URL}{FOLDER}/", reverse("preview_media", args=[token, f"{FOLDER}/"])
    page = replace(page, body=mark_safe(page.body.replace(*images)))  # noqa: S308
    response = render(request, "articles/preview.html", {"page": page, "link": link})
    response["X-Robots-Tag"] = "noindex, nofollow"
    # The address lets people in: it is not told to where they go from here.
    response["Referrer-Policy"] = "no-referrer"
    return response


@public
@never_cache
@require_safe
def preview_media(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """Send an image to whoever has the link of a preview."""
    _preview_link(token)
    return image_file(name)


def _preview_link(token: str) -> PreviewLink:
    try:
        return find_preview_link(token)
    except PreviewLink.DoesNotExist as error:
        raise Http404 from error


def _or_404(find: Callable[[str], ArticlePage], slug: str) -> ArticlePage:
    try:
        return find(slug)
    except ArticleVersion.DoesNotExist as error:
        raise Http404 from error


def _page_number(request: HttpRequest) -> int:
    """Return which page the address asks for; 404 for what is no number."""
    try:
        return int(request.GET.get("page", 1))
    except ValueError as error:
        raise Http404 from error


def _places(count: int, number: int) -> Page[int]:
    """Return the places (0, 1, 2 …) on page ``number``; 404 where there is none.

    A paginator of numbers: the lists behind it are fetched a slice at a time.
    """
    try:
        return Paginator(range(count), PER_PAGE).page(number)
    except InvalidPage as error:
        raise Http404 from error


def _slice(page: Page[int]) -> tuple[int, int]:
    """Return the first place on the page, and the place after its last."""
    first = (page.number - 1) * PER_PAGE
    return first, first + len(page)
