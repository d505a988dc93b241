"""Atom feeds of what was published last: the public part of each article, never its text."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.views.decorators.http import conditional_page, require_safe

from portal.core.content_cache import remember
from portal.core.doors import public
from portal.core.models import site_settings

from .citations import strip_citations
from .models import Article, Topic, topic_tree

ENTRIES = 20
# XML has no way to write these.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A published article in a feed."""

    article_id: int
    slug: str
    title: str
    summary: str
    authors: list[str]
    published_at: datetime
    updated_at: datetime


class _Atom(Atom1Feed):
    """Django's with one element for each author of an entry."""

    def add_item_elements(self, handler: Any, item: Any) -> None:
        super().add_item_elements(handler, item)
        for name in item["authors"]:
            handler.startElement("author", {})
            handler.addQuickElement("name", name)
            handler.endElement("author")


class ArticleFeed(Feed[Entry, Topic | None]):
    """The latest articles of the site (``topic`` is None), or of a topic and narrower ones.

    Every address is whole and of the site's own public address, whatever host was asked.
    """

    feed_type = _Atom

    def get_object(self, request: HttpRequest, slug: str | None = None) -> Topic | None:
        if slug is None:
            return None
        topic = topic_tree().find(slug)
        if topic is None:
            raise Topic.DoesNotExist
        return topic

    def title(self, topic: Topic | None) -> str:
        name = site_settings().name
        if topic is not None:
            name = _("%(topic)s – %(site)s") % {"topic": topic.name, "site": name}  # noqa: RUF001
        return _xml(name)

    def subtitle(self, topic: Topic | None) -> str:
        return _xml(topic.description if topic is not None else site_settings().tagline)

    def link(self, topic: Topic | None) -> str:
        return settings.SITE_URL + (topic.get_absolute_url() if topic else reverse("home"))

    def feed_url(self, topic: Topic | None) -> str:
        address = reverse("topic_feed", args=[topic.slug]) if topic else reverse("feed")
        return str(settings.SITE_URL + address)

    def feed_guid(self, topic: Topic | None) -> str:
        return self.feed_url(topic)

    def author_name(self, topic: Topic | None) -> str:
        return _xml(site_settings().publisher_name or site_settings().name)

    def items(self, topic: Topic | None) -> list[Entry]:
        """Return the latest articles (1 query)."""
        articles = Article.objects.published()
        if topic is not None:
            articles = articles.within(topic_tree().within(topic))
        version = "published_version__"
        title, summary, authors = (
            f"{version}document__{field}" for field in ("title", "summary", "authors")
        )
        updated = f"{version}published_at"
        rows = articles.values("pk", "slug", "first_published_at", updated, title, summary, authors)
        return [
            Entry(
                article_id=row["pk"],
                slug=row["slug"],
                title=_xml(row[title]),
                summary=_xml(strip_citations(row[summary])),
                authors=[_xml(author["name"]) for author in row[authors]],
                published_at=row["first_published_at"],
                updated_at=row[updated],
            )
            for row in rows[:ENTRIES]
        ]

    def item_title(self, item: Entry) -> str:
        return item.title

    def item_description(self, item: Entry) -> str:
        # Django declares an Atom summary to be HTML.
        return escape(item.summary)

    def item_link(self, item: Entry) -> str:
        return settings.SITE_URL + reverse("article", args=[item.slug])

    def item_guid(self, item: Entry) -> str:
        """Return a name (RFC 4151) that stays when the article's address changes."""
        return f"tag:{settings.SITE_HOST},{item.published_at:%Y-%m-%d}:article-{item.article_id}"

    def item_pubdate(self, item: Entry) -> datetime:
        return item.published_at

    def item_updateddate(self, item: Entry) -> datetime:
        return item.updated_at

    def item_extra_kwargs(self, item: Entry) -> dict[str, object]:
        return {"authors": item.authors}


def _xml(text: str) -> str:
    return _NOT_XML.sub("", text)


@public
@require_safe
@conditional_page
def feed(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """Answer with the feed of the site or of a topic (0 queries once remembered).

    Its validator is an ETag alone: after a withdrawal the latest date is an older one, and a
    comparison of dates would go on saying that nothing has changed.
    """
    content = remember((feed, slug), lambda: ArticleFeed()(request, slug=slug).content)
    return HttpResponse(content, content_type=_Atom.content_type)
