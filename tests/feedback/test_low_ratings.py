"""The desk's panel of articles that few readers agree with."""

import pytest
import time_machine

from articles.services import withdraw_article
from feedback.results.ratings import low_ratings
from tests.factories import UserFactory, published_article

from .builders import answer, refresh_tallies
from .desk import MARCH, TODAY, at

pytestmark = pytest.mark.django_db

LOW, HIGH = (1, 2, 3, 4), (4, 4, 5, 5)


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(TODAY, tick=False):
        yield


def test_only_where_few_agree_and_the_figures_are_shown(client):
    low, few, high, gone = (published_article(title=t) for t in ("Low", "Few", "High", "Gone"))
    answer(low, [LOW] * 10, submitted_at=at(MARCH))
    answer(few, [LOW] * 20, submitted_at=TODAY)  # in the month that is not over
    answer(high, [HIGH] * 10, submitted_at=at(MARCH))
    answer(gone, [LOW] * 10, submitted_at=at(MARCH))
    withdraw_article(article=gone, user=None, reason="Wrong.")
    refresh_tallies()
    assert [(row.title, row.n, row.top_2_percent) for row in low_ratings(5)] == [("Low", 10, 25)]
    for group, page in (("Editors", f"/{low.pk}/change/"), ("Staff", f"results/?article={low.pk}")):
        client.force_login(UserFactory(group=group))
        panels = client.get("/admin/").context["panels"]
        [panel] = [panel for panel in panels if panel["title"] == "Low ratings"]
        [item] = panel["items"]
        assert (item["label"], item["note"]) == ("Low", "25 % of all answers agree (10 readers)")
        assert client.get(item["url"]).status_code == 200
        assert item["url"].endswith(page)
    client.force_login(UserFactory(group="Medical reviewers"))
    panels = client.get("/admin/").context["panels"]
    assert "Low ratings" not in [panel["title"] for panel in panels]


def test_nothing_is_said_of_a_small_group():
    article = published_article()
    answer(article, [LOW] * 9, submitted_at=at(MARCH))
    answer(published_article(), [HIGH] * 20, submitted_at=at(MARCH))
    refresh_tallies()
    assert low_ratings(5) == []
    answer(article, [LOW], submitted_at=at(MARCH))
    refresh_tallies()
    assert [row.article_id for row in low_ratings(5)] == [article.pk]


def test_as_many_as_the_limit_are_not_low():
    article = published_article()
    answer(article, [(4, 4, 4, 1)] * 2 + [(1, 1, 4, 4)] * 8, submitted_at=at(MARCH))
    refresh_tallies()
    # 22 of 40 agree: 55 per cent.
    assert [row.top_2_percent for row in low_ratings(5)] == [55]
    answer(article, [HIGH] * 10, submitted_at=at(MARCH))
    refresh_tallies()
    assert low_ratings(5) == []
