"""How many responses there are in the cells of the roll-up, closed months only.

What is read here is kept in process memory until a closed month changes (``TallyState.stamp``).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date
from math import inf
from typing import Any, LiteralString

from django.db import connection
from psycopg import sql

from .memory import Memory
from .regions import ENOUGH, Part, Readers, Region, Versions, conditions_of
from .scopes import Scopes
from .selection import Dimension, open_month

# Cubes of this many parts of the profile are kept at the same time; of smaller things, more.
MAX_CUBES = 40
# Each of these is of all months, or of all articles.
MAX_VALUES = 1_000
MAX_ONLY = 20_000


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

    def __init__(self, scopes: Scopes, most_of_one: dict[str, int]) -> None:
        self.scopes = scopes
        self.open_month = open_month()
        self._most_of_one = most_of_one
        # Those of all readers are asked for by every page.
        self._cubes_of_all: Memory[Versions, Cube] = Memory(MAX_CUBES)
        self._cubes: Memory[tuple[Readers, Versions], Cube] = Memory(MAX_CUBES)
        self._values: Memory[Any, dict[date | None, dict[str, tuple[int, int]]]] = Memory(
            MAX_VALUES
        )
        self._covering: Memory[Any, dict[int, str]] = Memory(MAX_VALUES)
        self._only: Memory[tuple[int, date | None, Versions], list[Readers]] = Memory(MAX_ONLY)

    def surely_enough(self, month: date | None) -> float:
        """Return how many responses of a month (None: of all) must be of enough people.

        However unevenly they answered; infinite where it is not known how many one person gave.
        """
        most = self._most_of_one.get("" if month is None else month.isoformat())
        return inf if most is None else (ENOUGH - 1) * most + 1

    def part(self, region: Region) -> Part:
        return Part(self.scopes.articles(region.scope), region.month, region.readers)

    def cube(self, readers: Readers | None, versions: Versions = None) -> Cube:
        """Return how many responses of ``readers`` there are (1 query, unless remembered)."""
        if readers is None:
            return self._cubes_of_all.get(versions, lambda: self._cube(("", ""), versions))
        return self._cubes.get((readers, versions), lambda: self._cube(readers, versions))

    def _cube(self, readers: Readers, versions: Versions) -> Cube:
        dimension, value = readers
        return Cube(
            self._select(
                """
                SELECT article_id, month, n FROM feedback_tally AS tally
                WHERE dimension = {dimension} AND value = {value} AND month < {open}
                    {conditions}
                """,
                dimension=sql.Literal(dimension),
                value=sql.Literal(value),
                conditions=conditions_of(None, None, versions),
            )
        )

    def count(self, part: Part, versions: Versions = None) -> dict[int, int]:
        """Return how many responses of ``part`` each article has."""
        cells = self.cube(part.readers, versions).of(part.month)
        if part.articles is None:
            return cells
        return {article: cells[article] for article in part.articles if article in cells}

    def values(
        self, dimension: str, part: Part, versions: Versions = None
    ) -> dict[str, tuple[int, int]]:
        """Return for each value of ``dimension``: all of its responses, and those of one cell.

        Of a cell (one article, one month) each response is a person: so many people there are for
        sure. 1 query, unless remembered: those of all months together. The part's readers are not
        looked at.
        """
        by_month = self._values.get(
            (dimension, part.articles, versions),
            lambda: self._values_by_month(dimension, part.articles, versions),
        )
        return by_month.get(part.month, {})

    def _values_by_month(
        self, dimension: str, articles: frozenset[int] | None, versions: Versions
    ) -> dict[date | None, dict[str, tuple[int, int]]]:
        by_month: dict[date | None, dict[str, tuple[int, int]]] = defaultdict(dict)
        for month, value, total, largest in self._select(
            """
            SELECT month, value, sum(n)::int, max(n)::int FROM feedback_tally AS tally
            WHERE dimension = {dimension} AND month < {open} {conditions}
            GROUP BY month, value
            """,
            dimension=sql.Literal(dimension),
            conditions=conditions_of(articles, None, versions),
        ):
            for one in (month, None):
                of_value = by_month[one].get(value, (0, 0))
                by_month[one][value] = of_value[0] + total, max(of_value[1], largest)
        return by_month

    def of_value(
        self, article: int, month: date | None, versions: Versions = None
    ) -> dict[Readers, int]:
        """Return how many responses about ``article`` each value has (1 query)."""
        return {
            (dimension, value): n
            for dimension, value, n in self._select(
                """
                SELECT dimension, value, sum(n)::int FROM feedback_tally AS tally
                WHERE dimension <> '' AND month < {open} {conditions}
                GROUP BY dimension, value
                """,
                conditions=conditions_of([article], month, versions),
            )
        }

    def only_values(
        self, article: int, month: date | None, versions: Versions = None
    ) -> list[Readers]:
        """Return the parts of the profile that all who answered about ``article`` share.

        1 query, unless remembered: those of all months together.
        """
        return self._only.get(
            (article, month, versions), lambda: self._read_only_values(article, month, versions)
        )

    def _read_only_values(
        self, article: int, month: date | None, versions: Versions
    ) -> list[Readers]:
        ends: dict[tuple[date | None, str], set[str]] = defaultdict(set)
        for one, dimension, first, last in self._select(
            """
            SELECT month, dimension, min(value), max(value) FROM feedback_tally AS tally
            WHERE dimension <> '' AND month < {open} {conditions}
            GROUP BY 1, 2
            """,
            conditions=conditions_of([article], None, versions),
        ):
            ends[one, dimension] |= {first, last}
            ends[None, dimension] |= {first, last}
        only: dict[date | None, list[Readers]] = defaultdict(list)
        for (one, dimension), values in ends.items():
            if len(values) == 1:
                only[one].append((dimension, next(iter(values))))
        for each in {None, *self.cube(None, versions).months}:
            self._only.put((article, each, versions), only[each])
        return only[month]

    def read_only_values(
        self, articles: Collection[int], month: date | None, versions: Versions = None
    ) -> None:
        """Read what ``only_values`` tells of many articles (1 query, unless remembered).

        The first and the last value are looked up at both ends of the unique index: most readers'
        values need not be read.
        """
        found: dict[int, list[Readers]] = {
            article: [] for article in articles if (article, month, versions) not in self._only
        }
        if not found:
            return
        for article, dimension, value in self._select(
            """
            SELECT article_id, dimension, first.value
            FROM unnest({articles}::bigint[]) AS article (article_id)
            CROSS JOIN unnest({dimensions}::text[]) AS part (dimension)
            CROSS JOIN LATERAL (
                SELECT value FROM feedback_tally AS tally
                WHERE tally.article_id = article.article_id AND tally.dimension = part.dimension
                    AND month < {open} {conditions}
                ORDER BY value LIMIT 1
            ) AS first
            CROSS JOIN LATERAL (
                SELECT value FROM feedback_tally AS tally
                WHERE tally.article_id = article.article_id AND tally.dimension = part.dimension
                    AND month < {open} {conditions}
                ORDER BY value DESC LIMIT 1
            ) AS last
            WHERE first.value = last.value
            """,
            articles=sql.Literal(list(found)),
            dimensions=sql.Literal([dimension.value for dimension in Dimension]),
            conditions=conditions_of(None, month, versions),
        ):
            found[article].append((dimension, value))
        for article, only in found.items():
            self._only.put((article, month, versions), only)

    def covering_values(
        self, dimension: str, month: date | None, versions: Versions = None
    ) -> dict[int, str]:
        """Return the values that stand for the small ones of an article (1 query, or remembered).

        The smallest of those with enough responses, where all others have few together; without
        the articles of which no value has to. See ``small_groups``: of one article each response
        is a person.
        """
        return self._covering.get(
            (dimension, month, versions),
            lambda: dict(
                self._select(
                    """
                    SELECT article_id,
                        (array_agg(value ORDER BY n, value COLLATE "C")
                            FILTER (WHERE n >= {enough}))[1]
                    FROM (
                        SELECT article_id, value, sum(n) AS n FROM feedback_tally AS tally
                        WHERE dimension = {dimension} AND month < {open} {conditions}
                        GROUP BY 1, 2
                    ) AS of_value
                    GROUP BY article_id
                    HAVING sum(n) FILTER (WHERE n < {enough}) < {enough}
                        AND max(n) >= {enough}
                    """,
                    enough=sql.Literal(ENOUGH),
                    dimension=sql.Literal(dimension),
                    conditions=conditions_of(None, month, versions),
                )
            ),
        )

    def _select(self, query: LiteralString, **parts: sql.Composable) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            # No parameters: everything is quoted in the query itself.
            cursor.execute(sql.SQL(query).format(open=sql.Literal(self.open_month), **parts))
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows
