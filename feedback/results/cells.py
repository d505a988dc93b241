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

from .regions import ENOUGH, Part, Readers, Region, Versions, conditions_of
from .scopes import Scopes
from .selection import open_month

# Cubes of this many parts of the profile are kept at the same time; of smaller things, more.
MAX_CUBES = 40
MAX_REMEMBERED = 20_000


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
        self._cubes: dict[tuple[Readers | None, Versions], Cube] = {}
        self._remembered: dict[Any, Any] = {}

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
        key = readers, versions
        if key not in self._cubes:
            if len(self._cubes) >= MAX_CUBES:
                self._cubes = {kept: cube for kept, cube in self._cubes.items() if kept[0] is None}
            dimension, value = readers or ("", "")
            self._cubes[key] = Cube(
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

        1 query, unless remembered: a month's together with those of all months. The part's readers
        are not looked at.
        """
        part = part._replace(readers=None)
        key = "values", dimension, part, versions
        if key not in self._remembered:
            self._make_room()
            by_month: dict[date | None, dict[str, tuple[int, int]]] = defaultdict(dict)
            for month, value, total, largest in self._select(
                """
                SELECT month, value, sum(n)::int, max(n)::int FROM (
                    SELECT {month} AS month, value, sum(n) AS n FROM feedback_tally AS tally
                    WHERE dimension = {dimension} AND month < {open} {conditions}
                    GROUP BY 1, value, article_id
                ) AS of_article
                GROUP BY month, value
                """,
                month=sql.SQL("NULL::date" if part.month is None else "month"),
                dimension=sql.Literal(dimension),
                conditions=conditions_of(part.articles, None, versions),
            ):
                by_month[month][value] = total, largest
            months = [None] if part.month is None else [*self.cube(None, versions).months]
            for month in {part.month, *months}:
                if (month is None) == (part.month is None):
                    other = part._replace(month=month)
                    self._remembered["values", dimension, other, versions] = by_month[month]
        found: dict[str, tuple[int, int]] = self._remembered[key]
        return found

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

        1 query, unless remembered: a month's together with those of all months.
        """
        key = "only", article, month, versions
        if key not in self._remembered:
            self.read_only_values([article], month, versions)
        found: list[Readers] = self._remembered[key]
        return found

    def read_only_values(
        self, articles: Collection[int], month: date | None, versions: Versions = None
    ) -> None:
        """Read what ``only_values`` tells of many articles (1 query)."""
        self._make_room()
        every_month = month is not None and len(articles) == 1
        months = (
            [m for m in self.cube(None, versions).months if m is not None] if every_month else []
        )
        for article in articles:
            for one in {month, *months}:
                self._remembered["only", article, one, versions] = []
        for article, one, dimension, value in self._select(
            """
            SELECT article_id, {month}, dimension, min(value) FROM feedback_tally AS tally
            WHERE dimension <> '' AND month < {open} {conditions}
            GROUP BY 1, 2, 3 HAVING min(value) = max(value)
            """,
            month=sql.SQL("month") if every_month else sql.SQL("{}::date").format(month),
            conditions=conditions_of(articles, None if every_month else month, versions),
        ):
            self._remembered["only", article, one, versions].append((dimension, value))

    def covering_values(
        self, dimension: str, month: date | None, versions: Versions = None
    ) -> dict[int, str | None]:
        """Return the value of each article that stands for its small ones (1 query).

        The smallest of those with enough responses, where all others have few together; None where
        no value has to. See ``small_groups``: of one article each response is a person.
        """
        return dict(
            self._select(
                """
                SELECT article_id,
                    CASE WHEN sum(n) FILTER (WHERE n < {enough}) < {enough} THEN
                        (array_agg(value ORDER BY n, value COLLATE "C")
                            FILTER (WHERE n >= {enough}))[1]
                    END
                FROM (
                    SELECT article_id, value, sum(n) AS n FROM feedback_tally AS tally
                    WHERE dimension = {dimension} AND month < {open} {conditions}
                    GROUP BY 1, 2
                ) AS of_value
                GROUP BY article_id
                """,
                enough=sql.Literal(ENOUGH),
                dimension=sql.Literal(dimension),
                conditions=conditions_of(None, month, versions),
            )
        )

    def _make_room(self) -> None:
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered = {}

    def _select(self, query: LiteralString, **parts: sql.Composable) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            # No parameters: everything is quoted in the query itself.
            cursor.execute(sql.SQL(query).format(open=sql.Literal(self.open_month), **parts))
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows
