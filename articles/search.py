"""Full text search over what is published, on PostgreSQL alone."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db import OperationalError, connection, transaction
from django.db.models import Case, F, Func, Max, Min, TextField, When
from django.db.models.functions import ExtractYear
from django.utils import timezone
from psycopg.errors import QueryCanceled

from portal.core.content_cache import content_cached

from .models import Article, ArticleQuerySet, Topic
from .pages import Card, cards

T = TypeVar("T")

# Ranking is what a search costs: so many matches are ranked, and the page says when there are more.
MAX_CANDIDATES = 1000
SEARCH_CONFIG = "english"
# A phrase of common words has to be looked for in each text that has them all.
TIMEOUT_SECONDS = 3

# For this transaction. The planner takes a look into a vector for as cheap as any comparison, and
# would read the table instead of the index for words that are neither rare nor common.
_PLAN = """
    SELECT set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'off', true),
        set_config('statement_timeout', %s, true)
"""

# One row: a thousand would cost Python more than PostgreSQL.
_SUMMARY = """
    WITH candidate AS MATERIALIZED ({candidates})
    SELECT
        (SELECT coalesce(array_agg(id ORDER BY rank DESC, first_published_at DESC, id DESC), '{{}}')
            FROM candidate),
        (SELECT coalesce(json_agg(json_build_array(search_type, count)), '[]')
            FROM (SELECT search_type, count(*) FROM candidate GROUP BY 1) AS counted),
        (SELECT coalesce(json_agg(json_build_array(year, count)), '[]')
            FROM (SELECT year, count(*) FROM candidate GROUP BY 1) AS counted),
        (SELECT coalesce(json_agg(json_build_array(search_topics, count)), '[]')
            FROM (SELECT search_topics, count(*) FROM candidate GROUP BY 1) AS counted)
"""


class SearchTooSlowError(Exception):
    """PostgreSQL was stopped after TIMEOUT_SECONDS."""


@dataclass(frozen=True, slots=True)
class SearchTopic:
    """A topic in the tree: its family is itself and all that are narrower, its line all broader."""

    id: int
    name: str
    slug: str
    family: frozenset[int]
    line: frozenset[int]


@content_cached
def search_topics() -> dict[int, SearchTopic]:
    """Return all topics by id, in the order of their names (1 query when cold)."""
    rows = list(Topic.objects.order_by("name", "pk").values_list("pk", "name", "slug", "parent_id"))
    parents = {pk: parent for pk, _, _, parent in rows}
    lines = {pk: _line(pk, parents) for pk in parents}
    families = defaultdict(set)
    for pk, line in lines.items():
        for broader in line | {pk}:
            families[broader].add(pk)
    return {
        pk: SearchTopic(pk, name, slug, frozenset(families[pk]), frozenset(lines[pk]))
        for pk, name, slug, _ in rows
    }


def _line(topic: int, parents: Mapping[int, int | None]) -> set[int]:
    line: set[int] = set()
    broader = parents[topic]
    # A ring of topics, which only a hand in the database could make, ends the way.
    while broader is not None and broader not in line:
        line.add(broader)
        broader = parents[broader]
    return line - {topic}


@content_cached
def published_years() -> list[int]:
    """Return the years from the last published article back to the first (1 query when cold)."""
    ends = (
        Article.objects.published()
        .order_by()
        .aggregate(first=Min("first_published_at"), last=Max("first_published_at"))
    )
    if ends["first"] is None:
        return []
    first, last = (timezone.localtime(ends[end]).year for end in ("first", "last"))
    return list(range(last, first - 1, -1))


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search is narrowed to; None and "" narrow nothing."""

    topic: SearchTopic | None = None
    type: str = ""
    year: int | None = None

    def apply(self, articles: ArticleQuerySet) -> ArticleQuerySet:
        if self.topic is not None:
            articles = articles.filter(search_topics__overlap=sorted(self.topic.family))
        if self.type:
            articles = articles.filter(search_type=self.type)
        if self.year is not None:
            zone = timezone.get_current_timezone()
            articles = articles.filter(
                first_published_at__gte=datetime(self.year, 1, 1, tzinfo=zone),
                first_published_at__lt=datetime(self.year + 1, 1, 1, tzinfo=zone),
            )
        return articles


@dataclass(frozen=True, slots=True)
class SearchResults:
    """The ids of the candidates, best first, and how many of them each filter's value has.

    ``is_capped``: there are more matches than candidates, so that each count says "at least".
    """

    ids: list[int]
    is_capped: bool
    topics: Counter[int]  # by id; an article on a narrower topic counts for the broader ones, too
    types: Counter[str]
    years: Counter[int]


def search_articles(text: str, filters: Filters) -> SearchResults:
    """Find the published articles that match ``text``, in web search syntax (2 queries).

    Nothing matches a text that only says what to leave out. Raises ``SearchTooSlowError``.
    """
    query = SearchQuery(text, config=SEARCH_CONFIG, search_type="websearch")
    matches = (
        filters.apply(Article.objects.published())
        .alias(indexable=Func(query, function="querytree", output_field=TextField()))
        .exclude(indexable="T")
        .filter(search_vector=query)
        # The first matches that the index finds, without sorting all of them.
        .order_by()
        .annotate(
            rank=SearchRank(F("search_vector"), query), year=ExtractYear("first_published_at")
        )
        .values("id", "rank", "first_published_at", "year", "search_type", "search_topics")
    )
    candidates, parameters = matches[: MAX_CANDIDATES + 1].query.sql_with_params()
    try:
        with transaction.atomic(savepoint=False), connection.cursor() as cursor:
            cursor.execute(_PLAN, [f"{TIMEOUT_SECONDS}s"])
            cursor.execute(_SUMMARY.format(candidates=candidates), parameters)
            ids, types, years, topics = cursor.fetchone()
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise SearchTooSlowError from error
        raise
    return SearchResults(
        ids=ids[:MAX_CANDIDATES],
        is_capped=len(ids) > MAX_CANDIDATES,
        types=_counter(types),
        years=_counter(years),
        topics=_count_topics(topics),
    )


def _counter(found: Iterable[tuple[T, int]]) -> Counter[T]:
    # The candidate past the last only tells that there are more.
    return Counter({value: min(count, MAX_CANDIDATES) for value, count in found})


def _count_topics(found: list[tuple[list[int], int]]) -> Counter[int]:
    tree = search_topics()
    counts: Counter[int] = Counter()
    for topics, count in found:
        # A topic may have been deleted since.
        known = [tree[topic] for topic in topics if topic in tree]
        for one in {one for topic in known for one in (topic.id, *topic.line)}:
            counts[one] += count
    return _counter(counts.items())


def result_cards(ids: list[int]) -> list[Card]:
    """Return the cards of the articles ``ids``, in this order (1 query; none for none)."""
    if not ids:
        return []
    in_order = Case(*(When(pk=pk, then=place) for place, pk in enumerate(ids)))
    return cards(Article.objects.published().filter(pk__in=ids).order_by(in_order))
