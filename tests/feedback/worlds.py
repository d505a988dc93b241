"""Small worlds of responses, and an attack on all figures that may be shown of them.

The attack knows nothing of the rule: it reckons with sets of responses, as bits of a number.
"""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import product

from feedback.models import Impressions, Response, SurveyVersion, load_survey_version
from feedback.results import counting
from feedback.results.selection import Dimension, Selection
from portal.attestation.models import Reader
from tests.factories import (
    DisclosureFactory,
    PublishableArticleFactory,
    TopicFactory,
    publish,
)

from .builders import KEYS, publish_survey, publish_version_2, refresh_tallies

TODAY = datetime(2026, 4, 10, 12, tzinfo=UTC)
MONTHS = [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)]
PEOPLE = 10
PROFESSIONS, COUNTRIES = ("physician", "nurse", "pharmacist"), ("GB", "DE", "FR")


class Ground:
    """What all worlds stand on: articles, topics, authors, three surveys, one in two versions."""

    def __init__(self):
        self.articles = []
        first, second, third = (DisclosureFactory().person for _ in range(3))
        for authors in ((first,), (first, second), (second,), (third,), ()):
            article = PublishableArticleFactory()
            for person in authors:
                article.article_authors.create(person=person)
            publish(article)
            self.articles.append(article)
        broad = TopicFactory()
        narrow, narrower = TopicFactory(parent=broad), TopicFactory(parent=broad)
        self.topics = [broad, narrow, narrower, TopicFactory()]
        self.versions = [load_survey_version().version_id]
        new = publish_version_2(changed="change", text="I have changed", is_comparable=False)
        self.versions.append(new.pk)
        # Keys are a survey's own: others may have the same ones.
        for key in ("other", "third"):
            self.versions.append(publish_survey(key, KEYS, keys=KEYS).pk)
        self.surveys = dict(
            SurveyVersion.objects.values_list("pk", "survey__name").filter(pk__in=self.versions)
        )

    def scopes(self):
        """Yield the scopes of selections, with the articles of each."""
        yield {}, set(range(5))
        for number, article in enumerate(self.articles):
            yield {"article": article.pk}, {number}
        for topic in self.topics:
            within = {
                number
                for number, article in enumerate(self.articles)
                for key in article.search_topics
                if topic.pk == key or (topic in self.topics[:1] and key in self.narrow)
            }
            yield {"topic": topic.pk}, within
        people = {}
        for number, article in enumerate(self.articles):
            for person in article.published_version.people.all():
                people.setdefault(person.pk, set()).add(number)
        for person, articles in people.items():
            yield {"author": person}, articles

    @property
    def narrow(self):
        return [topic.pk for topic in self.topics[1:3]]


@dataclass
class Shown:
    """A figure: whose it is and the responses that are in it."""

    selection: Selection
    bits: int
    is_rest: bool = False


