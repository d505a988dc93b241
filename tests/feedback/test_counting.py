"""Figures of selections, reckoned by hand."""

from datetime import UTC, date, datetime

import pytest
import time_machine

from feedback.models import (
    Impressions,
    Level,
    Survey,
    SurveyItem,
    SurveyVersion,
    load_survey_version,
)
from feedback.results import counting
from feedback.results.selection import Dimension, Selection
from tests.factories import TopicFactory, published_article

from .builders import answer, publish_version_2, refresh_tallies

pytestmark = pytest.mark.django_db

TODAY = datetime(2026, 4, 10, 12, tzinfo=UTC)
FEBRUARY, MARCH = date(2026, 2, 1), date(2026, 3, 1)


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(TODAY, tick=False):
        yield


def at(month):
    return datetime(month.year, month.month, 15, tzinfo=UTC)


def counts(figures):
    return {s.key: s.counts for s in figures.statements}


def test_an_article_and_the_rest():
    one, other = published_article(), published_article()
    answer(one, [[5, 1, 3, 1]] * 12 + [[4, 2, 3, 1]] * 8, submitted_at=at(MARCH))
    answer(other, [[1, 1, 1, 1]] * 30, submitted_at=at(MARCH))
    answer(other, [[2, 2, 2, 2]] * 40, submitted_at=TODAY)  # in the month that is not over
    refresh_tallies()
    figures = counting.figures(Selection(article=one.pk))
    assert figures.n == 20
    assert counts(figures) == {
        "clear": (0, 0, 0, 8, 12),
        "objectives": (12, 8, 0, 0, 0),
        "relevant": (0, 0, 20, 0, 0),
        "change": (20, 0, 0, 0, 0),
    }
    [clear, *_rest] = figures.statements
    assert (clear.median, clear.quartiles, clear.mean) == (5, (4, 5), 4.6)
    assert clear.sd == pytest.approx(0.50262, abs=1e-5)
    assert clear.labels == tuple(str(level.label) for level in Level)
    rest = counting.rest_of_portal(Selection(article=one.pk))
    assert rest.n == 30
    assert set(counts(rest).values()) == {(30, 0, 0, 0, 0)}
    assert counting.figures(Selection()).n == 50
    assert [(m.month, m.figures.n) for m in counting.trend(Selection())] == [(MARCH, 50)]


def test_a_new_wording_is_another_series_only_where_it_does_not_compare():
    article = published_article()
    answer(article, [[1, 1, 1, 1]] * 10, submitted_at=at(FEBRUARY))
    comparable = publish_version_2(changed="clear", text="It was clear")
    answer(article, [[2, 2, 2, 3]] * 10, survey_version_id=comparable.pk, submitted_at=at(FEBRUARY))
    other = publish_version_2(changed="change", text="I have changed", is_comparable=False)
    answer(article, [[4, 4, 4, 5]] * 10, survey_version_id=other.pk, submitted_at=at(FEBRUARY))
    refresh_tallies()
    figures = counting.figures(Selection(article=article.pk))
    assert {(s.key, s.series): (s.n, s.missing, s.text) for s in figures.statements} == {
        ("clear", 1): (30, 0, "It was clear"),
        ("objectives", 1): (30, 0, "The content addressed the learning objectives"),
        ("relevant", 1): (30, 0, "The content was relevant to my practice"),
        ("change", 1): (
            20,
            10,
            "I will change my clinical practice as a result of this content",
        ),
        ("change", 2): (10, 20, "I have changed"),
    }


def test_topics_authors_months_and_readers():
    broad = TopicFactory()
    narrow = TopicFactory(parent=broad)
    one, other = published_article(), published_article()
    for article, topic in ((one, narrow), (other, broad)):
        article.search_topics = [topic.pk]
        article.save(update_fields=["search_topics"])
        for month in (FEBRUARY, MARCH):
            for country in ("GB", "DE"):
                answer(article, [[5, 5, 5, 5]] * 10, submitted_at=at(month), country=country)
    author = one.published_version.people.get()
    refresh_tallies()
    british = {"dimension": Dimension.COUNTRY, "value": "GB"}
    for chosen, n in (
        ({"topic": broad.pk}, 80),
        ({"topic": narrow.pk}, 40),
        ({"author": author.pk}, 40),
        ({"topic": broad.pk, "month": MARCH}, 40),
        ({"topic": broad.pk, "month": MARCH, **british}, 20),
        ({"article": one.pk, "month": MARCH, **british}, 10),
        (british, 40),
    ):
        assert counting.figures(Selection(**chosen)).n == n
    assert [
        (m.month, m.figures.n) for m in counting.trend(Selection(article=one.pk, **british))
    ] == [(FEBRUARY, 10), (MARCH, 10)]


