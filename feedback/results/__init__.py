"""What readers answered about an article, in figures that show no single reader."""

from collections import defaultdict
from dataclasses import dataclass
from math import floor
from typing import TypedDict, cast

from django.db import connection
from django.db.models import Count, Q, QuerySet
from django_stubs_ext import WithAnnotations

from articles.models import Article
from feedback.models import Level, Outcome, StatementWording, SurveyItem, items_by_version
from feedback.statistics import wilson_interval

from .counting import ranking
from .selection import Selection

# Nothing is shown about fewer people than this.
MIN_PEOPLE = 10

# The bar of 100 % is this long; the chart has room for one to each side of its middle.
BAR_LENGTH = 300
BAR_HEIGHT = 28
WHOLE = 100  # per cent
# A share below this many per cent has no room for its label inside the bar.
MIN_LABELLED_PERCENT = 8


@dataclass(frozen=True, slots=True)
class Share:
    """How many chose one level, and where its part of the bar lies (SVG units)."""

    level: Level
    count: int
    percent: float
    x: float
    width: float

    @property
    def middle(self) -> float:
        """Where the label of this part of the bar stands."""
        return self.x + self.width / 2

    @property
    def is_labelled(self) -> bool:
        return self.percent >= MIN_LABELLED_PERCENT


@dataclass(frozen=True, slots=True)
class StatementResult:
    """The answers to one statement: ``n`` of them, in comparable wordings."""

    text: str
    outcome: Outcome
    n: int
    shares: tuple[Share, ...]

    @property
    def is_intention(self) -> bool:
        return self.outcome == Outcome.INTENTION

    @property
    def is_shown(self) -> bool:
        return self.n >= MIN_PEOPLE

    @property
    def rounded_sum(self) -> int:
        """What the shares add up to as they are shown: in whole per cent."""
        # Halves go up, as in the template's "floatformat".
        return sum(floor(share.percent + 0.5) for share in self.shares)

    @property
    def top_2(self) -> int:
        """How many agree or strongly agree."""
        return sum(share.count for share in self.shares if share.level >= Level.AGREE)

    @property
    def top_2_percent(self) -> float:
        return 100 * self.top_2 / self.n

    @property
    def top_2_interval(self) -> tuple[float, float]:
        """The Wilson 95 % interval of ``top_2_percent``, in per cent."""
        low, high = wilson_interval(self.top_2, self.n)
        return 100 * low, 100 * high


@dataclass(frozen=True, slots=True)
class ArticleResults:
    """``n`` readers answered; ``statements`` is empty where they are too few to show."""

    n: int
    statements: tuple[StatementResult, ...]

    @property
    def is_shown(self) -> bool:
        return self.n >= MIN_PEOPLE

    @property
    def are_rounded_off(self) -> bool:
        """Whether a reader who adds up the percentages of a statement misses some of the 100."""
        return any(s.is_shown and s.rounded_sum != WHOLE for s in self.statements)


class HasCount(TypedDict):
    """``n``: how many readers answered about the article."""

    n: int


def articles_with_responses() -> "QuerySet[WithAnnotations[Article, HasCount]]":
    """Return the articles that readers may see or have answered about, with ``n`` responses."""
    articles = (
        Article.objects.annotate(n=Count("responses"))
        .filter(Q(published_version__isnull=False) | Q(n__gt=0))
        .order_by("-first_published_at", "-pk")
    )
    # The plugin names the annotations' type after the query, not after ours.
    return cast("QuerySet[WithAnnotations[Article, HasCount]]", articles)


def article_results(article: Article) -> ArticleResults:
    """Count the answers about ``article`` (4 queries at most)."""
    n = article.responses.count()
    if n < MIN_PEOPLE:
        return ArticleResults(n=n, statements=())
    return ArticleResults(n=n, statements=_statement_results(_count_answers(article.pk)))


# Of all answers to an article's statements, in per cent: fewer that agree are a reason to look.
LOW_TOP_2_PERCENT = 60


