"""How many responses there are in the cells of the roll-up, closed months only.

What is read here is kept in process memory until a closed month changes (``TallyState.stamp``).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any, LiteralString, NamedTuple

from django.conf import settings
from django.db import connection
from psycopg import sql

from feedback.models import NOT_APPLICABLE

from .scopes import Scope, Scopes
from .selection import Dimension, Selection, open_month

Readers = tuple[str, str]  # a dimension and one of its values
Versions = frozenset[int] | None  # survey versions; None: all
ENOUGH = 10  # people
WITNESSES = 200  # people

# Cubes of this many parts of the profile are kept at the same time.
MAX_CUBES = 40


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


def region_of(selection: Selection) -> Region:
    scope: Scope | None = None
    for kind in ("article", "topic", "author"):
        key = getattr(selection, kind)
        if key is not None:
            scope = (kind, key)
    readers = None if selection.dimension is None else (selection.dimension.value, selection.value)
    return Region(scope, selection.month, readers)


class Cube:
    """Responses of some readers: month (None: all closed ones) → article → how many."""

    def __init__(self, rows: Iterable[tuple[int, date, int]]) -> None:
        self.months: dict[date | None, dict[int, int]] = {None: {}}
        everything = self.months[None]
        for article, month, n in rows:
            cells = self.months.setdefault(month, {})
            cells[article] = cells.get(article, 0) + n
            everything[article] = everything.get(article, 0) + n
        self._ranked: dict[date | None, list[int]] = {}

    def of(self, month: date | None) -> dict[int, int]:
        return self.months.get(month, {})

    def ranked(self, month: date | None) -> list[int]:
        """Return the articles with responses in ``month``, those with most first."""
        if month not in self._ranked:
            cells = self.of(month)
            self._ranked[month] = sorted(cells, key=lambda article: (-cells[article], article))
        return self._ranked[month]


class Cells:
    """The closed months as they are tallied."""

    def __init__(self, scopes: Scopes) -> None:
        self.scopes = scopes
        self.open_month = open_month()
        self._cubes: dict[tuple[Readers | None, Versions], Cube] = {}
        self._values: dict[Any, dict[str, tuple[int, int]]] = {}
        self._by_value: dict[tuple[int, Versions], dict[Readers, dict[date, int]]] = {}

    def part(self, region: Region) -> Part:
        return Part(self.scopes.articles(region.scope), region.month, region.readers)

    def cube(self, readers: Readers | None, versions: Versions = None) -> Cube:
        """Return how many responses of ``readers`` there are (1 query, unless remembered)."""
        key = readers, versions
        if key not in self._cubes:
            if len(self._cubes) >= MAX_CUBES:
                self._cubes = {kept: cube for kept, cube in self._cubes.items() if kept[0] is None}
            dimension, value = readers or ("", "")
            self._cubes[key] = Cube(
                self._select(
                    "article_id, month, n",
                    "dimension = %(dimension)s AND value = %(value)s",
                    versions,
                    dimension=dimension,
                    value=value,
                )
            )
        return self._cubes[key]

    def count(self, part: Part, versions: Versions = None) -> dict[int, int]:
        """Return how many responses of ``part`` each article has."""
        cells = self.cube(part.readers, versions).of(part.month)
        if part.articles is None:
            return cells
        return {article: cells[article] for article in part.articles if article in cells}

    def values(
        self, dimension: str, part: Part, versions: Versions = None
    ) -> dict[str, tuple[int, int]]:
        """Return for each value of ``dimension``: all of its responses, and its largest article's.

        1 query, unless remembered. ``part.readers`` is not looked at.
        """
        key = dimension, part._replace(readers=None), versions
        if key not in self._values:
            if len(self._values) >= MAX_CUBES * 50:
                self._values = {}
            self._values[key] = {
                value: (int(total), int(largest))
                for value, total, largest in self._select(
                    "value, sum(n), max(n)",
                    "true",
                    None,
                    source=sql.SQL(
                        """(
                        SELECT value, sum(n) AS n, min(month) AS month
                        FROM feedback_tally AS tally
                        WHERE dimension = %(dimension)s AND month < %(open)s {conditions}
                        GROUP BY value, article_id) AS by_article"""
                    ).format(conditions=conditions_of(part.articles, part.month, versions)),
                    end="GROUP BY value",
                    dimension=dimension,
                )
            }
        return self._values[key]

    def by_value(self, articles: Collection[int], versions: Versions = None) -> None:
        """Read what ``of_value`` tells of ``articles`` (1 query)."""
        wanted = [article for article in articles if (article, versions) not in self._by_value]
        if not wanted:
            return
        for article in wanted:
            self._by_value[article, versions] = defaultdict(dict)
        for article, month, dimension, value, n in self._select(
            "article_id, month, dimension, value, n",
            "dimension <> '' AND article_id = ANY(%(articles)s)",
            versions,
            articles=wanted,
        ):
            months = self._by_value[article, versions][dimension, value]
            months[month] = months.get(month, 0) + n

    def of_value(
        self, article: int, month: date | None, versions: Versions = None
    ) -> dict[Readers, int]:
        """Return how many responses about ``article`` each value of each dimension has."""
        self.by_value([article], versions)
        found = {}
        for readers, months in self._by_value[article, versions].items():
            n = sum(months.values()) if month is None else months.get(month, 0)
            if n:
                found[readers] = n
        return found

    def people(
        self,
        part: Part,
        without: Sequence[Part] = (),
        versions: Versions = None,
        *,
        values: Sequence[str] | None = None,
        months: Sequence[date] | None = None,
        rating: dict[int, int] | None = None,
    ) -> int:
        """Count the people of ``part`` who are in it ``without`` some parts, up to ``ENOUGH``.

        From the raw answers (1 query). ``values`` and ``months``: instead of the part's.
        ``rating``: only who chose a level in this place of each survey version's answers.
        """
        query = sql.SQL(
            "SELECT count(*) FROM (SELECT DISTINCT response.reader_id {rest}) AS reader"
        )
        with connection.cursor() as cursor:
            cursor.execute(
                *self._readers_query(
                    query,
                    part,
                    without,
                    versions,
                    limit=ENOUGH,
                    values=values,
                    months=months,
                    rating=rating,
                )
            )
            row = cursor.fetchone()
            return int(row[0]) if row else 0

    def _readers_query(
        self,
        query: sql.SQL,
        part: Part,
        without: Sequence[Part],
        versions: Versions,
        *,
        limit: int,
        values: Sequence[str] | None = None,
        months: Sequence[date] | None = None,
        rating: dict[int, int] | None = None,
    ) -> tuple[sql.Composed, dict[str, Any]]:
        rest = sql.SQL(
            """
            FROM feedback_tally AS tally
            JOIN feedback_response AS response ON response.article_id = tally.article_id
                AND response.survey_version_id = tally.survey_version_id
                AND response.submitted_at >= tally.month::timestamp AT TIME ZONE %(zone)s
                AND response.submitted_at
                    < (tally.month + interval '1 month') AT TIME ZONE %(zone)s
            WHERE dimension = %(dimension)s AND value = ANY(%(values)s)
                AND month < %(open)s {conditions} {own} {without} {rated}
            LIMIT %(limit)s
            """
        ).format(
            conditions=conditions_of(part.articles, part.month, versions, months),
            own=(
                sql.SQL("AND response.{} = tally.value").format(sql.Identifier(part.readers[0]))
                if part.readers
                else sql.SQL("")
            ),
            without=sql.SQL(" ").join(
                sql.SQL("AND NOT ({})").format(_is_in(other)) for other in without
            ),
            rated=_rated(rating),
        )
        dimension, value = part.readers or ("", "")
        return query.format(rest=rest), {
            "zone": settings.TIME_ZONE,
            "dimension": dimension,
            "values": [value] if values is None else list(values),
            "open": self.open_month,
            "limit": limit,
        }

    def witnesses(self, part: Part, without: Part, versions: Versions = None) -> list[int]:
        """Return an article each for some people of ``part`` who are not in ``without`` (1 query).

        People of many articles stand under any one of them.
        """
        query = sql.SQL("SELECT DISTINCT ON (response.reader_id) response.article_id {rest}")
        with connection.cursor() as cursor:
            cursor.execute(*self._readers_query(query, part, [without], versions, limit=WITNESSES))
            return [row[0] for row in cursor.fetchall()]

    def _select(
        self,
        columns: LiteralString,
        condition: LiteralString,
        versions: Versions,
        *,
        source: sql.Composable = sql.SQL("feedback_tally AS tally"),  # noqa: B008 - does not change
        end: LiteralString = "",
        **values: Any,
    ) -> list[tuple[Any, ...]]:
        query = sql.SQL(
            "SELECT {columns} FROM {source} WHERE {condition} AND month < %(open)s {rest} {end}"
        ).format(
            columns=sql.SQL(columns),
            source=source,
            condition=sql.SQL(condition),
            rest=conditions_of(None, None, versions),
            end=sql.SQL(end),
        )
        with connection.cursor() as cursor:
            cursor.execute(query, values | {"open": self.open_month})
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows


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


def _is_in(part: Part) -> sql.Composable:
    """Return the condition on ``tally`` and ``response`` that the response is in ``part``."""
    parts: list[sql.Composable] = [sql.SQL("true")]
    if part.articles is not None:
        parts.append(
            sql.SQL("tally.article_id = ANY({})").format(sql.Literal(sorted(part.articles)))
        )
    if part.month is not None:
        parts.append(sql.SQL("tally.month = {}").format(sql.Literal(part.month)))
    if part.readers is not None:
        parts.append(
            sql.SQL("response.{} = {}").format(
                sql.Identifier(Dimension(part.readers[0]).value), sql.Literal(part.readers[1])
            )
        )
    return sql.SQL(" AND ").join(parts)


def _rated(places: dict[int, int] | None) -> sql.Composable:
    """Return a further condition: a level was chosen in one of the places."""
    if places is None:
        return sql.SQL("")
    return sql.SQL("AND ({})").format(
        sql.SQL(" OR ").join(
            sql.SQL("(response.survey_version_id = {} AND response.levels[{}] <> {})").format(
                version, place + 1, NOT_APPLICABLE
            )
            for version, place in places.items()
        )
    )
