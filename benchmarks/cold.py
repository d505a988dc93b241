"""An attested reader's page of a 30 KB article, made when a process remembers nothing at all."""

from __future__ import annotations

import statistics
import time
from itertools import cycle
from typing import Any

BYTES = 30_000
TIMES, QUICK_TIMES = 30, 2
LIMIT = 60  # milliseconds


def cold_rendering(slug: str, *, quick: bool = False) -> dict[str, Any]:
    """Return how long the whole answer takes, from the request to the last byte of the page.

    The article is the one named ``slug``, with its sections again and again until what is rendered
    of them has ``BYTES``.
    """
    from django.test import Client
    from django.urls import reverse

    from portal.attestation.models import current_statement
    from portal.core.content_cache import memory

    browser = Client(headers={"host": "localhost"})
    declaration = {"is_healthcare_professional": "on", "statement": current_statement().number}
    browser.post(reverse("gate"), declaration)
    address = reverse("article", args=[_long_article(slug)])
    length = len(browser.get(address).content)
    taken = []
    for _ in range(QUICK_TIMES if quick else TIMES):
        memory.forget()
        started = time.perf_counter()
        browser.get(address)
        taken.append((time.perf_counter() - started) * 1000)
    cuts = statistics.quantiles(taken, n=20, method="inclusive")
    return {
        "bytes_of_page": length,
        "p50_ms": round(cuts[9], 1),
        "p95_ms": round(cuts[18], 1),
        "limit_ms": LIMIT,
    }


def _long_article(slug: str) -> str:
    """Publish the long article, and return its slug."""
    from articles.models import Article, ArticleVersion
    from articles.pages import render_page

    short = ArticleVersion.objects.published().get(article__slug=slug)
    article = Article.objects.create(title=short.article.title, slug=f"{slug}-long", summary="x")
    document = {**short.document, "slug": article.slug, "sections": []}
    for number, section in enumerate(cycle(short.document["sections"])):
        document["sections"].append({**section, "anchor": f"{section['anchor']}-{number}"})
        if len(render_page(article, document).body.encode()) >= BYTES:
            break
    version = ArticleVersion.objects.create(
        article=article,
        number=1,
        document=document,
        published_at=short.published_at,
    )
    Article.objects.filter(pk=article.pk).update(
        status=Article.Status.PUBLISHED,
        published_version=version,
        first_published_at=version.published_at,
    )
    return article.slug