@dataclass(frozen=True, slots=True)
class LowRating:
    """An article where few agree: ``top_2_percent`` of all answers of its ``n`` readers."""

    article_id: int
    title: str
    n: int
    top_2_percent: float


def low_ratings() -> list[LowRating]:
    """Return the articles that readers rate low, the lowest first.

    Of closed months, and only what the results pages show, too. Queries: 1 more than
    ``counting.ranking``.
    """
    low = {
        row.article_id: row
        for row in ranking(Selection())
        if row.n and row.answers and 100 * (row.top_2 or 0) / row.answers < LOW_TOP_2_PERCENT
    }
    readable = Article.objects.filter(pk__in=low, withdrawn_at=None).values_list("pk", flat=True)
    return sorted(
        (
            LowRating(pk, row.title, row.n or 0, 100 * (row.top_2 or 0) / (row.answers or 1))
            for pk in readable
            for row in [low[pk]]
        ),
        key=lambda rating: (rating.top_2_percent, rating.article_id),
    )


# (Survey version, place in its levels from 0) → level → how many.
Counts = dict[tuple[int, int], dict[int, int]]


def _count_answers(article_id: int) -> Counts:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT survey_version_id, answer.place, answer.level, count(*)
            FROM feedback_response,
                unnest(levels) WITH ORDINALITY AS answer (level, place)
            WHERE article_id = %s
            GROUP BY 1, 2, 3
            """,
            [article_id],
        )
        counts: Counts = defaultdict(dict)
        for version_id, place, level, count in cursor.fetchall():
            counts[version_id, place - 1][level] = count
        return counts


def _statement_results(counts: Counts) -> tuple[StatementResult, ...]:
    """Add up the answers to wordings that compare with each other, under the newest of them."""
    versions = items_by_version({version_id for version_id, _place in counts})
    series = _series({item.wording.statement_id for items in versions.values() for item in items})
    newest: dict[int, SurveyItem] = {}
    totals: dict[int, dict[int, int]] = {}
    for version_id, items in versions.items():
        for place, item in enumerate(items):
            key = series[item.wording_id]
            newest.setdefault(key, item)
            total = totals.setdefault(key, dict.fromkeys(Level.values, 0))
            for level, count in counts[version_id, place].items():
                total[level] += count
    return tuple(_statement_result(item, totals[key]) for key, item in newest.items())


def _series(statement_ids: set[int]) -> dict[int, int]:
    """Return for each wording of the statements the first wording that it compares with."""
    series: dict[int, int] = {}
    before: StatementWording | None = None
    for wording in StatementWording.objects.filter(statement__in=statement_ids).order_by(
        "statement", "number"
    ):
        goes_on = (
            before is not None
            and before.statement_id == wording.statement_id
            and wording.is_comparable
        )
        series[wording.pk] = series[before.pk] if goes_on and before else wording.pk
        before = wording
    return series


def _statement_result(item: SurveyItem, counts: dict[int, int]) -> StatementResult:
    statement = item.wording.statement
    n = sum(counts.values())
    percents = {level: 100 * counts[level] / n if n else 0.0 for level in Level}
    # A diverging bar: the middle of "neither" stands in the middle of the chart
    # (Heiberger and Robbins, J Stat Softw 2014;57(5)).
    left = (
        percents[Level.STRONGLY_DISAGREE] + percents[Level.DISAGREE] + percents[Level.NEUTRAL] / 2
    )
    x = BAR_LENGTH * (1 - left / 100)
    shares = []
    for level in Level:
        width = BAR_LENGTH * percents[level] / 100
        shares.append(
            Share(
                level=level,
                count=counts[level],
                percent=percents[level],
                x=round(x, 2),
                width=round(width, 2),
            )
        )
        x += width
    return StatementResult(
        text=item.wording.text,
        outcome=Outcome(statement.outcome),
        n=n,
        shares=tuple(shares),
    )