def test_small_groups_and_their_rests_are_hidden():
    one, other = published_article(), published_article()
    answer(one, [[5, 5, 5, 5]] * 20, submitted_at=at(FEBRUARY))
    answer(other, [[5, 5, 5, 5]] * 9, submitted_at=at(FEBRUARY))
    refresh_tallies()
    assert counting.figures(Selection()).n == 29
    assert counting.figures(Selection(article=other.pk)).n is None
    # 29 - 20 would be the nine.
    assert counting.figures(Selection(article=one.pk)).n is None
    assert counting.rest_of_portal(Selection(article=one.pk)).n is None
    assert [row.n for row in counting.ranking(Selection())] == [None, None]
    answer(other, [[5, 5, 5, 5]], submitted_at=at(FEBRUARY))
    refresh_tallies()
    assert [row.n for row in counting.ranking(Selection())] == [20, 10]
    assert counting.rest_of_portal(Selection(article=one.pk)).n == 10


def test_rates_of_response_without_the_profile():
    one, other = published_article(), published_article()
    for article, shown in ((one, 40), (other, 300)):
        answer(article, [[5, 5, 5, 5]] * 20, submitted_at=at(MARCH))
        Impressions.objects.create(
            article=article, month=MARCH, shown=shown, started=30, submitted=20
        )
    refresh_tallies()
    selection = Selection(article=one.pk)
    figures, rest = counting.figures(selection), counting.rest_of_portal(selection)
    assert (figures.shown, figures.started, figures.response_rate) == (40, 30, 50)
    assert (rest.shown, rest.started) == (300, 30)
    assert [m.figures.response_rate for m in counting.trend(selection)] == [50]
    british = Selection(article=one.pk, dimension=Dimension.COUNTRY, value="")
    assert counting.figures(british).shown is None
    assert counting.figures(british).response_rate is None


def test_the_steps_before_an_answer_tell_of_no_small_group():
    few, many = published_article(), published_article()
    for article, n in ((few, 9), (many, 40)):
        answer(article, [[5, 5, 5, 5]] * n, submitted_at=at(MARCH))
        Impressions.objects.create(
            article=article, month=MARCH, shown=2 * n, started=n, submitted=n
        )
    refresh_tallies()
    # Both articles are hidden: each is the other's rest.
    for article in (few, many):
        selection = Selection(article=article.pk)
        months = [month.figures for month in counting.trend(selection)]
        for one in (counting.figures(selection), counting.rest_of_portal(selection), *months):
            assert (one.n, one.shown, one.started, one.response_rate) == (None, None, None, None)
    everybody = counting.figures(Selection())
    assert (everybody.n, everybody.shown, everybody.started) == (49, 98, 49)


@pytest.mark.parametrize(
    ("n", "counted", "told", "rate"),
    [
        (20, (200, 30), (200, 30), 10),
        (20, (20, 20), (20, 20), 100),
        (20, (19, 19), (None, None), None),
        (20, (200, 19), (200, None), 10),
        (0, (200, 10), (200, 10), 0),
        (0, (200, 9), (200, None), 0),
        (0, (10, 0), (10, 0), 0),
        (0, (9, 9), (None, None), None),
        (0, (0, 0), (None, None), None),
    ],
)
def test_a_step_of_few_or_of_fewer_than_answered_is_left_out(n, counted, told, rate):
    article = published_article()
    answer(article, [[5, 5, 5, 5]] * n, submitted_at=at(MARCH))
    answer(published_article(), [[5, 5, 5, 5]] * 20, submitted_at=at(MARCH))
    shown, started = counted
    Impressions.objects.create(article=article, month=MARCH, shown=shown, started=started)
    refresh_tallies()
    figures = counting.figures(Selection(article=article.pk))
    assert (figures.n, (figures.shown, figures.started)) == (n, told)
    assert figures.response_rate == rate


