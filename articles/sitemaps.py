"""What crawlers should find: an index, and a map of each kind of page."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.sitemaps import Sitemap
from django.contrib.sitemaps.views import sitemap as render_section
from django.contrib.sitemaps.views import x_robots_tag
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import conditional_page, require_safe

from portal.core.doors import public
from portal.core.models import Page

from .authors import published_authors
from .models import Article, topic_tree

# An item is the path of a page and the time of its last change, where that is known.
Item = tuple[str, datetime | None]


class _SitemapOfSite(Sitemap[Any]):
    """Addresses below the site's own public address, whatever host was asked."""

    # Of the 50,000 that the protocol allows: a map takes as long as a page to make.
    limit = 1000

    def get_domain(self, site: Any = None) -> str:
        return urlsplit(settings.SITE_URL).netloc

    def get_protocol(self, protocol: str | None = None) -> str:
        return urlsplit(settings.SITE_URL).scheme


class PageSitemap(_SitemapOfSite):
    """Home, the lists and the plain pages (1 query)."""

    def items(self) -> list[Item]:
        fixed: list[Item] = [
            (reverse(name), None)
            for name in (
                "home",
                "article_list",
                "funder_list",
                "funder_changes",
                "not_a_professional",
            )
        ]
        pages = Page.objects.only("slug", "updated_at")
        return fixed + [(page.get_absolute_url(), page.updated_at) for page in pages]

    def location(self, item: Item) -> str:
        return item[0]

    def lastmod(self, item: Item) -> datetime | None:
        return item[1]


class TopicSitemap(_SitemapOfSite):
    """Topics with articles (0 queries once remembered)."""

    def items(self) -> Any:
        return topic_tree().in_use


class AuthorSitemap(_SitemapOfSite):
    """People with articles (2 queries)."""

    def items(self) -> Any:
        return published_authors().order_by("pk").values_list("slug", flat=True)

    def location(self, item: str) -> str:
        return reverse("author", args=[item])


class ArticleSitemap(_SitemapOfSite):
    """Published articles (2 queries); changed when their version was written."""

    def items(self) -> Any:
        articles = Article.objects.published().order_by("pk")
        return articles.values_list("slug", "published_version__published_at")

    def location(self, item: tuple[str, datetime]) -> str:
        return reverse("article", args=[item[0]])

    def lastmod(self, item: tuple[str, datetime]) -> datetime:
        return item[1]


SITEMAPS: dict[str, type[_SitemapOfSite]] = {
    "pages": PageSitemap,
    "topics": TopicSitemap,
    "authors": AuthorSitemap,
    "articles": ArticleSitemap,
}


@public
@require_safe
@conditional_page
@x_robots_tag
def sitemap_index(request: HttpRequest) -> HttpResponse:
    """List the maps, a long one in several parts (3 queries at any length)."""
    locations = []
    for section, sitemap_class in SITEMAPS.items():
        address = settings.SITE_URL + reverse("sitemap", args=[section])
        parts = sitemap_class().paginator.num_pages
        locations += [address, *(f"{address}?p={part}" for part in range(2, parts + 1))]
    context = {"sitemaps": [{"location": location} for location in locations]}
    return HttpResponse(
        render_to_string("sitemap_index.xml", context), content_type="application/xml"
    )


@public
@require_safe
@conditional_page
@x_robots_tag
def sitemap(request: HttpRequest, section: str) -> HttpResponse:
    """Answer with the map of one kind of page, ``?p=2`` and so on with the rest of a long one."""
    rendered = render_section(request, {**SITEMAPS}, section=section).render()
    # Without its Last-Modified: as in the feeds, a withdrawal makes the latest date an older one.
    return HttpResponse(rendered.content, content_type="application/xml")
