"""Which of the figures that stand beside each other is hidden, for what is hidden is too little.

The figures of all months of a selection are shown next to that of all months together; what those
that are too small have together is left over when the others are subtracted. Where that is 1 to 9
people, the smallest of the others is hidden with them. The same for the values of a part of the
profile, and for the articles of a topic, an author and the portal.
"""

from collections.abc import Callable, Collection
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .memory import Memory
from .people import count_people_by, count_people_by_month, count_people_of_pairs
from .regions import ENOUGH, Part, Region, Versions, is_country, only_article
from .selection import Dimension

if TYPE_CHECKING:
    from .small_groups import SmallGroups

T = TypeVar("T")
K = TypeVar("K", date, str)

# Remembered answers; past this many, all are forgotten (see ``small_groups``).
MAX_MEMORY = 10_000
# Each of these is of all months and countries.
MAX_COUNTRIES = 100


class Siblings:
    """The siblings of figures; ``groups`` counts people."""

    def __init__(self, groups: "SmallGroups") -> None:
        self.groups, self.cells = groups, groups.cells
        self._covers: Memory[Any, Any] = Memory(MAX_MEMORY)
        self._by_month: Memory[Any, dict[tuple[date, str], int]] = Memory(MAX_COUNTRIES)
        self._of_small: Memory[Any, dict[date, int]] = Memory(MAX_COUNTRIES)

    def is_cover(self, region: Region, part: Part, versions: Versions) -> bool:
        """Whether ``region`` is hidden because its siblings that are hidden are few together."""
        if region.month is not None and region.month == self._remember(
            self._covering_month, part._replace(month=None), versions
        ):
            return True
        if region.readers is not None and region.readers[1] == self._remember(
            self._covering_value, part, versions
        ):
            return True
        if region.scope is None or region.scope[0] != "article":
            return False
        article = region.scope[1]
        return any(
            article
            == self._remember(
                self._covering_article,
                part._replace(articles=self.cells.scopes.articles(scope)),
                versions,
            )
            for scope in (None, *self.cells.scopes.of.get(article, ()))
        )

    def _remember(
        self, covering: Callable[[Part, Versions], T], part: Part, versions: Versions
    ) -> T:
        if covering == self._covering_value and part.readers:
            # The same for all values.
            part = part._replace(readers=(part.readers[0], ""))
        found: T = self._covers.get(
            (covering.__name__, part, versions), lambda: covering(part, versions)
        )
        return found

    def read_articles(self, articles: Collection[int], region: Region, versions: Versions) -> None:
        """Read which value of the readers' part is hidden, of many articles (1 query at most)."""
        if region.readers is None or not articles:
            return
        dimension = region.readers[0]
        found = self.cells.covering_values(dimension, region.month, versions)
        for article in articles:
            part = Part(frozenset([article]), region.month, (dimension, ""))
            self._covers.put(("_covering_value", part, versions), found.get(article))

    def _covering_month(self, part: Part, versions: Versions) -> date | None:
        cube = self.cells.cube(part.readers, versions)
        if (article := only_article(part)) is not None:
            people = {
                m: cells[article] for m, cells in cube.months.items() if m and article in cells
            }
            return self._covering("month", part, versions, people, people)
        totals, largest = {}, {}
        for month in cube.months:
            if month is not None and (
                counts := self.cells.count(part._replace(month=month), versions)
            ):
                totals[month] = sum(counts.values())
                largest[month] = max(counts.values())
        return self._covering("month", part, versions, totals, largest)

    def _covering_value(self, part: Part, versions: Versions) -> str | None:
        if part.readers is None:
            raise ValueError("Values of what?")
        found = self.cells.values(part.readers[0], part, versions)
        totals = {value: total for value, (total, _largest) in found.items()}
        largest = {value: one for value, (_total, one) in found.items()}
        return self._covering("value", part, versions, totals, largest)

    def _covering(
        self,
        what: Literal["month", "value"],
        part: Part,
        versions: Versions,
        totals: dict[K, int],
        largest: dict[K, int],
    ) -> K | None:
        """Return the smallest sibling of enough people, where the others are few together.

        ``totals`` and ``largest``: the responses of each sibling, and so many people it has surely.
        """
        small = [key for key, n in totals.items() if n < ENOUGH]
        if small and not self._are_few(what, part, versions, small, totals):
            # Whoever else is small, together they are no fewer.
            return None
        # More responses than people are wanted, but about many articles.
        unsure = [
            key
            for key, n in totals.items()
            if only_article(part) is None
            and self._is_unsure(n, largest[key], key if isinstance(key, date) else part.month)
        ]
        if unsure:
            people = self._people_by(what, part, versions, unsure)
            small += [key for key in unsure if people[key] < ENOUGH]
        large = totals.keys() - small
        if not (small and large) or not self._are_few(what, part, versions, small, totals):
            return None
        return min(large, key=lambda key: (totals[key], key))

    def _is_unsure(self, n: int, largest: int, month: date | None) -> bool:
        """Whether the raw answers must tell if so many responses are of enough people."""
        return n >= ENOUGH > largest and n < self.cells.surely_enough(month)

    def _people_by(
        self, what: Literal["month", "value"], part: Part, versions: Versions, keys: list[Any]
    ) -> dict[Any, int]:
        """Count the people of each sibling; of countries, of all months in one query."""
        readers, month = part.readers, part.month
        if what == "month" and is_country(part):
            people = self.groups.people_by_month(part, versions)
            return {key: people.get(key, 0) for key in keys}
        if what != "value" or readers is None or month is None or not is_country(part):
            return count_people_by(what, part, keys, versions, self.cells.open_month)
        by_month = self._by_month.get(
            (part.articles, versions), lambda: self._people_of_countries(part, versions)
        )
        return {key: by_month.get((month, key), 0) for key in keys}

    def _people_of_countries(self, part: Part, versions: Versions) -> dict[tuple[date, str], int]:
        """Count the people of countries that are unsure in some month: of all months at once."""
        rare = set()
        for month in self.cells.cube(None, versions).months:
            if month is not None:
                found = self.cells.values(Dimension.COUNTRY, part._replace(month=month), versions)
                rare |= {key for key, sizes in found.items() if self._is_unsure(*sizes, month)}
        return count_people_by_month(part, sorted(rare), versions, self.cells.open_month)

    def _are_few(
        self,
        what: Literal["month", "value"],
        part: Part,
        versions: Versions,
        keys: list[Any],
        totals: dict[K, int],
    ) -> bool:
        responses = sum(totals[key] for key in keys)
        if responses >= self.cells.surely_enough(part.month):
            return False
        if responses < ENOUGH or only_article(part) is not None:
            return responses < ENOUGH
        if what == "value" and part.month is not None and is_country(part):
            small = {key for key, n in totals.items() if n < ENOUGH}
            if small == set(keys):
                people = self._of_small.get(
                    (part.articles, versions),
                    lambda: self._people_of_small_countries(part, versions),
                )
                return people[part.month] < ENOUGH
        return self.groups.people(part, (), versions, **{f"{what}s": keys}) < ENOUGH

    def _people_of_small_countries(self, part: Part, versions: Versions) -> dict[date, int]:
        """Count the people of the countries with few responses in a month: of all months at once.

        Only of the months where the number of their responses does not tell.
        """
        pairs = []
        for month in self.cells.cube(None, versions).months:
            if month is None:
                continue
            found = self.cells.values(Dimension.COUNTRY, part._replace(month=month), versions)
            small = {value: n for value, (n, _largest) in found.items() if n < ENOUGH}
            if ENOUGH <= sum(small.values()) < self.cells.surely_enough(month):
                pairs += [(month, value) for value in small]
        return count_people_of_pairs(part, pairs, versions, self.cells.open_month)

    def _covering_article(self, part: Part, versions: Versions) -> int | None:
        sizes = self.cells.count(part, versions)
        small = frozenset(article for article, n in sizes.items() if n < ENOUGH)
        if not small or len(small) == len(sizes):
            return None
        if not self.groups.is_small(part._replace(articles=small), versions=versions):
            return None
        return min((n, article) for article, n in sizes.items() if n >= ENOUGH)[1]
