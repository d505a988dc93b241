"""What a page of results shows: figures about a selection, and nothing about fewer than ten people.

Only data here: ``counting`` fills it, pages and files show it.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from feedback import statistics
from feedback.models import Level, Outcome

from .selection import Selection


@dataclass(frozen=True)
class StatementFigures:
    """The answers to one series of comparable wordings on one scale, under the newest wording.

    ``counts``: how many chose each level, from 1 to 5. ``n`` is their sum; ``not_applicable`` and
    ``missing`` (the survey that was answered did not ask this) are not in it. ``key``: the
    statement's column in exports. ``series``: 1 for the statement's first series of wordings.
    """

    key: str
    series: int
    survey: str
    text: str
    outcome: Outcome
    labels: tuple[str, str, str, str, str]
    counts: tuple[int, int, int, int, int]
    not_applicable: int
    missing: int

    @cached_property
    def n(self) -> int:
        return sum(self.counts)

    @property
    def is_intention(self) -> bool:
        return self.outcome == Outcome.INTENTION

    @cached_property
    def percents(self) -> tuple[float, ...]:
        """The share of each level in per cent of ``n``; zeros where nobody answered."""
        return tuple(100 * count / self.n if self.n else 0.0 for count in self.counts)

    @cached_property
    def top_2(self) -> int:
        """How many chose one of the two highest levels."""
        return sum(self.counts[Level.AGREE - 1 :])

    @cached_property
    def top_2_percent(self) -> float:
        return 100 * self.top_2 / self.n

    @cached_property
    def top_2_interval(self) -> tuple[float, float]:
        """The Wilson 95 % interval of ``top_2_percent``, in per cent."""
        low, high = statistics.wilson_interval(self.top_2, self.n)
        return 100 * low, 100 * high

    @property
    def median(self) -> float | None:
        """The median level; None where nobody answered, as in the other three."""
        return statistics.quantile(self.counts, 0.5)

    @property
    def quartiles(self) -> tuple[float, float] | None:
        """The first and the third quartile (see ``statistics.quantile``)."""
        first, third = (statistics.quantile(self.counts, p) for p in (0.25, 0.75))
        return None if first is None or third is None else (first, third)

    @property
    def iqr(self) -> float | None:
        """The interquartile range."""
        return None if self.quartiles is None else self.quartiles[1] - self.quartiles[0]

    @property
    def mean(self) -> float | None:
        """The mean level, which takes the scale for one of equal intervals."""
        return statistics.mean(self.counts)

    @property
    def sd(self) -> float | None:
        """The standard deviation (by n - 1); None for fewer than 2 answers."""
        return statistics.standard_deviation(self.counts)


@dataclass(frozen=True, slots=True)
class Figures:
    """``selection`` in figures.

    ``n``: responses; None where too few people are in the selection or in the rest of it: then
    ``statements`` is empty. A statement whose own group is too small is left out of
    ``statements`` and counted in ``hidden_statements``. ``shown`` and ``started``: impressions;
    None where they are not known (a part of the profile; fewer than answered), or not shown (fewer
    than ten; ``n`` is not shown).
    """

    selection: Selection
    n: int | None
    statements: tuple[StatementFigures, ...] = ()
    hidden_statements: int = 0
    shown: int | None = None
    started: int | None = None

    @property
    def is_shown(self) -> bool:
        return self.n is not None

    @property
    def response_rate(self) -> float | None:
        """Responses per 100 readers who were shown the survey; None where that is not known."""
        if self.n is None or not self.shown:
            return None
        return 100 * self.n / self.shown


@dataclass(frozen=True, slots=True)
class Month:
    """One month of a trend."""

    month: date
    figures: Figures


@dataclass(frozen=True)
class RankedArticle:
    """An article with the pooled top-2-box share of all its statements, by the Wilson bound.

    ``n``: responses; ``top_2`` of ``answers`` answers, by ``raters`` readers at least; None for all
    four where they are not shown.
    """

    article_id: int
    title: str
    n: int | None
    top_2: int | None
    answers: int | None
    raters: int | None

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """The Wilson 95 % interval of ``top_2`` / ``answers``, in per cent, of ``raters`` readers.

        The answers of one reader are no independent ones: four do not say as much as four readers.
        """
        if self.top_2 is None or not self.answers or not self.raters:
            return None
        share = self.top_2 / self.answers
        low, high = statistics.wilson_interval(share * self.raters, self.raters)
        return 100 * low, 100 * high
