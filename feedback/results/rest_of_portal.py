"""Whether the portal without a selection may be shown: a figure of its own, with a rule of its own.

It is hidden in favour of the selections: what it could be subtracted from or into stays as it is.
"""

from collections.abc import Iterator

from .people import witnesses
from .regions import ENOUGH, Part, Region, Versions
from .scopes import Scope
from .small_groups import SmallGroups


class RestOfPortal:
    """The responses of a month and of readers that are not in the scope of ``region``."""

    def __init__(self, groups: SmallGroups, region: Region, versions: Versions = None) -> None:
        self.groups, self.cells = groups, groups.cells
        self.versions = versions
        self.region = region = self._plainest(region)
        self.portal = Region(None, region.month, region.readers)
        self.part = self.cells.part(region)
        self.all = self.cells.part(self.portal)
        inside = self.cells.count(self.part, versions)
        # Article → responses, of the rest.
        self.counts = {
            article: n
            for article, n in self.cells.count(self.all, versions).items()
            if article not in inside
        }
        self.is_all = not inside

    def _plainest(self, region: Region) -> Region:
        """Return ``region`` without a month or readers that the whole portal is of."""
        plainer = region._replace(readers=None)
        if self._of_portal(plainer) == self._of_portal(region):
            region = plainer
        plainer = region._replace(month=None)
        if self._of_portal(plainer) == self._of_portal(region):
            region = plainer
        return region

    def _of_portal(self, region: Region) -> dict[int, int]:
        part = Part(None, region.month, region.readers)
        return self.cells.count(part, self.versions)

    def is_shown(self) -> bool:
        """Whether it may be shown, beside every selection that may be shown."""
        if not (
            self.groups.is_shown(self.region, self.versions)
            and self.groups.is_shown(self.portal, self.versions)
        ):
            return False
        if not self.counts or self.is_all:
            return True
        return (
            self._goes_beyond_each_month()
            and self._goes_beyond_each_value()
            and self._goes_beyond_each_scope()
            and self._is_far_from_what_contains_it()
        )

    def _is_enough_without(self, other: Part) -> bool:
        """Whether at least 10 people remain when ``other`` is subtracted from the rest."""
        return self.groups.size(self.all, [self.part, other], self.versions) >= ENOUGH

    def _goes_beyond_each_month(self) -> bool:
        """Whether enough people remain without any one month, whatever is shown of the month."""
        if self.region.month is not None:
            return True
        cube = self.cells.cube(self.region.readers, self.versions)
        months = [month for month in cube.months if month is not None]
        largest = max(self.counts, key=lambda article: self.counts[article])
        if self.counts[largest] - max(cube.of(m).get(largest, 0) for m in months) >= ENOUGH:
            return True
        present = [m for m in months if any(article in cube.of(m) for article in self.counts)]
        if len(present) == 1 and not self._is_selection_in(self.all._replace(month=present[0])):
            return False
        return len(present) == 1 or all(
            self._is_enough_without(self.all._replace(month=month)) for month in present
        )

    def _goes_beyond_each_value(self) -> bool:
        """The same without any one value of a part of the profile."""
        if self.region.readers is not None:
            return self._has_all_kinds_of_readers(self.region.readers[0])
        largest = max(self.counts, key=lambda article: self.counts[article])
        of_largest: dict[str, int] = {}
        for (dimension, _value), n in self.cells.of_value(
            largest, self.region.month, self.versions
        ).items():
            of_largest[dimension] = max(of_largest.get(dimension, 0), n)
        for dimension, n in of_largest.items():
            if self.counts[largest] - n < ENOUGH and not self._goes_beyond_values(dimension):
                return False
        return True

    def _has_all_kinds_of_readers(self, dimension: str) -> bool:
        """Whether the rest of all readers is not of one value of another part of the profile.

        For then so are these readers, and could be subtracted from all others of that value.
        """
        everybody = RestOfPortal(self.groups, self.region._replace(readers=None), self.versions)
        largest = max(everybody.counts, key=lambda article: everybody.counts[article])
        for readers in self.cells.only_values(largest, everybody.region.month, self.versions):
            if readers[0] == dimension:
                continue
            of_value = self.cells.count(everybody.all._replace(readers=readers), self.versions)
            is_one = all(of_value.get(article) == n for article, n in everybody.counts.items())
            if is_one and of_value != self._of_portal(everybody.portal):
                return False
        return True

    def _goes_beyond_values(self, dimension: str) -> bool:
        present = []
        for value in self.cells.values(dimension, self.all, self.versions):
            part = self.all._replace(readers=(dimension, value))
            if any(article in self.counts for article in self.cells.count(part, self.versions)):
                present.append(part)
        if len(present) == 1:
            return self._is_selection_in(present[0])
        return all(self._is_enough_without(part) for part in present)

    def _is_selection_in(self, part: Part) -> bool:
        """Whether all responses of the selection itself are in ``part``, too."""
        inside = self.cells.count(self.part, self.versions)
        found = self.part & part
        return found is not None and self.cells.count(found, self.versions) == inside

    def _goes_beyond_each_scope(self) -> bool:
        """Whether enough people remain without any scope that has nothing of the selection."""
        inside = self.cells.count(self.part, self.versions)
        for scope in self._scopes_to_try():
            articles = self.cells.scopes.articles(scope) or frozenset()
            if not articles.isdisjoint(inside):
                continue
            other = self.all._replace(articles=articles)
            if self.groups.is_small(self.all, [self.part, other], self.versions):
                return False
        return True

    def _scopes_to_try(self) -> Iterator[Scope]:
        """Yield the scopes without which few may remain of the rest."""
        of = self.cells.scopes.of
        largest = max(self.counts, key=lambda article: self.counts[article])
        if self.counts[largest] >= ENOUGH:
            # Any other scope leaves this article's people.
            yield ("article", largest)
            yield from of.get(largest, ())
            return
        # No article is shown; ten people, each under an article, remain without most scopes.
        found = witnesses(self.all, self.part, self.versions, self.cells.open_month)
        for scope, articles in self.cells.scopes.members.items():
            if sum(article not in articles for article in found) < ENOUGH:
                yield scope

    def _is_far_from_what_contains_it(self) -> bool:
        """Whether no topic or author has all that the rest has, and little else."""
        around: frozenset[Scope] | None = None
        for article in self.counts:
            belongs = self.cells.scopes.of.get(article, frozenset())
            around = belongs if around is None else around & belongs
            if not around:
                return True
        rest = self.all._replace(articles=frozenset(self.counts))
        return not any(
            self.groups.is_small(
                Part(self.cells.scopes.articles(scope), month, readers), [rest], self.versions
            )
            for scope in around or ()
            for month in {None, self.region.month}
            for readers in {None, self.region.readers}
        )
