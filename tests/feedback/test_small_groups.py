"""No figure, no two figures and no row of siblings open a group of fewer than ten people."""

import os
import sys
from datetime import UTC, datetime

import pytest
import time_machine

from feedback.models import Response, load_survey_version
from feedback.results import counting
from feedback.results.selection import Dimension, Selection
from tests.factories import TopicFactory, published_article

from .builders import KEYS, answer, publish_survey, refresh_tallies
from .worlds import MONTHS, TODAY, Ground, World

pytestmark = pytest.mark.django_db

JANUARY, FEBRUARY, MARCH = MONTHS
MARCH_15 = datetime(2026, 3, 15, tzinfo=UTC)


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(TODAY, tick=False):
        yield


def attack(ground, seed):
    """Return how many figures the world shows; fails where they open a small group."""
    world = World(ground, seed)
    shown = world.ask()
    opened = list(world.opened(shown))
    assert not opened, f"seed {seed}: {len(opened)}\n" + "\n".join(map(str, opened[:9]))
    return len(shown.get(None, []))


def test_small_groups_stay_closed():
    ground = Ground()
    # What hides everything would pass, too: see that something is shown.
    assert attack(ground, seed=1) > 50


@pytest.mark.soak
def test_small_groups_stay_closed_in_many_worlds(capsys):
    """As many worlds as SEEDS says, from SEED on (`make soak`)."""
    ground = Ground()
    first, count = (int(os.environ.get(k, d)) for k, d in (("SEED", "1"), ("SEEDS", "50")))
    for seed in range(first, first + count):
        found = attack(ground, seed)
        with capsys.disabled():
            sys.stdout.write(f"seed {seed}: {found} figures\n")


def test_a_month_s_page_hides_what_the_trend_hides():
    world = World(Ground(), seed=2)
    for selection in dict(world.selections()):
        if selection.month is not None:
            continue
        for month in counting.trend(selection):
            assert month.figures == counting.figures(month.figures.selection)
            assert month.month in MONTHS
        if selection.article is None:
            for row in counting.ranking(selection):
                own = Selection(
                    article=row.article_id, dimension=selection.dimension, value=selection.value
                )
                assert row.n == counting.figures(own).n


def responses_of(article, cells):
    """Answer about ``article``: (month, country) → how many."""
    for (month, country), n in cells.items():
        answer(
            article,
            [[5, 4, 3, 2]] * n,
            country=country,
            submitted_at=datetime(month.year, month.month, 15, tzinfo=UTC),
        )


@pytest.mark.parametrize(
    ("inner", "others", "few"),
    [
        # All of the article's answers are of March, as the topic's figure of March knows.
        ({(MARCH, "GB"): 20, (MARCH, "DE"): 20}, (FEBRUARY, "GB"), (MARCH, "GB")),
        # All of its readers are in Britain, as the topic's figure of Britain knows.
        ({(FEBRUARY, "GB"): 20, (MARCH, "GB"): 20}, (MARCH, "DE"), (MARCH, "GB")),
    ],
)
def test_what_all_have_in_common_is_known(inner, others, few):
    topic = TopicFactory()
    one, other, elsewhere = (published_article() for _ in range(3))
    for article in (one, other):
        article.search_topics = [topic.pk]
        article.save(update_fields=["search_topics"])
    responses_of(one, inner)
    responses_of(other, {others: 20, few: 3})
    everywhere = {(month, country): 30 for month in MONTHS for country in ("GB", "DE")}
    responses_of(elsewhere, everywhere)
    refresh_tallies()
    # 23 people of the topic are not the article's, but of those of March (in Britain) three.
    assert counting.figures(Selection(topic=topic.pk)).n == 63
    assert counting.figures(Selection(article=one.pk)).n is None
    # All of them state no profession: these are the same responses.
    same = Selection(article=one.pk, dimension=Dimension.PROFESSION, value="")
    assert counting.figures(same).n is None
    responses_of(other, {few: 7})
    refresh_tallies()
    assert counting.figures(Selection(article=one.pk)).n == counting.figures(same).n == 40


