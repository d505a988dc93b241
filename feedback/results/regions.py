"""Parts of all responses that figures are about, in a form that can be taken apart."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple

from psycopg import sql

from . import MIN_PEOPLE
from .scopes import Scope
from .selection import Dimension, Selection

Readers = tuple[str, str]  # a dimension and one of its values
Versions = frozenset[int] | None  # survey versions; None: all
ENOUGH = MIN_PEOPLE


class Region(NamedTuple):
    """A ``Selection`` in a form that can be taken apart; None: all of them."""

    scope: Scope | None
    month: date | None
    readers: Readers | None


class Part(NamedTuple):
    """The responses about ``articles`` in a month and of readers; None: all of them."""

    articles: frozenset[int] | None
    month: date | None
    readers: Readers | None

    def __and__(self, other: "Part") -> "Part | None":
        """Return what both have in common; None where that is nothing."""
        if self.month and other.month and self.month != other.month:
            return None
        if self.readers and other.readers and self.readers != other.readers:
            return None
        return Part(
            articles=(
                other.articles
                if self.articles is None
                else self.articles
                if other.articles is None
                else self.articles & other.articles
            ),
            month=self.month or other.month,
            readers=self.readers or other.readers,
        )


def is_country(part: Part) -> bool:
    """Whether ``part`` is about the readers of one country, of which there are many."""
    return part.readers is not None and part.readers[0] == Dimension.COUNTRY


def only_article(part: Part) -> int | None:
    """Return the one article that ``part`` is about, if so: of it each response is a person."""
    if part.articles is None or len(part.articles) != 1:
        return None
    return next(iter(part.articles))


def region_of(selection: Selection) -> Region:
    readers = None if selection.dimension is None else (selection.dimension.value, selection.value)
    return Region(selection.scope, selection.month, readers)


def conditions_of(
    articles: Collection[int] | None,
    month: date | None,
    versions: Versions,
    months: Sequence[date] | None = None,
) -> sql.Composable:
    """Return further conditions on tallies; each begins with AND."""
    parts: list[sql.Composable] = []
    if articles is not None:
        parts.append(
            sql.SQL("AND tally.article_id = ANY({})").format(sql.Literal(sorted(articles)))
        )
    if months is not None:
        parts.append(sql.SQL("AND tally.month = ANY({})").format(sql.Literal(list(months))))
    elif month is not None:
        parts.append(sql.SQL("AND tally.month = {}").format(sql.Literal(month)))
    if versions is not None:
        parts.append(
            sql.SQL("AND tally.survey_version_id = ANY({})").format(sql.Literal(sorted(versions)))
        )
    return sql.SQL(" ").join(parts)
