"""Results pages over a million responses, against the time that staff may have to wait.

Every kind of selection: the portal, articles, topics and authors; all months or one; all readers or
those of a profession, a specialty, a country, a rare country. By Django's test client: ``page`` is
asked of a process that lives, each selection for the first time; ``cold`` is the first page of a
process, or after a closed month has changed.
"""

from __future__ import annotations

import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from .harness import Result, portal_of_its_own, progress, staff_browser
from .results_responses import make_responses
from .search_articles import make_articles

if TYPE_CHECKING:
    from feedback.results.selection import Selection

RESPONSES, ARTICLES, PER_KIND = 1_000_000, 300, 5
QUICK_RESPONSES, QUICK_ARTICLES, QUICK_PER_KIND = 2_000, 20, 1
LIMIT = 300  # milliseconds, of the 95th percentile


def run(*, quick: bool = False, responses: int = 0, articles: int = 0) -> Result:
    responses = responses or (QUICK_RESPONSES if quick else RESPONSES)
    articles = articles or (QUICK_ARTICLES if quick else ARTICLES)
    with portal_of_its_own() as postgres:
        progress(f"making {articles:,} articles")
        make_articles(postgres, articles)
        progress(f"making {responses:,} responses")
        make_responses(postgres, responses)
        return measure(QUICK_PER_KIND if quick else PER_KIND)


def measure(per_kind: int) -> Result:
    from django.db import connection

    from feedback import tallies
    from feedback.models import Response, Tally
    from portal.core.content_cache import memory

    memory.forget()
    progress("counting everything")
    rebuild = timed(tallies.rebuild)
    again = timed(tallies.rebuild)
    with connection.cursor() as cursor:
        # As autovacuum does where a portal grows by and by.
        cursor.execute("VACUUM (ANALYZE) feedback_tally")
        cursor.execute("VACUUM (ANALYZE) feedback_response")
    check = timed(tallies.differences)
    taken: dict[str, dict[str, list[float]]] = {
        name: defaultdict(list) for name in ("page", "cold")
    }
    browser = staff_browser()
    asked = dict.fromkeys(selections(per_kind))
    forget()
    for name, selection in asked:
        progress(f"{name}")
        taken["page"][name].append(timed(partial(page, browser, selection)))
    for name, selection in asked:
        progress(f"cold: {name}")
        forget()
        taken["cold"][name].append(timed(partial(page, browser, selection)))
    p95 = {
        way: round(percentile_95([t for times in kinds.values() for t in times]), 1)
        for way, kinds in taken.items()
    }
    return Result(
        name="results",
        ratio=round(p95["page"] / LIMIT, 2),
        against=f"p95 of {LIMIT} ms for any selection",
        figures={
            "responses": Response.objects.count(),
            "tallies": Tally.objects.count(),
            "rebuild_seconds": round(rebuild / 1000, 2),
            "rebuild_unchanged_seconds": round(again / 1000, 2),
            "check_seconds": round(check / 1000, 2),
            "p95_ms": p95,
            "slowest_ms": {
                way: {name: round(max(times), 1) for name, times in kinds.items()}
                for way, kinds in taken.items()
            },
        },
    )


def timed(work: Callable[[], object]) -> float:
    """Return how long ``work`` took, in milliseconds."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def percentile_95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def selections(per_kind: int) -> Iterator[tuple[str, Selection]]:
    from articles.models import Article, topics_in_use
    from feedback.models import Tally
    from feedback.results.selection import Dimension, Selection, open_month
    from portal.people.models import Person

    chance = random.Random(5)  # noqa: S311 - not secret
    scopes: dict[str, list[int]] = {
        "article": list(Article.objects.filter(pk__gt=1_000_000).values_list("pk", flat=True)),
        "topic": [topic.pk for topic in topics_in_use()],
        "author": list(Person.objects.values_list("pk", flat=True)),
    }
    closed = Tally.objects.filter(month__lt=open_month())
    months = sorted(set(closed.values_list("month", flat=True)))
    values: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for dimension in Dimension:
        found = closed.filter(dimension=dimension.value)
        sizes: dict[str, int] = defaultdict(int)
        for value, n in found.values_list("value", "n"):
            sizes[value] += n
        ranked = sorted(sizes, key=lambda value: -sizes[value])
        middle = max(1, len(ranked) // 2)
        values[dimension.value] = [(dimension.value, value) for value in ranked[:middle]]
        values[f"rare_{dimension.value}"] = [(dimension.value, value) for value in ranked[middle:]]
    for scope in (None, *scopes):
        for month in (None, months):
            for readers in (None, *values):
                for _turn in range(per_kind):
                    chosen: dict[str, Any] = {}
                    if scope:
                        chosen[scope] = chance.choice(scopes[scope])
                    if month:
                        chosen["month"] = chance.choice(month)
                    if readers:
                        dimension, value = chance.choice(values[readers])
                        chosen |= {"dimension": Dimension(dimension), "value": value}
                    name = f"{scope or 'portal'}, {'month' if month else 'all'}, {readers or 'all'}"
                    yield name, Selection(**chosen)


def forget() -> None:
    """Begin as a new process does."""
    from feedback.results import counting
    from portal.core.content_cache import memory

    memory.forget()
    counting.forget()


def page(browser: Any, selection: Selection) -> None:
    from django.urls import reverse

    answer = browser.get(reverse("admin:feedback_results"), selection.as_filters())
    if answer.status_code != HTTPStatus.OK:
        raise RuntimeError(f"{selection} answered {answer.status_code}")
