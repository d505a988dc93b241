"""What to read next: articles that share topics with the one on the page."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, OuterRef
from django.db.models.functions import JSONObject

from .models import Article

RELATED_SHOWN = 3
# Of thousands that share a topic, so many are looked at: those that share most, and among these
# the latest that were begun. Opening the long documents of all of them took 1.7 s.
MAX_CANDIDATES = 20


def related_rows(fields: tuple[str, ...]) -> ArraySubquery:
    """Return an expression for a query of versions: their related articles as JSON objects.

    Those that share most topics come first, then the newest. Each object has ``slug`` and
    ``fields``, keys of the published document. Part of the version's own query, because a page
    must not cost one more.
    """
    links = Article.topics.through.objects
    page = OuterRef(OuterRef("article_id"))
    candidates = (
        links.filter(
            topic__in=links.filter(article=OuterRef(page)).values("topic"),
            article__status=Article.Status.PUBLISHED,
        )
        .exclude(article=page)
        .values("article")
        .annotate(shared=Count("topic"))
        .order_by("-shared", "-article")
        .values("article")[:MAX_CANDIDATES]
    )
    related = (
        Article.objects.published()
        .filter(pk__in=candidates, topics__in=links.filter(article=page).values("topic"))
        .annotate(shared=Count("topics"))
        .order_by("-shared", "-first_published_at", "-pk")
    )
    path = "published_version__document__"
    row: dict[str, Any] = {"slug": "slug"} | {field: f"{path}{field}" for field in fields}
    return ArraySubquery(related.values(row=JSONObject(**row))[:RELATED_SHOWN])
