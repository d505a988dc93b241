"""How the responses of a selection answered, added up from the roll-up."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from django.db import connection
from psycopg import sql

from feedback.models import COUNTS_PER_STATEMENT

from .regions import Part, conditions_of

Counts = list[int]


@dataclass(slots=True)
class Totals:
    """Survey version → responses, and → counts as in ``Tally.counts``."""

    n: dict[int, int] = field(default_factory=dict)
    counts: dict[int, Counts] = field(default_factory=dict)

    @property
    def all(self) -> int:
        return sum(self.n.values())

    def of(self, version: int, place: int) -> Counts:
        """Return how many chose "not applicable", and each level, in the ``place`` of its items."""
        start = COUNTS_PER_STATEMENT * place
        return self.counts[version][start : start + COUNTS_PER_STATEMENT]

    def add(self, version: int, n: int, counts: Counts, sign: int = 1) -> None:
        own = self.counts.get(version) or [0] * len(counts)
        self.n[version] = self.n.get(version, 0) + sign * n
        self.counts[version] = [a + sign * b for a, b in zip(own, counts, strict=True)]

    def without(self, other: "Totals") -> "Totals":
        """Return what remains without ``other``, which is a part of these."""
        rest = Totals(dict(self.n), dict(self.counts))
        for version, n in other.n.items():
            rest.add(version, n, other.counts[version], -1)
        return Totals(
            {version: n for version, n in rest.n.items() if n},
            {version: counts for version, counts in rest.counts.items() if rest.n[version]},
        )


@dataclass(slots=True)
class PartTotals:
    """The totals of a part: of each of its closed months, under None of all, and of each article.

    Those of the articles are of all the months that the part is about.
    """

    by_month: dict[date | None, Totals] = field(default_factory=lambda: defaultdict(Totals))
    by_article: dict[int, Totals] = field(default_factory=lambda: defaultdict(Totals))


def totals_of(part: Part, places: int, open_month: date) -> PartTotals:
    """Return the totals of ``part`` (1 query). ``places``: the most statements of a survey."""
    # Sums of elements by their place: to unnest and collect the arrays took four times as long.
    sums = sql.SQL(", ").join(
        sql.SQL("sum(counts[{}])").format(place)
        for place in range(1, places * COUNTS_PER_STATEMENT + 1)
    )
    dimension, value = part.readers or ("", "")
    query = sql.SQL(
        """
        SELECT month, article_id, survey_version_id, sum(n)::int,
            (ARRAY[{sums}]::int[])[1:max(cardinality(counts))]
        FROM feedback_tally AS tally
        WHERE dimension = %s AND value = %s AND month < %s {conditions}
        GROUP BY survey_version_id, GROUPING SETS ((month), (article_id))
        """
    ).format(sums=sums, conditions=conditions_of(part.articles, part.month, None))
    with connection.cursor() as cursor:
        cursor.execute(query, [dimension, value, open_month])
        rows: list[tuple[date | None, int, int, int, Counts]] = cursor.fetchall()
    found = PartTotals()
    for month, article, version, n, counts in rows:
        if month is None:
            found.by_article[article].add(version, n, counts)
        else:
            found.by_month[month].add(version, n, counts)
            found.by_month[None].add(version, n, counts)
    return found
