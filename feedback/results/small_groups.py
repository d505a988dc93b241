"""Which figures may be shown: none from which a group of fewer than ten people can be reckoned.

The rule and what it leaves open: docs/decisions/0010-small-groups.md. Every answer here depends on
the figure that is asked about and on the responses, never on what else a page shows: so a page of
one month hides what the trend hides.

A figure may be of some survey versions only (a statement that others did not ask): then everything
is counted among the responses to these.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from itertools import islice, product
from typing import Any

from .cells import Cells, Cube
from .memory import Memory
from .people import count_people, count_people_by
from .regions import ENOUGH, Part, Readers, Region, Versions, is_country, only_article
from .scopes import Scope
from .siblings import Siblings

# Remembered answers; past this many, all are forgotten. No more than some pages ask for: Python's
# garbage collector walks over all of them, while a page waits.
MAX_MEMORY = 10_000
# Each of these is of all months.
MAX_MONTHS = 1_000


class SmallGroups:
    """Answers for the responses that ``cells`` counts."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.siblings = Siblings(self)
        self._shown: Memory[tuple[Region, Versions], bool] = Memory(MAX_MEMORY)
        self._largest: Memory[tuple[Region, Versions], list[int]] = Memory(MAX_MEMORY)
        self._months_of: Memory[tuple[Part, Versions], dict[date, int]] = Memory(MAX_MONTHS)
        self._sizes: Memory[tuple[Part, tuple[Part, ...], Versions], int] = Memory(MAX_MEMORY)

    # --- groups ----------------------------------------------------------------------------------

    def size(self, part: Part, without: Sequence[Part] = (), versions: Versions = None) -> int:
        """Return how many people are in ``part`` and in no part of ``without``, up to ``ENOUGH``.

        The roll-up counts responses, and a person has one about an article. So one article with
        enough responses answers; else the raw answers do.
        """
        article = only_article(part)
        if article is not None and not without:
            cells = self.cells.cube(part.readers, versions).of(part.month)
            return min(cells.get(article, 0), ENOUGH)
        key = part, tuple(without), versions
        return self._sizes.get(key, lambda: self._size(part, without, versions))

    def _size(self, part: Part, without: Sequence[Part], versions: Versions) -> int:
        total, articles = 0, []
        for article, n in self._counts(part, without, versions):
            if n >= ENOUGH:
                return ENOUGH
            total += n
            articles.append(article)
        # Fewer responses than people are wanted: how many people they are matters to nobody.
        if total < ENOUGH:
            return total
        if total >= self.cells.surely_enough(part.month):
            return ENOUGH
        if not without and part.month is not None and is_country(part):
            # A page asks for every month.
            return self.people_by_month(part, versions).get(part.month, 0)
        return self.people(part._replace(articles=frozenset(articles)), without, versions)

    def people_by_month(self, part: Part, versions: Versions) -> dict[date, int]:
        """Count the people of each month of ``part`` (1 query, unless remembered)."""
        part = part._replace(month=None)

        def count() -> dict[date, int]:
            months = [m for m in self.cells.cube(part.readers, versions).months if m is not None]
            return count_people_by("month", part, months, versions, self.cells.open_month)

        return self._months_of.get((part, versions), count)

    def people(
        self, part: Part, without: Sequence[Part] = (), versions: Versions = None, **others: Any
    ) -> int:
        """Count in the raw answers (see ``people.count_people``)."""
        return count_people(part, without, versions, self.cells.open_month, **others)

    def _counts(
        self, part: Part, without: Sequence[Part], versions: Versions
    ) -> Iterator[tuple[int, int]]:
        """Yield each article's responses in ``part`` without the others (at most 2)."""
        taken = [(-1, both) for other in without if (both := part & other)]
        if len(taken) > 1 and (twice := taken[0][1] & taken[1][1]):
            taken.append((1, twice))
        signed = [
            (sign, other.articles, self.cells.cube(other.readers, versions).of(other.month))
            for sign, other in taken
        ]
        cube = self.cells.cube(part.readers, versions)
        cells = cube.of(part.month)
        for article in _largest_first(cube, part):
            n = cells.get(article, 0)
            for sign, articles, others in signed:
                if articles is None or article in articles:
                    n += sign * others.get(article, 0)
            if n:
                yield article, n

    def is_small(self, part: Part, without: Sequence[Part] = (), versions: Versions = None) -> bool:
        """Whether 1 to 9 people are in ``part`` and in no part of ``without``."""
        return 0 < self.size(part, without, versions) < ENOUGH

    # --- figures ---------------------------------------------------------------------------------

    def is_shown(self, region: Region, versions: Versions = None) -> bool:
        """Whether the figure of ``region`` may be shown."""
        return self._shown.get((region, versions), lambda: self._is_shown(region, versions))

    def _is_shown(self, region: Region, versions: Versions) -> bool:
        part = self.cells.part(region)
        size = self.size(part, versions=versions)
        if size < ENOUGH:
            return size == 0
        # Where all readers are of one kind, theirs are the responses of all.
        inner = part._replace(readers=None)
        if self.cells.count(inner, versions) != self.cells.count(part, versions):
            inner = part
        for outer in self._containing(region, versions):
            if self._has_enough_elsewhere(outer, part, versions):
                continue
            around = self.cells.part(outer)
            left = self.size(around, [inner], versions)
            if 0 < left < ENOUGH:
                return False
            # The same responses under another name.
            if left == 0 and self.siblings.is_cover(outer, around, versions):
                return False
        return not self.siblings.is_cover(region, part, versions)

    def _has_enough_elsewhere(self, outer: Region, part: Part, versions: Versions) -> bool:
        """Whether another article than that of ``part`` has surely enough of ``outer``.

        A quick look at the two largest ones: nearly always this is so.
        """
        article = only_article(part)
        if article is None:
            return False
        largest = self._largest.get(
            (outer, versions), lambda: self._two_with_enough(outer, versions)
        )
        return any(one != article for one in largest)

    def _two_with_enough(self, outer: Region, versions: Versions) -> list[int]:
        """Return up to two articles that have enough responses in ``outer``.

        Of the first two that are looked at, mostly the largest: so none says nothing.
        """
        cube = self.cells.cube(outer.readers, versions)
        cells = cube.of(outer.month)
        return [
            article
            for article in islice(_largest_first(cube, self.cells.part(outer)), 2)
            if cells.get(article, 0) >= ENOUGH
        ]

    def _containing(self, region: Region, versions: Versions) -> Iterator[Region]:
        """Yield the selections in which all responses of ``region`` are.

        Not only those that are wider by their words: where everybody is a nurse, that of the nurses
        contains them, too, and whoever sees that the other professions have 0 knows it.
        """
        counts = self.cells.count(self.cells.part(region), versions)
        for outer in map(
            Region._make,
            product(
                self._scopes_around(counts),
                self._months_around(region, counts, versions),
                self._readers_around(region, counts, versions),
            ),
        ):
            if outer != region:
                yield outer

    def _scopes_around(self, articles: dict[int, int]) -> list[Scope | None]:
        common: frozenset[Scope] | None = None
        for article in articles:
            belongs = self.cells.scopes.of.get(article, frozenset())
            common = belongs if common is None else common & belongs
            if not common:
                break
        around: list[Scope | None] = [None, *sorted(common or ())]
        if len(articles) == 1:
            around.append(("article", next(iter(articles))))
        return around

    def _months_around(
        self, region: Region, counts: dict[int, int], versions: Versions
    ) -> list[date | None]:
        if region.month is not None:
            return [None, region.month]
        found: list[date | None] = []
        for month, cells in self.cells.cube(region.readers, versions).months.items():
            if month is not None and not cells.keys().isdisjoint(counts.keys()):
                found.append(month)
                if len(found) > 1:
                    return [None]
        return [None, *found]

    def _readers_around(
        self, region: Region, counts: dict[int, int], versions: Versions
    ) -> list[Readers | None]:
        # Those of all readers of these articles and this month: where they are all from one
        # country, then so are the nurses among them.
        part = self.cells.part(region)._replace(readers=None)
        if region.readers is not None:
            counts = self.cells.count(part, versions)
        largest = max(counts, key=lambda article: (counts[article], article))
        return [
            None,
            *([region.readers] if region.readers is not None else ()),
            *(
                readers
                for readers in self.cells.only_values(largest, region.month, versions)
                # Everybody of the largest article, and of all the others.
                if readers != region.readers
                and self.cells.count(part._replace(readers=readers), versions) == counts
            ),
        ]

    def read_articles(
        self, articles: Collection[int], region: Region, versions: Versions = None
    ) -> None:
        """Read what is needed of many articles at once (1 or 2 queries)."""
        self.cells.read_only_values(articles, region.month, versions)
        self.siblings.read_articles(articles, region, versions)


def _largest_first(cube: Cube, part: Part) -> Iterable[int]:
    ranked = cube.ranked(part.month)
    if part.articles is None:
        return ranked
    if len(part.articles) * 4 < len(ranked):
        return part.articles
    return (article for article in ranked if article in part.articles)