def test_answers_on_another_scale_are_no_part_of_the_ranking():
    article = published_article()
    answer(article, [[5, 5, 5, 5]] * 20, submitted_at=at(MARCH))
    survey = Survey.objects.get(key="default")
    other = SurveyVersion.objects.create(
        survey=survey, number=2, labels=["Never", "Rarely", "Sometimes", "Often", "Always"]
    )
    for position, item in enumerate(load_survey_version().items, 1):
        SurveyItem.objects.create(version=other, wording=item.wording, position=position)
    other.published_at = TODAY
    other.save()
    answer(article, [[1, 1, 1, 1]] * 30, survey_version_id=other.pk, submitted_at=at(MARCH))
    refresh_tallies()
    [ranked] = counting.ranking(Selection())
    assert (ranked.n, ranked.top_2, ranked.answers, ranked.raters) == (50, 80, 80, 20)
    series = {
        (s.key, s.series): (s.n, s.labels[0])
        for s in counting.figures(Selection()).statements
        if s.key == "clear"
    }
    assert series == {("clear", 1): (20, "Strongly disagree"), ("clear", 2): (30, "Never")}


def test_few_queries_whatever_the_number_of_months_and_articles(django_assert_max_num_queries):
    for number in range(6):
        article = published_article()
        for month in (FEBRUARY, MARCH)[: 1 + number % 2]:
            answer(article, [[5, 5, 5, 5]] * 20, submitted_at=at(month), country="GB")
            answer(article, [[5, 5, 5, 5]] * 20, submitted_at=at(month), country="DE")
    refresh_tallies()
    counting.forget()
    british = Selection(dimension=Dimension.COUNTRY, value="GB")
    with django_assert_max_num_queries(20):
        counting.figures(british)
    with django_assert_max_num_queries(6):
        counting.trend(british)
    with django_assert_max_num_queries(8):
        counting.ranking(british)
    with django_assert_max_num_queries(2):
        counting.figures(british)


def test_ranking_by_the_lower_bound():
    many, few, low = (published_article(title=title) for title in ("Many", "Few", "Low"))
    published_article(title="None")
    answer(many, [[5, 5, 5, 4]] * 100, submitted_at=at(FEBRUARY))
    answer(few, [[5, 5, 5, 5]] * 10, submitted_at=at(FEBRUARY))
    answer(low, [[1, 1, 5, 5]] * 50, submitted_at=at(FEBRUARY))
    refresh_tallies()
    ranked = counting.ranking(Selection())
    assert [(row.title, row.n, row.top_2, row.answers) for row in ranked] == [
        ("Many", 100, 400, 400),
        ("Few", 10, 40, 40),
        ("Low", 50, 100, 200),
        ("None", 0, 0, 0),
    ]
    assert ranked[3].interval is None
    # R: binom::binom.wilson(c(100, 10, 25), c(100, 10, 50)): of readers, not of their answers.
    lows = [round(row.interval[0], 2) for row in ranked[:3]]
    assert lows == [96.3, 72.25, 36.64]


def test_the_answers_of_one_reader_are_not_several_readers():
    """Ten of ten is at least 72 %, however many statements each of them agreed with."""
    ten, hundreds = published_article(title="Ten"), published_article(title="Hundreds")
    answer(ten, [[5, 5, 5, 5]] * 10, submitted_at=at(MARCH))
    answer(hundreds, [[5, 5, 5, 5]] * 184 + [[1, 1, 1, 1]] * 16, submitted_at=at(MARCH))
    refresh_tallies()
    assert [row.title for row in counting.ranking(Selection())] == ["Hundreds", "Ten"]


def test_a_ranking_is_remembered_until_answers_or_titles_change(django_assert_num_queries):
    one, other = published_article(title="One"), published_article(title="Other")
    answer(one, [[5, 5, 5, 5]] * 12, submitted_at=at(MARCH))
    answer(other, [[4, 4, 4, 4]] * 20, submitted_at=at(MARCH))
    refresh_tallies()
    first = counting.ranking(Selection())
    assert [row.title for row in first] == ["Other", "One"]
    # Whether anything has changed, and the titles.
    with django_assert_num_queries(2):
        assert counting.ranking(Selection()) == first
    one.title = "Another"
    one.save(update_fields=["title"])
    assert [row.title for row in counting.ranking(Selection())] == ["Other", "Another"]
    answer(one, [[5, 5, 5, 5]] * 30, submitted_at=at(MARCH))
    refresh_tallies()
    assert [row.n for row in counting.ranking(Selection())] == [42, 20]