class World:
    def __init__(self, ground, seed):
        self.ground = ground
        self.random = random.Random(seed)
        self._make()
        refresh_tallies()

    def _make(self):
        chance = self.random
        Response.objects.all().delete()
        for article in self.ground.articles:
            topics = chance.sample(self.ground.topics, chance.choice([0, 1, 1, 2]))
            article.search_topics = sorted(topic.pk for topic in topics)
            article.save(update_fields=["search_topics"])
        everybody = Reader.objects.bulk_create(Reader() for _ in range(60))
        # One world of strangers, one of regulars: then people are fewer than responses.
        pool = everybody[: chance.choice([14, 30, 60])]
        even = chance.random() < 0.4
        self.responses = []
        for article in self.ground.articles:
            n = chance.choice([0, 2, 5, 9, 10, 12, 14, 20, 30])
            months = [chance.choice(MONTHS), *([] if even else MONTHS)]
            professions = [*PROFESSIONS[: chance.choice([1, 2, 3])]]
            countries = [*COUNTRIES[: chance.choice([1, 2, 3])]]
            versions = chance.sample(self.ground.versions, chance.choice([1, 1, 2, 3]))
            weights = [20, 4, 1][: len(versions)]
            for reader in chance.sample(pool, min(n, len(pool))):
                month = chance.choices(months, range(1, len(months) + 1))[0]
                [version] = chance.choices(versions, weights)
                when = datetime(month.year, month.month, chance.randint(2, 27), tzinfo=UTC)
                self.responses.append(
                    Response(
                        reader=reader,
                        article=article,
                        article_version_id=article.published_version_id,
                        survey_version_id=version,
                        levels=[chance.choice([0, *range(1, 6), 5, 5, 5]) for _ in range(4)],
                        profession=chance.choices(professions, [9, 4, 1][: len(professions)])[0],
                        country=chance.choices(countries, [9, 2, 1][: len(countries)])[0],
                        submitted_at=when,
                        updated_at=when,
                    )
                )
        Response.objects.bulk_create(self.responses)
        self._have_them_counted()

    def _have_them_counted(self):
        """Count each of them on the way, and nobody who broke off: steps are n then."""
        Impressions.objects.all().delete()
        counts = Counter((r.article_id, r.submitted_at.month) for r in self.responses)
        Impressions.objects.bulk_create(
            Impressions(article_id=article, month=date(2026, month, 1), shown=3 * n, started=n)
            for (article, month), n in counts.items()
        )

    # --- what is true ---------------------------------------------------------------------------

    def bits(self, condition):
        return sum(
            1 << number for number, response in enumerate(self.responses) if condition(response)
        )

    def selections(self):
        """Yield all allowed selections and the responses in each."""
        readers = [
            None,
            *((Dimension.PROFESSION, value) for value in PROFESSIONS),
            *((Dimension.COUNTRY, value) for value in COUNTRIES),
            (Dimension.SPECIALTY, ""),
        ]
        of_readers = {
            one: self.bits(lambda r, one=one: one is None or getattr(r, one[0].value) == one[1])
            for one in readers
        }
        of_months = {
            month: self.bits(
                lambda r, month=month: month is None or r.submitted_at.month == month.month
            )
            for month in (None, *MONTHS)
        }
        for scope, articles in self.ground.scopes():
            pks = {self.ground.articles[number].pk for number in articles}
            of_scope = self.bits(lambda r, pks=pks: r.article_id in pks)
            for (month, in_month), (one, of_one) in product(of_months.items(), of_readers.items()):
                dimension, value = one or (None, "")
                yield (
                    Selection(**scope, month=month, dimension=dimension, value=value),
                    of_scope & in_month & of_one,
                )

    def people(self, bits):
        """Count the people of the responses, up to ten."""
        if not hasattr(self, "_of_readers"):
            readers = {response.reader_id for response in self.responses}
            self._of_readers = [
                self.bits(lambda r, reader=reader: r.reader_id == reader) for reader in readers
            ]
        found = 0
        for mine in self._of_readers:
            found += bool(mine & bits)
            if found == PEOPLE:
                break
        return found

    def is_small(self, bits):
        return bits != 0 and self.people(bits) < PEOPLE

    # --- the attack -----------------------------------------------------------------------------

    def ask(self):
        """Ask for every figure; return the shown ones: (series or None for all) → figures.

        Raises ``AssertionError`` where a figure is not what the responses say.
        """
        self.truth = dict(self.selections())
        self.pages = defaultdict(set)
        self.asked = {None: -1, "started": -1}
        of_version = {
            version: self.bits(lambda r, version=version: r.survey_version_id == version)
            for version in self.ground.versions
        }
        shown = {}
        for selection, bits in self.truth.items():
            self._take(shown, Shown(selection, bits), counting.figures(selection), of_version)
            if selection.article or selection.topic or selection.author:
                portal = Selection(
                    month=selection.month, dimension=selection.dimension, value=selection.value
                )
                rest = Shown(selection, self.truth[portal] & ~bits, is_rest=True)
                self._take(shown, rest, counting.rest_of_portal(selection), of_version)
        return shown

    def _take(self, shown, figure, figures, of_version):
        if figures.n is None:
            assert not figures.statements
            assert figures.shown is figures.started is None
            return
        assert figures.n == figure.bits.bit_count(), figure
        shown.setdefault(None, []).append(figure)
        page = self.pages[figure.selection, figure.is_rest]
        page.add(figure.bits)
        if figures.started is not None:
            assert (figures.shown, figures.started) == (3 * figures.n, figures.n)
            shown.setdefault("started", []).append(figure)
        for statement in figures.statements:
            asking = self._asking(statement)
            whoever = sum(of_version[version] for version in asking)
            asked = figure.bits & whoever
            page.add(asked)
            rated = self.rated(asked, statement.key)
            assert statement.counts == tuple(rated[level] for level in range(1, 6))
            assert statement.not_applicable == rated[0]
            assert statement.missing == (figure.bits & ~asked).bit_count()
            assert statement.n == 0 or not self.is_small(self._raters(asked, statement.key))
            own = statement.survey, statement.key, statement.series
            for key, among in (("asked", whoever), ("missing", ~whoever)):
                self.asked[key, own] = among
                shown.setdefault((key, own), []).append(
                    Shown(figure.selection, figure.bits & among, figure.is_rest)
                )

    def _asking(self, statement):
        versions = [v for v in self.ground.versions if self.ground.surveys[v] == statement.survey]
        if len(versions) > 1 and statement.key == "change":
            return [versions[statement.series - 1]]
        return versions

    def rated(self, bits, key):
        return Counter(
            response.levels[KEYS.index(key)]
            for number, response in enumerate(self.responses)
            if bits >> number & 1
        )

    def _raters(self, bits, key):
        return bits & self.bits(lambda r: r.levels[KEYS.index(key)] != 0)

    def opened(self, shown):
        """Yield what opens a group of 1 to 9 people: a figure, two of them, or siblings."""
        for series, figures in shown.items():
            for figure in figures:
                if self.is_small(figure.bits):
                    yield series, "figure", figure
            distinct = {}
            for figure in figures:
                distinct.setdefault(figure.bits, []).append(figure)
            for outer, inner in product(distinct, distinct):
                if outer & inner != inner or outer == inner or not self.is_small(outer & ~inner):
                    continue
                for one, other in product(distinct[outer], distinct[inner]):
                    if self._is_known(one, other):
                        yield series, "difference", one, other
            yield from self._opened_by_siblings(series, figures)
        yield from self._opened_by_statements()

    def _opened_by_statements(self):
        """Yield the pages where two statements, or what they leave of a third, are too little."""
        for page, distinct in self.pages.items():
            for whole, one, other in product(distinct, repeat=3):
                if one & other or (one | other) & ~whole:
                    continue
                if self.is_small(whole & ~one & ~other):
                    yield "statements of a page", page

    def _is_known(self, outer, inner):
        """Whether people outside the house can know that ``inner`` is within ``outer``.

        That all nurses come from one country no figure says, but where all readers do.
        """
        one, other = outer.selection, inner.selection
        if None in {one.dimension, other.dimension} or one.dimension == other.dimension:
            return True
        everybody = self.truth[
            Selection(
                article=other.article, topic=other.topic, author=other.author, month=other.month
            )
        ]
        if inner.is_rest:
            everybody = self.truth[Selection(month=other.month)] & ~everybody
        value = self.truth[Selection(dimension=one.dimension, value=one.value)]
        return everybody & value == everybody

    def _opened_by_siblings(self, series, figures):
        plain = {figure.selection: figure.bits for figure in figures if not figure.is_rest}
        named = defaultdict(list)
        for figure in figures:
            named[figure.bits].append(figure)
        for parent, bits in plain.items():
            for name, children in self._families(parent):
                left = bits
                for child in children:
                    own = self.truth[child] & self.asked[series]
                    if child in plain or self._is_under_another_name(child, named[own]):
                        left &= ~own
                if self.is_small(left):
                    yield series, name, parent

    def _is_under_another_name(self, child, figures):
        """Whether a figure is known to be of the responses of ``child``, and no others."""
        own = Shown(child, 0)
        return any(
            self._is_known(figure, own) and self._is_known(own, figure) for figure in figures
        )

    def _families(self, parent):
        fields = {
            name: getattr(parent, name)
            for name in ("article", "topic", "author", "month", "dimension", "value")
        }
        if parent.month is None:
            yield "months", [Selection(**fields | {"month": month}) for month in MONTHS]
        if parent.dimension is None:
            for dimension, values in (
                (Dimension.PROFESSION, PROFESSIONS),
                (Dimension.COUNTRY, COUNTRIES),
            ):
                yield (
                    dimension.value,
                    [
                        Selection(**fields | {"dimension": dimension, "value": value})
                        for value in values
                    ],
                )
        if parent.article is None:
            yield (
                "articles",
                [
                    Selection(**fields | {"topic": None, "author": None, "article": article.pk})
                    for article in self.ground.articles
                    if self.truth[Selection(article=article.pk)] & self.truth[parent]
                ],
            )
