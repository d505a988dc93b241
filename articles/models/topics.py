"""The tree of topics."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db import connection, models
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.core.content_cache import content_cached
from portal.core.page_rows import on_every_page
from portal.core.triggers import BumpContentStamp


class Topic(models.Model):
    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(_("address"), unique=True)
    description = models.TextField(_("description"), blank=True)
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("broader topic"),
    )

    class Meta:
        ordering = ["name"]
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        triggers = [BumpContentStamp()]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("topic", args=[self.slug])


@on_every_page("id", "name", "slug", "description", "parent_id", "has_articles")
def _topic_rows() -> models.QuerySet[Topic]:
    # By way of the drafts' topics, whose index leads to the first such article at once. To look at
    # those of the versions took 30 ms of each cold page at 50,000 articles; topics_in_use is exact.
    # As ArticleQuerySet.published(): articles stand on top of topics.
    links: Any = Topic.articles.through
    published = links.objects.filter(
        topic=OuterRef("pk"),
        article__published_version__isnull=False,
        article__withdrawn_at__isnull=True,
    )
    return Topic.objects.annotate(has_articles=Exists(published)).order_by("name")


@dataclass(frozen=True, slots=True)
class TopicTree:
    """All topics by their keys, in the order of their names."""

    topics: dict[int, Topic]
    in_use: list[Topic]  # those with published articles of their own or of narrower topics

    def find(self, slug: str) -> Topic | None:
        """Return the topic at the address ``slug``."""
        return next((topic for topic in self.topics.values() if topic.slug == slug), None)

    def path(self, topic: Topic) -> list[Topic]:
        """Return the broader topics of ``topic``, the broadest first."""
        broader: list[Topic] = []
        parent = self.topics.get(topic.parent_id or 0)
        while parent is not None and parent != topic and parent not in broader:
            broader.insert(0, parent)
            parent = self.topics.get(parent.parent_id or 0)
        return broader

    def within(self, topic: Topic) -> tuple[int, ...]:
        """Return the keys of ``topic`` and of all that is narrower."""
        found = [topic.pk]
        for key in found:
            found += [
                child.pk
                for child in self.topics.values()
                if child.parent_id == key and child.pk not in found
            ]
        return tuple(found)


@content_cached
def topic_tree() -> TopicTree:
    """Return all topics (0 queries once remembered)."""
    rows = _topic_rows()
    topics = {
        row["id"]: Topic(**{key: value for key, value in row.items() if key != "has_articles"})
        for row in rows
    }
    tree = TopicTree(topics, [])
    in_use = {topics[row["id"]] for row in rows if row["has_articles"]}
    in_use.update(*(tree.path(topic) for topic in tuple(in_use)))
    tree.in_use.extend(topic for topic in topics.values() if topic in in_use)
    return tree


# One row for each set of topics that articles have, read from an index alone. To follow the tree in
# PostgreSQL and to count each article once took ten times as long at 50,000 articles.
_COUNTS = """
    SELECT search_topics, count(*)
    FROM articles_article
    WHERE published_version_id IS NOT NULL AND withdrawn_at IS NULL
    GROUP BY search_topics
"""


@content_cached
def topic_counts() -> dict[int, int]:
    """Return how many published articles each topic in use has, by its key (1 query).

    Those of narrower topics are counted, too, each article once. No part of what every page
    shows: at 50,000 articles it takes as long as the rest of a page.
    """
    tree = topic_tree()
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS)
        rows = cursor.fetchall()
    counts: Counter[int] = Counter()
    for keys, count in rows:
        # A topic may have been deleted since.
        topics = [tree.topics[key] for key in keys if key in tree.topics]
        for topic in {one for own in topics for one in (own, *tree.path(own))}:
            counts[topic.pk] += count
    return dict(counts)


@content_cached
def topics_in_use() -> list[Topic]:
    """Return the topics with published articles, with their ``article_count`` (1 query)."""
    counts = topic_counts()
    topics = [topic for topic in topic_tree().topics.values() if topic.pk in counts]
    for topic in topics:
        topic.article_count = counts[topic.pk]  # type: ignore[attr-defined]
    return topics
