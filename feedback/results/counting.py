"""Figures about selections of responses, from the roll-up: closed months, and no small groups.

Nothing here reads a single answer, but to count people where the roll-up cannot tell how many they
are. What one process has read stays in its memory until a closed month or an article changes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache, partial

from articles.models import Article
from feedback.impressions import impressions_by_month, impressions_of
from feedback.models import NOT_APPLICABLE, Level, TallyState

from .askings import Asked, without_openings
from .cells import Cells
from .figures import Figures, Month, RankedArticle, StatementFigures
from .memory import Memory
from .regions import ENOUGH, Part, Region, Versions, region_of
from .rest_of_portal import RestOfPortal
from .scopes import Scopes, scopes
from .selection import Selection, open_month
from .small_groups import SmallGroups
from .statements import Series, all_series
from .totals import Counts, PartTotals, Totals, totals_of

# Of so many survey versions, those who were asked a statement and the others are all that can be
# told apart, and each of the two was looked at already.
LOOKED_AT_IN_PAIRS = 2
# A series, how many answered it, and how often which level was chosen.
Sums = tuple[Series, int, Counts]

# What was added up for this many articles, topics, authors and readers is kept.
MAX_TOTALS = 500
# Each of these may hold all articles: Python's garbage collector walks over all of them.
MAX_PARTS = 10


def figures(selection: Selection) -> Figures:
    """Return the figures of ``selection`` (about 10 queries, fewer once remembered)."""
    book = _book()
    found = book.figures(selection, book.totals(region_of(selection)))
    return _with_impressions(found, impressions_of(selection))


def rest_of_portal(selection: Selection) -> Figures:
    """Return the portal without ``selection``'s articles: the same period, the same readers.

    Raises ``ValueError`` for a selection that is of no article, topic or author.
    """
    region = region_of(selection)
    if region.scope is None:
        raise ValueError("The rest of the whole portal is nobody")
    portal = replace(selection, article=None, topic=None, author=None)
    of_all, of_these = impressions_of(portal), impressions_of(selection)
    if of_all is None or of_these is None:
        return _book().rest(selection, region)
    rest = of_all[0] - of_these[0], of_all[1] - of_these[1]
    return _with_impressions(_book().rest(selection, region), rest)


def trend(selection: Selection) -> list[Month]:
    """Return every closed month since the first response, the oldest first.

    Of the selection's articles and readers; its month is ignored.
    """
    book = _book()
    selection = replace(selection, month=None)
    by_month = book.part_totals(region_of(selection)).by_month
    impressions = impressions_by_month(selection)
    return [
        Month(
            month=month,
            figures=_with_impressions(
                book.figures(replace(selection, month=month), by_month.get(month, Totals())),
                None if impressions is None else impressions.get(month, (0, 0)),
            ),
        )
        for month in book.months()
    ]


def ranking(selection: Selection) -> list[RankedArticle]:
    """Return the selection's articles by the Wilson bound of their share of agreement.

    Pooled over the statements that are shown of the article and have the default labels: answers on
    other scales are of another kind. The highest lower bound first; then those without answers;
    those that are hidden last. Equal ones by title.
    """
    return _book().ranking(selection)


def months() -> list[date]:
    """Return every closed month since the first response, the oldest first."""
    return _book().months()


def as_of() -> datetime | None:
    """Return up to when answers are counted (1 query); None before they first are."""
    return TallyState.objects.values_list("as_of", flat=True).first()


def _with_impressions(figures: Figures, impressions: tuple[int, int] | None) -> Figures:
    """Add how many were shown the survey and began it, where that tells of no small group."""
    # A step counts those after it: where nobody broke off, it is n.
    if figures.n is None or impressions is None:
        return figures
    shown, started = (_unless_few(step, figures.n) for step in impressions)
    return replace(figures, shown=shown, started=started) if shown else figures


def _unless_few(step: int, answered: int) -> int | None:
    # Fewer than answered: nobody counted readers yet when the first of them did.
    return None if 0 < step < ENOUGH or step < answered else step


@dataclass(slots=True)
class _Book:
    """The closed months as one stamp found them."""

    stamp: object
    scopes: Scopes
    cells: Cells
    groups: SmallGroups
    series: list[Series]
    _totals: Memory[Region, Totals] = field(default_factory=partial(Memory, MAX_TOTALS))
    _parts: Memory[Region, PartTotals] = field(default_factory=partial(Memory, MAX_PARTS))
    _versions: Memory[Asked, tuple[Versions, Versions]] = field(
        default_factory=partial(Memory, MAX_TOTALS)
    )
    # By region and the titles of its articles, which may change without the stamp.
    _rankings: Memory[tuple[Region, tuple[tuple[int, str], ...]], list[RankedArticle]] = field(
        default_factory=partial(Memory, MAX_PARTS)
    )

    @property
    def places(self) -> int:
        return max((max(s.places.values()) + 1 for s in self.series), default=1)

    def months(self) -> list[date]:
        """Return every closed month since the first response, the oldest first."""
        found = [month for month in self.cells.cube(None).months if month is not None]
        months: list[date] = []
        month = min(found, default=self.cells.open_month)
        while month < self.cells.open_month:
            months.append(month)
            month = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        return months

    def part_totals(self, region: Region) -> PartTotals:
        return self._parts.get(
            region,
            lambda: totals_of(self.cells.part(region), self.places, self.cells.open_month),
        )

    def totals(self, region: Region) -> Totals:
        return self._totals.get(
            region, lambda: self.part_totals(region).by_month.get(None, Totals())
        )

    def figures(self, selection: Selection, totals: Totals) -> Figures:
        region = region_of(selection)
        if not self.groups.is_shown(region):
            return Figures(selection, None)
        statements, hidden = self.statements(
            totals,
            part=self.cells.part(region),
            without=(),
            is_shown=lambda versions: self.groups.is_shown(region, versions),
        )
        return Figures(selection, totals.all, statements, hidden)

    def rest(self, selection: Selection, region: Region) -> Figures:
        rest = RestOfPortal(self.groups, region)
        if not rest.is_shown():
            return Figures(selection, None)
        # Statements that the same versions ask have the same answer.
        is_shown = cache(
            lambda versions: (
                RestOfPortal(self.groups, region, versions).is_shown()
                if versions is not None
                else True
            )
        )
        totals = self.totals(rest.portal).without(self.totals(region))
        statements, hidden = self.statements(
            totals,
            part=rest.all,
            without=(rest.part,),
            is_shown=is_shown,
        )
        return Figures(selection, totals.all, statements, hidden)

    def statements(
        self,
        totals: Totals,
        *,
        part: Part,
        without: tuple[Part, ...],
        is_shown: Callable[[Versions], bool],
    ) -> tuple[tuple[StatementFigures, ...], int]:
        """Return the statements that may be shown, and how many may not."""
        found = list(self.sums(totals, part, without, is_shown))
        shown = [_figures(*one, responses=totals.all) for one in found if one]
        return tuple(shown), len(found) - len(shown)

    def sums(
        self,
        totals: Totals,
        part: Part,
        without: tuple[Part, ...],
        is_shown: Callable[[Versions], bool],
    ) -> Iterator[Sums | None]:
        """Yield each series that was answered, the responses and the counts; None if hidden."""
        found = []
        for series in self.series:
            if not (asked := frozenset(totals.n.keys() & series.places.keys())):
                continue
            asking, others = self.versions_of(series)
            counts = [
                sum(level)
                for level in zip(
                    *(totals.of(version, series.places[version]) for version in asked), strict=True
                )
            ]
            may_be_shown = (
                is_shown(asking)
                # Those whom this was not asked are a group, too.
                and (not others or is_shown(others))
                and self._have_enough_rated(part, without, series, counts)
            )
            answered = sum(totals.n[version] for version in asked)
            found.append((asked, (series, answered, counts) if may_be_shown else None))
        yield from self._without_openings(found, totals, part, without)

    def _without_openings(
        self,
        found: list[tuple[Asked, Sums | None]],
        totals: Totals,
        part: Part,
        without: tuple[Part, ...],
    ) -> Iterator[Sums | None]:
        """Yield the sums, but None for those that would open a group with the others."""
        everybody = frozenset(version for version, n in totals.n.items() if n)
        if len(everybody) <= LOOKED_AT_IN_PAIRS:
            yield from (sums for _asked, sums in found)
            return

        def is_small(versions: Asked) -> bool:
            n = sum(totals.n[version] for version in versions)
            if n >= self.cells.surely_enough(part.month):
                return False
            return 0 < n < ENOUGH or (n > 0 and self.groups.is_small(part, without, versions))

        places = [place for place, (_asked, sums) in enumerate(found) if sums]
        places.sort(key=lambda place: (sum(totals.n[v] for v in found[place][0]), -place))
        shown = without_openings([found[place][0] for place in places], everybody, is_small)
        kept = {places[place] for place in shown}
        for place, (_asked, sums) in enumerate(found):
            yield sums if place in kept else None

    def versions_of(self, series: Series) -> tuple[Versions, Versions]:
        """Return the survey versions that ask this, of those that were answered, and the others."""
        return self._versions.get(frozenset(series.places), lambda: self._find_versions_of(series))

    def _find_versions_of(self, series: Series) -> tuple[Versions, Versions]:
        answered = frozenset(self.totals(Region(None, None, None)).n)
        asking = answered.intersection(series.places)
        # All: then the answer is the same as for the whole selection, and remembered.
        return None if asking == answered else asking, answered - asking

    def _have_enough_rated(
        self, part: Part, without: tuple[Part, ...], series: Series, counts: Counts
    ) -> bool:
        """Whether those who chose a level are none, or not few."""
        rated = sum(counts[1:])
        if counts[NOT_APPLICABLE] == 0 or rated == 0:
            return True
        return rated >= ENOUGH and self.groups.people(part, without, rating=series.places) >= ENOUGH

    def ranking(self, selection: Selection) -> list[RankedArticle]:
        region = region_of(selection)
        part = self.cells.part(region)
        titles = _titles(part)
        return self._rankings.get(
            (region, tuple(titles.items())), lambda: self._rank(region, titles)
        )

    def _rank(self, region: Region, titles: dict[int, str]) -> list[RankedArticle]:
        totals = self.part_totals(region).by_article
        self.groups.read_articles(
            [article for article, t in totals.items() if t.all >= ENOUGH], region
        )
        found = [
            self._ranked(article, title, region, totals.get(article, Totals()))
            for article, title in titles.items()
        ]
        return sorted(found, key=_rank)

    def _ranked(self, article: int, title: str, region: Region, totals: Totals) -> RankedArticle:
        own = region._replace(scope=("article", article))
        if not self.groups.is_shown(own):
            return RankedArticle(article, title, None, None, None, None)
        top_2 = answers = raters = 0
        for one in self.sums(
            totals, self.cells.part(own), (), lambda versions: self.groups.is_shown(own, versions)
        ):
            if one and not one[0].labels:
                counts = one[2]
                top_2 += sum(counts[Level.AGREE :])
                rated = sum(counts[1:])
                answers += rated
                raters = max(raters, rated)
        return RankedArticle(article, title, totals.all, top_2, answers, raters)


def _figures(series: Series, answered: int, counts: Counts, *, responses: int) -> StatementFigures:
    first, second, third, fourth, fifth = counts[1:]
    return StatementFigures(
        key=series.key,
        series=series.number,
        survey=series.survey,
        text=series.text,
        outcome=series.outcome,
        labels=series.labels_shown,
        counts=(first, second, third, fourth, fifth),
        not_applicable=counts[NOT_APPLICABLE],
        missing=responses - answered,
    )


def _rank(ranked: RankedArticle) -> tuple[float, str, int]:
    if ranked.n is None:
        place = 2.0
    elif ranked.interval is None:
        place = 1.0
    else:
        place = -ranked.interval[0]
    return place, ranked.title, ranked.article_id


def _titles(part: Part) -> dict[int, str]:
    articles = Article.objects.filter(first_published_at__isnull=False)
    if part.articles is not None:
        articles = articles.filter(pk__in=part.articles)
    return dict(articles.values_list("pk", "title"))


_kept: list[_Book] = []


def _book() -> _Book:
    """Return what is known of the closed months (1 query; more where something has changed)."""
    state, month = TallyState.objects.first(), open_month()
    stamp = state.stamp if state else None
    current = scopes()
    for book in _kept:
        if (
            stamp is not None
            and book.stamp == stamp
            and book.scopes is current
            and book.cells.open_month == month
        ):
            return book
    # Known of the months that were closed then: of another set of months it says nothing.
    most_of_one = state.most_of_one if state and state.most_on == month else {}
    cells = Cells(current, most_of_one)
    book = _Book(stamp, current, cells, SmallGroups(cells), all_series())
    # Assigned at once: another thread goes on with what it has.
    _kept[:] = [book]
    return book


def forget() -> None:
    """Drop what this process remembers, as a new process would start."""
    _kept.clear()