def test_the_smallest_sibling_hides_the_few():
    """4 and 3 are hidden; 30 and 12 are shown: 49 without them would be the seven."""
    articles = [published_article() for _ in range(4)]
    for article, n in zip(articles, (4, 3, 30, 12), strict=True):
        responses_of(article, {(MARCH, "GB"): n})
    refresh_tallies()
    # Nor are the twelve told under the name of their only author.
    authors = [article.published_version.people.get().pk for article in articles]
    of_authors = [counting.figures(Selection(author=author)).n for author in authors]
    assert of_authors == [None, None, 30, None]
    assert counting.figures(Selection()).n == 49
    assert [row.n for row in counting.ranking(Selection())] == [30, None, None, None]


def test_statements_of_three_surveys_do_not_open_the_smallest():
    """Of 35 were 12 asked by one survey and 20 by another: 3 were asked by neither."""
    article = published_article()
    default = load_survey_version().version_id
    others = [publish_survey(key, KEYS, keys=KEYS).pk for key in ("other", "third")]
    for version, n in zip((default, *others), (12, 3, 20), strict=True):
        answer(article, [[5, 4, 3, 2]] * n, survey_version_id=version, submitted_at=MARCH_15)
    refresh_tallies()
    for selection in (Selection(), Selection(article=article.pk)):
        found = counting.figures(selection)
        assert found.n == 35
        assert {(one.survey, one.n) for one in found.statements} == {("Third", 20)}
        assert found.hidden_statements == 8
    answer(article, [[5, 4, 3, 2]] * 7, survey_version_id=others[0], submitted_at=MARCH_15)
    refresh_tallies()
    found = counting.figures(Selection(article=article.pk))
    assert {one.n for one in found.statements} == {12, 10, 20}


def test_the_smallest_month_hides_the_few():
    """Five in January are hidden: 50 without February and March would be they."""
    article = published_article()
    responses_of(article, {(JANUARY, "GB"): 5, (FEBRUARY, "GB"): 20, (MARCH, "GB"): 25})
    refresh_tallies()
    assert counting.figures(Selection(article=article.pk)).n == 50
    trend = counting.trend(Selection(article=article.pk))
    assert [month.figures.n for month in trend] == [None, None, 25]
    assert counting.figures(Selection(article=article.pk, month=FEBRUARY)).n is None


def test_one_person_who_answers_often_is_one():
    articles = [published_article() for _ in range(12)]
    topic = TopicFactory()
    regulars = answer(articles[0], [[5, 4, 3, 2]] * 9, submitted_at=MARCH_15)
    for article in articles:
        article.search_topics = [topic.pk]
        article.save(update_fields=["search_topics"])
    for article in articles[1:]:
        Response.objects.bulk_create(
            Response(
                reader_id=response.reader_id,
                article=article,
                article_version_id=article.published_version_id,
                survey_version_id=response.survey_version_id,
                levels=[5, 4, 3, 2],
                submitted_at=MARCH_15,
            )
            for response in regulars
        )
    refresh_tallies()
    # 108 responses of nine people.
    assert counting.figures(Selection()).n is None
    answer(articles[0], [[5, 4, 3, 2]], submitted_at=MARCH_15)
    refresh_tallies()
    assert counting.figures(Selection()).n == 109


def test_few_people_of_two_countries_hide_a_large_one_though_they_answered_often():
    """Nine responses each of three people: of both countries together there are six people."""
    articles = [published_article() for _ in range(3)]
    for country in ("DE", "FR"):
        first = answer(articles[0], [[5, 4, 3, 2]] * 3, submitted_at=MARCH_15, country=country)
        for article in articles[1:]:
            Response.objects.bulk_create(
                Response(
                    reader_id=response.reader_id,
                    article=article,
                    article_version_id=article.published_version_id,
                    survey_version_id=response.survey_version_id,
                    levels=[5, 4, 3, 2],
                    submitted_at=MARCH_15,
                    country=country,
                )
                for response in first
            )
    for article in articles:
        responses_of(article, {(MARCH, "GB"): 11, (MARCH, "US"): 12})
    refresh_tallies()

    def of(country: str) -> int | None:
        reader = {"dimension": Dimension.COUNTRY, "value": country, "month": MARCH}
        return counting.figures(Selection(**reader)).n

    # All without both large ones would be the six.
    assert [of(country) for country in ("DE", "FR", "GB", "US")] == [None, None, None, 36]
    answer(articles[0], [[5, 4, 3, 2]] * 4, submitted_at=MARCH_15, country="FR")
    refresh_tallies()
    # Ten people are left over, and nobody knows who of them is who.
    assert [of(country) for country in ("DE", "FR", "GB", "US")] == [None, None, 33, 36]
