"""A page of results put together: figures beside those of the rest, with their charts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from . import charts, counting
from .figures import Figures, Month, RankedArticle, StatementFigures
from .selection import Selection

# What a series of answers is known by from month to month, and in the rest of the portal.
Series = tuple[str, str, int, tuple[str, ...]]


def series_of(statement: StatementFigures) -> Series:
    return statement.survey, statement.key, statement.series, statement.labels


@dataclass(frozen=True, slots=True)
class Row:
    """A statement, beside the same in the rest of the portal where that is shown."""

    figures: StatementFigures
    rest: StatementFigures | None
    scale: charts.Diverging
    key: str
    is_one_of_several: bool

    @property
    def bar(self) -> list[charts.Segment]:
        return charts.bar(self.figures, self.scale)

    @property
    def rest_bar(self) -> list[charts.Segment]:
        return charts.bar(self.rest, self.scale) if self.rest else []

    @property
    def rest_key(self) -> str:
        return f"{self.key}-rest"

    @property
    def difference(self) -> int | None:
        """By how many percentage points more agree here than in the rest, rounded."""
        if self.rest is None or not (self.rest.n and self.figures.n):
            return None
        return round(self.figures.top_2_percent - self.rest.top_2_percent)

    @property
    def points(self) -> int:
        """The difference without its direction."""
        return abs(self.difference or 0)


@dataclass(frozen=True, slots=True)
class Group:
    """The statements of one survey that share the labels of their scale."""

    survey: str
    labels: tuple[str, ...]
    rows: tuple[Row, ...]
    scale: charts.Diverging

    @property
    def legend(self) -> list[charts.Part]:
        return charts.legend(self.labels)

    @property
    def has_rest(self) -> bool:
        return any(row.rest for row in self.rows)


def rest_of(selection: Selection) -> Figures | None:
    """Return the portal without the articles of ``selection``; None where it is of all articles."""
    if selection.article is selection.topic is selection.author is None:
        return None
    return counting.rest_of_portal(selection)


def groups(figures: Figures, rest: Figures | None) -> list[Group]:
    """Return the statements of ``figures`` by survey and scale, in their order."""
    beside = {series_of(statement): statement for statement in (rest.statements if rest else ())}
    found: dict[tuple[str, tuple[str, ...]], list[StatementFigures]] = {}
    for statement in figures.statements:
        found.setdefault((statement.survey, statement.labels), []).append(statement)
    series = Counter((statement.survey, statement.key) for statement in figures.statements)
    return [
        _group(number, [(one, beside.get(series_of(one))) for one in statements], series)
        for number, statements in enumerate(found.values(), 1)
    ]


def _group(
    number: int,
    pairs: list[tuple[StatementFigures, StatementFigures | None]],
    series: Counter[tuple[str, str]],
) -> Group:
    first = pairs[0][0]
    drawn = [statement for pair in pairs for statement in pair if statement]
    scale = charts.diverging_scale(drawn)
    rows = tuple(
        Row(
            statement,
            rest,
            scale,
            f"bar-{number}-{place}",
            series[statement.survey, statement.key] > 1,
        )
        for place, (statement, rest) in enumerate(pairs, 1)
    )
    return Group(first.survey, first.labels, rows, scale)


@dataclass(frozen=True, slots=True)
class StatementTrend:
    """What became of a statement, month by month, under its newest wording."""

    statement: StatementFigures
    chart: charts.Trend


def trends(figures: Figures, months: Sequence[Month]) -> list[StatementTrend]:
    """Return a trend for each statement of ``figures`` that is shown in a month at least."""
    by_month = [
        (month.month, {series_of(one): one for one in month.figures.statements}) for month in months
    ]
    drawn = []
    for statement in figures.statements:
        key = series_of(statement)
        chart = charts.trend([(month, found.get(key)) for month, found in by_month])
        if chart.last_shown:
            drawn.append(StatementTrend(statement, chart))
    return drawn


@dataclass(frozen=True, slots=True)
class Place:
    """An article's place in the ranking, from 1; None where its figures are not shown."""

    number: int | None
    article: RankedArticle

    @property
    def interval(self) -> charts.Interval | None:
        bounds = self.article.interval
        if bounds is None or self.percent is None:
            return None
        return charts.interval(low=bounds[0], share=self.percent, high=bounds[1])

    @property
    def percent(self) -> float | None:
        if self.article.top_2 is None or not self.article.answers:
            return None
        return 100 * self.article.top_2 / self.article.answers


def places(ranked: Sequence[RankedArticle]) -> list[Place]:
    """Number the articles that are shown; they come first."""
    return list(_places(ranked))


def _places(ranked: Sequence[RankedArticle]) -> Iterator[Place]:
    for number, article in enumerate(ranked, 1):
        yield Place(number if article.interval else None, article)
