"""Which figures may be shown: none from which a group of fewer than ten people can be reckoned.

The rule and what it leaves open: docs/decisions/0010-small-groups.md. Every answer here depends on
the figure that is asked about and on the responses, never on what else a page shows: so a page of
one month hides what the trend hides.

A figure may be of some survey versions only (a statement that others did not ask): then everything
is counted among the responses to these.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date
from itertools import islice, product
from typing import Any, Literal, TypeVar

from .cells import Cells, Cube
from .people import count_people, count_people_by, count_people_by_month, count_people_of_pairs
from .regions import ENOUGH, Part, Readers, Region, Versions
from .scopes import Scope
from .selection import Dimension

T = TypeVar("T")
K = TypeVar("K", date, str)

# Remembered answers; past this many, all are forgotten.
MAX_MEMORY = 100_000


class SmallGroups:
    """Answers for the responses that ``cells`` counts."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self._shown: dict[tuple[Region, Versions], bool] = {}
        self._covers: dict[Any, Any] = {}
        self._by_month: dict[Any, dict[tuple[date, str], int]] = {}
        self._largest: dict[tuple[Region, Versions], list[int]] = {}
        self._of_small: dict[Any, dict[date, int]] = {}
        self._months_of: dict[tuple[Part, Versions], dict[date, int]] = {}
        self._sizes: dict[tuple[Part, tuple[Part, ...], Versions], int] = {}

    # --- groups ----------------------------------------------------------------------------------

    def size(self, part: Part, without: Sequence[Part] = (), versions: Versions = None) -> int:
        """Return how many people are in ``part`` and in no part of ``without``, up to ``ENOUGH``.

        The roll-up counts responses, and a person has one about an article. So one article with
        enough responses answers; else the raw answers do.
        """
        key = part, tuple(without), versions
        if key not in self._sizes:
            if len(self._sizes) >= MAX_MEMORY:
                self._sizes = {}
            self._sizes[key] = self._size(part, without, versions)
        return self._sizes[key]

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
        if not without and part.month is not None and _is_country(part):
            # A page asks for every month.
            return self._people_by_month(part, versions).get(part.month, 0)
        return self.people(part._replace(articles=frozenset(articles)), without, versions)

    def _people_by_month(self, part: Part, versions: Versions) -> dict[date, int]:
        part = part._replace(month=None)
        key = part, versions
        if key not in self._months_of:
            if len(self._months_of) >= MAX_MEMORY // 100:
                self._months_of = {}
            months = [m for m in self.cells.cube(part.readers, versions).months if m is not None]
            self._months_of[key] = count_people_by(
                "month", part, months, versions, self.cells.open_month
            )
        return self._months_of[key]

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
        key = region, versions
        if key not in self._shown:
            if len(self._shown) >= MAX_MEMORY:
                self._shown = {}
            self._shown[key] = self._is_shown(region, versions)
        return self._shown[key]

    def _is_shown(self, region: Region, versions: Versions) -> bool:
        part = self.cells.part(region)
        size = self.size(part, versions=versions)
        if size < ENOUGH:
            return size == 0
        return not any(
            self.is_small(self.cells.part(outer), [part], versions)
            for outer in self._containing(region, versions)
            if not self._has_enough_elsewhere(outer, part, versions)
        ) and not self._is_cover(region, part, versions)

    def _has_enough_elsewhere(self, outer: Region, part: Part, versions: Versions) -> bool:
        """Whether another article than that of ``part`` has surely enough of ``outer``.

        A quick look at the two largest ones: nearly always this is so.
        """
        key = outer, versions
        largest = self._largest.get(key)
        if largest is None:
            if len(self._largest) >= MAX_MEMORY:
                self._largest = {}
            around = self.cells.part(outer)
            cube = self.cells.cube(outer.readers, versions)
            cells = cube.of(outer.month)
            largest = self._largest[key] = [
                article
                for article in islice(_largest_first(cube, around), 2)
                if cells.get(article, 0) >= ENOUGH
            ]
        article = _only_article(part)
        return article is not None and any(one != article for one in largest)

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
            if month is not None and any(article in cells for article in counts):
                found.append(month)
        return [None, *found] if len(found) == 1 else [None]

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

    # --- siblings --------------------------------------------------------------------------------
    # The figures of all months of a selection are shown next to that of all months together; what
    # those that are too small have together is left over when the others are subtracted. Where
    # that is 1 to 9 people, the smallest of the others is hidden with them. The same for the values
    # of a part of the profile, and for the articles of a topic, an author and the portal.

    def _is_cover(self, region: Region, part: Part, versions: Versions) -> bool:
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
        key = covering.__name__, part, versions
        if key not in self._covers:
            if len(self._covers) >= MAX_MEMORY:
                self._covers = {}
            self._covers[key] = covering(part, versions)
        found: T = self._covers[key]
        return found

    def read_articles(
        self, articles: Collection[int], region: Region, versions: Versions = None
    ) -> None:
        """Read what is needed of many articles at once (1 or 2 queries)."""
        self.cells.read_only_values(articles, region.month, versions)
        if region.readers is not None and articles:
            dimension = region.readers[0]
            found = self.cells.covering_values(dimension, region.month, versions)
            for article in articles:
                part = Part(frozenset([article]), region.month, (dimension, ""))
                self._covers["_covering_value", part, versions] = found.get(article)

    def _covering_month(self, part: Part, versions: Versions) -> date | None:
        cube = self.cells.cube(part.readers, versions)
        if (article := _only_article(part)) is not None:
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
            if _only_article(part) is None
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
        if what == "month" and _is_country(part):
            people = self._people_by_month(part, versions)
            return {key: people.get(key, 0) for key in keys}
        if what != "value" or readers is None or month is None or not _is_country(part):
            return count_people_by(what, part, keys, versions, self.cells.open_month)
        remembered = part.articles, versions
        if remembered not in self._by_month:
            rare = set()
            for one in self.cells.cube(None, versions).months:
                if one is not None:
                    found = self.cells.values(readers[0], part._replace(month=one), versions)
                    rare |= {key for key, sizes in found.items() if self._is_unsure(*sizes, one)}
            if len(self._by_month) >= MAX_MEMORY // 1000:
                self._by_month = {}
            self._by_month[remembered] = count_people_by_month(
                part, sorted(rare), versions, self.cells.open_month
            )
        by_month = self._by_month[remembered]
        return {key: by_month.get((month, key), 0) for key in keys}

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
        if responses < ENOUGH or _only_article(part) is not None:
            return responses < ENOUGH
        if what == "value" and part.month is not None and _is_country(part):
            small = {key for key, n in totals.items() if n < ENOUGH}
            if small == set(keys):
                return self._people_of_small_countries(part, versions)[part.month] < ENOUGH
        return self.people(part, (), versions, **{f"{what}s": keys}) < ENOUGH

    def _people_of_small_countries(self, part: Part, versions: Versions) -> dict[date, int]:
        """Count the people of the countries with few responses in a month: of all months at once.

        Only of the months where the number of their responses does not tell.
        """
        key = part.articles, versions
        if key not in self._of_small:
            pairs = []
            for month in self.cells.cube(None, versions).months:
                if month is None:
                    continue
                found = self.cells.values(Dimension.COUNTRY, part._replace(month=month), versions)
                small = {value: n for value, (n, _largest) in found.items() if n < ENOUGH}
                if ENOUGH <= sum(small.values()) < self.cells.surely_enough(month):
                    pairs += [(month, value) for value in small]
            if len(self._of_small) >= MAX_MEMORY // 1000:
                self._of_small = {}
            self._of_small[key] = count_people_of_pairs(
                part, pairs, versions, self.cells.open_month
            )
        return self._of_small[key]

    def _covering_article(self, part: Part, versions: Versions) -> int | None:
        sizes = self.cells.count(part, versions)
        small = frozenset(article for article, n in sizes.items() if n < ENOUGH)
        if not small or len(small) == len(sizes):
            return None
        if not self.is_small(part._replace(articles=small), versions=versions):
            return None
        return min((n, article) for article, n in sizes.items() if n >= ENOUGH)[1]


def _is_country(part: Part) -> bool:
    return part.readers is not None and part.readers[0] == Dimension.COUNTRY


def _only_article(part: Part) -> int | None:
    """Return the one article that ``part`` is about, if so: of it each response is a person."""
    if part.articles is None or len(part.articles) != 1:
        return None
    return next(iter(part.articles))


def _largest_first(cube: Cube, part: Part) -> Iterable[int]:
    ranked = cube.ranked(part.month)
    if part.articles is None:
        return ranked
    if len(part.articles) * 4 < len(ranked):
        return part.articles
    return (article for article in ranked if article in part.articles)
