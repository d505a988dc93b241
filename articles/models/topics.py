"""The tree of topics."""

from typing import Any

from django.db import models
from django.db.models import Q
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


@on_every_page("id", "name", "slug", "description", "article_count")
def _topic_rows() -> models.QuerySet[Topic]:
    # As ArticleQuerySet.published(): articles stand on top of topics.
    published: Any = Q(
        articles__published_version__isnull=False, articles__withdrawn_at__isnull=True
    )
    return (
        Topic.objects.annotate(article_count=models.Count("articles", filter=published))
        .filter(article_count__gt=0)
        .order_by("name")
    )


@content_cached
def topics_in_use() -> list[Topic]:
    """Return the topics that have published articles, with ``article_count`` (0 queries)."""
    topics = []
    for row in _topic_rows():
        topic = Topic(**{key: value for key, value in row.items() if key != "article_count"})
        topic.article_count = row["article_count"]  # type: ignore[attr-defined]
        topics.append(topic)
    return topics
