"""Charts of results as geometry: where the templates draw what. Lengths are units of a viewBox."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise
from math import ceil

from feedback.models import Level

from .figures import StatementFigures

# --- Diverging stacked bars (Heiberger and Robbins, J Stat Softw 2014;57(5)) ----------------------

BAR_LENGTH = 600
# A part shorter than this has no room for its label; on a phone, where letters are twice as large
# beside the chart, only those as long as the second have.
MIN_LABELLED, MIN_LABELLED_ON_PHONES = 32, 62
# Orange to petrol, told apart by colour-blind eyes, too; hatched where people disagree, so that a
# copier's greys tell it. Style sheets give other colours for dark grounds.
FILLS = {1: "#8c4a10", 2: "#e3b873", 3: "#d3d8db", 4: "#8cc9c4", 5: "#0b5d63"}
HATCHED = (Level.STRONGLY_DISAGREE, Level.DISAGREE)
EXTENT_STEP = 25  # per cent


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of a scale: how far from its middle or zero, in per cent, and where."""

    percent: int
    at: float


@dataclass(frozen=True, slots=True)
class Diverging:
    """A scale with its zero in the middle of "neither": ``left`` and ``right`` in per cent.

    Only as far as the longest bars reach, in steps, so that bars are as long as there is room.
    """

    left: int
    right: int

    @property
    def middle(self) -> float:
        return self.at(0)

    def at(self, percent: float) -> float:
        """Return where ``percent`` lies; below zero: to the left, where people disagree."""
        return round(BAR_LENGTH * (self.left + percent) / (self.left + self.right), 2)

    @property
    def ticks(self) -> list[Tick]:
        """The lines at every 25 per cent, or every 50 where that would be crowded."""
        step = EXTENT_STEP if self.left + self.right <= 5 * EXTENT_STEP else 2 * EXTENT_STEP
        return [
            Tick(abs(percent), self.at(percent))
            for percent in range(-(self.left // step) * step, self.right + 1, step)
        ]


@dataclass(frozen=True, slots=True)
class Part:
    """A level as it is drawn."""

    level: int
    label: str

    @property
    def fill(self) -> str:
        return FILLS[self.level]

    @property
    def is_hatched(self) -> bool:
        return self.level in HATCHED


@dataclass(frozen=True, slots=True)
class Segment(Part):
    """How many chose one level, and where its part of a bar lies."""

    count: int
    percent: float
    x: float
    width: float

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 2)

    @property
    def is_labelled(self) -> bool:
        return self.width >= MIN_LABELLED

    @property
    def is_labelled_on_phones(self) -> bool:
        return self.width >= MIN_LABELLED_ON_PHONES


def legend(labels: Sequence[str]) -> list[Part]:
    """Return what the parts of a bar stand for, from the lowest level to the highest."""
    return [Part(level.value, label) for level, label in zip(Level, labels, strict=True)]


def diverging_scale(statements: Iterable[StatementFigures]) -> Diverging:
    """Return the shortest scale on which the bars of all ``statements`` find room."""
    left = right = EXTENT_STEP
    for statement in statements:
        disagreeing = _left_of_middle(statement)
        agreeing = (100 - disagreeing) if statement.n else 0
        left = max(left, EXTENT_STEP * ceil(disagreeing / EXTENT_STEP))
        right = max(right, EXTENT_STEP * ceil(agreeing / EXTENT_STEP))
    return Diverging(left, right)


def bar(statement: StatementFigures, scale: Diverging) -> list[Segment]:
    """Return the five parts of a statement's bar, from the lowest level to the highest."""
    segments = []
    start = -_left_of_middle(statement)
    for level, percent in zip(Level, statement.percents, strict=True):
        x, end = scale.at(start), scale.at(start + percent)
        segments.append(
            Segment(
                level=level.value,
                label=statement.labels[level - 1],
                count=statement.counts[level - 1],
                percent=percent,
                x=x,
                width=round(end - x, 2),
            )
        )
        start += percent
    return segments


def _left_of_middle(statement: StatementFigures) -> float:
    percents = statement.percents
    below = sum(percents[: Level.NEUTRAL - 1])
    return below + percents[Level.NEUTRAL - 1] / 2


# --- A share and its interval over time -----------------------------------------------------------

TREND_WIDTH, TREND_HEIGHT = 480, 220
# Room for the labels of the scale, and for the label of the newest month.
TREND_LEFT, TREND_RIGHT, TREND_TOP, TREND_BOTTOM = 56, 472, 14, 184
# Two labels of months need so much room between their middles, in the large letters of a phone.
LABEL_DISTANCE = 100


@dataclass(frozen=True)
class TrendPoint:
    """A month: ``figures`` is None where they are not shown, or nobody answered."""

    month: date
    figures: StatementFigures | None
    x: float
    is_labelled: bool

    @cached_property
    def y(self) -> float:
        assert self.figures is not None  # noqa: S101 - for the type checker
        return trend_y(self.figures.top_2_percent)

    @cached_property
    def y_low(self) -> float:
        assert self.figures is not None  # noqa: S101
        return trend_y(self.figures.top_2_interval[0])

    @cached_property
    def y_high(self) -> float:
        assert self.figures is not None  # noqa: S101
        return trend_y(self.figures.top_2_interval[1])


@dataclass(frozen=True, slots=True)
class TrendLine:
    """The line from one month to the next, where both are shown: no gap is bridged."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Trend:
    points: tuple[TrendPoint, ...]
    lines: tuple[TrendLine, ...]

    @property
    def last_shown(self) -> TrendPoint | None:
        return next((point for point in reversed(self.points) if point.figures), None)

    @property
    def has_gaps(self) -> bool:
        return bool(self.gaps)

    @property
    def shown(self) -> list[TrendPoint]:
        return [point for point in self.points if point.figures]

    @property
    def gaps(self) -> list[TrendPoint]:
        return [point for point in self.points if point.figures is None]

    @property
    def line_path(self) -> str:
        """All lines from month to month, as the ``d`` of one SVG path."""
        return " ".join(f"M{line.x1} {line.y1}L{line.x2} {line.y2}" for line in self.lines)

    @property
    def interval_path(self) -> str:
        """All intervals, as the ``d`` of one SVG path."""
        return " ".join(f"M{point.x} {point.y_low}V{point.y_high}" for point in self.shown)


def trend_y(percent: float) -> float:
    """Return the height at which ``percent`` (0 to 100) stands in a trend."""
    return round(TREND_BOTTOM - (TREND_BOTTOM - TREND_TOP) * percent / 100, 2)


def trend_ticks() -> list[Tick]:
    return [Tick(percent, trend_y(percent)) for percent in range(0, 101, 25)]


def trend(months: Sequence[tuple[date, StatementFigures | None]]) -> Trend:
    """Place ``months`` (oldest first, each closed month of the span) in a chart."""
    step = (TREND_RIGHT - TREND_LEFT) / len(months) if months else 0
    every = ceil(LABEL_DISTANCE / step) if months else 1
    last = len(months) - 1
    points = tuple(
        TrendPoint(
            month=month,
            figures=figures if figures and figures.n else None,
            x=round(TREND_LEFT + step * (number + 0.5), 2),
            # Counted from the newest, which everybody looks for.
            is_labelled=(last - number) % every == 0,
        )
        for number, (month, figures) in enumerate(months)
    )
    lines = tuple(
        TrendLine(before.x, before.y, after.x, after.y)
        for before, after in pairwise(points)
        if before.figures and after.figures
    )
    return Trend(points, lines)


# --- A share and its interval in a line of a table ------------------------------------------------

INTERVAL_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Interval:
    """Where an interval and its share lie between 0 and 100 per cent."""

    low: float
    share: float
    high: float


def interval(*, low: float, share: float, high: float) -> Interval:
    """Place three figures in per cent on a line from 0 to ``INTERVAL_LENGTH``."""
    return Interval(*(round(INTERVAL_LENGTH * percent / 100, 2) for percent in (low, share, high)))
