"""The desk's panel of articles that few readers agree with."""

from datetime import UTC, datetime

import pytest
import time_machine

from articles.services import withdraw_article
from feedback.results import low_ratings
from tests.factories import UserFactory, published_article
from tests.feedback.builders import answer, refresh_tallies

pytestmark = pytest.mark.django_db

# Of a month that is over.
MARCH = {"submitted_at": datetime(2026, 3, 15, tzinfo=UTC)}
LOW, HIGH = (1, 2, 3, 4), (4, 4, 5, 5)


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(datetime(2026, 4, 10, 12, tzinfo=UTC), tick=False):
        yield


def test_only_where_few_agree_and_enough_have_answered(client):
    low, few, high, gone = (published_article(title=t) for t in ("Low", "Few", "High", "Gone"))
    answer(low, [LOW] * 10, **MARCH)
    answer(few, [LOW] * 9, **MARCH)
    # Of two that are too small, none can be reckoned from the portal's sum.
    answer(published_article(), [HIGH] * 9, **MARCH)
    answer(high, [HIGH] * 10, **MARCH)
    answer(gone, [LOW] * 10, **MARCH)
    withdraw_article(article=gone, user=None, reason="Wrong.")
    refresh_tallies()
    assert [(row.title, row.n, row.top_2_percent) for row in low_ratings()] == [("Low", 10, 25)]
    for group, page in (("Editors", "change"), ("Staff", "")):
        client.force_login(UserFactory(group=group))
        panels = client.get("/admin/").context["panels"]
        [panel] = [panel for panel in panels if panel["title"] == "Low ratings"]
        [item] = panel["items"]
        assert (item["label"], item["note"]) == ("Low", "25 % agree (10 readers)")
        assert client.get(item["url"]).status_code == 200
        assert page in item["url"]
    client.force_login(UserFactory(group="Medical reviewers"))
    panels = client.get("/admin/").context["panels"]
    assert "Low ratings" not in [panel["title"] for panel in panels]


def test_as_many_as_the_limit_are_not_low():
    article = published_article()
    answer(article, [(4, 4, 4, 1, 1)[:4]] * 2 + [(1, 1, 4, 4)] * 8, **MARCH)
    # In a month that is not over, nobody is counted.
    answer(article, [(1, 1, 1, 1)] * 30)
    refresh_tallies()
    # 22 of 40 agree: 55 per cent.
    assert [row.top_2_percent for row in low_ratings()] == [55]
    answer(article, [HIGH] * 10, **MARCH)
    refresh_tallies()
    assert low_ratings() == []
