"""Who may answer, and what is refused."""

import re

import pytest
from django.urls import reverse

from articles.services import withdraw_article
from feedback.models import Response, load_survey_version
from tests.factories import publish, published_article

from .builders import checked, filled, respond_url, texts

pytestmark = pytest.mark.django_db


# --- who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["respond", "feedback_thanks"])
def test_who_has_not_attested_is_sent_to_the_gate(client, name):
    url = reverse(name, args=[published_article().slug])
    assert client.get(url)["Location"].startswith(reverse("gate"))


@pytest.mark.parametrize("name", ["respond", "feedback_thanks"])
def test_an_article_that_is_not_published_has_no_survey(attested, name):
    article = published_article()
    data = filled(article, [4, 4, 4, 4])
    withdraw_article(article=article, user=None, reason="Wrong.")
    url = reverse(name, args=[article.slug])
    assert attested.get(url).status_code == 404
    if name == "respond":
        assert attested.post(url, data).status_code == 404
    assert attested.get(reverse(name, args=["no-such-article"])).status_code == 404
    assert Response.objects.count() == 0


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "level", ["0", "6", "-1", "", "x", "4.0", " 4", "\uff14", "9" * 5000, "1e0"]
)
def test_a_level_off_the_scale_is_refused_and_the_rest_kept(attested, level):
    article = published_article()
    response = attested.post(respond_url(article), filled(article, [5, level, 2, 3]))
    assert response.status_code == 400
    assert Response.objects.count() == 0
    assert checked(response) == {"clear": 5, "relevant": 2, "change": 3}
    page = response.content.decode()
    assert 'href="#feedback-level-objectives_0"' in page
    assert 'id="feedback-level-objectives_0"' in page
    assert page.count("scale--error") == 1
    assert texts(response, "<title>(.*?) ·")[0].startswith("Error:")


@pytest.mark.parametrize(
    "change",
    [
        {"level-clear": None},
        {"level-clear": [4, 4]},
        {"level-clear": [4, 5]},
        {"survey_version": None},
        {"survey_version": ""},
        {"survey_version": "x"},
        {"survey_version": "9" * 5000},
        {"survey_version": 10**17},
        {"article_version": None},
        {"article_version": "x"},
        {"article_version": "9" * 5000},
        {"article_version": 10**18 - 1},
        {"article_version": "-1"},
        {"level-other": 4},
    ],
    ids=str,
)
def test_a_malformed_form_is_refused_shown_again_and_can_then_be_sent(attested, change):
    article = published_article()
    data = {
        name: value
        for name, value in {**filled(article, [4, 4, 4, 4]), **change}.items()
        if value is not None
    }
    response = attested.post(respond_url(article), data)
    assert response.status_code == 400
    assert "data-error-summary" in response.content.decode()
    assert Response.objects.count() == 0
    hidden = dict(
        re.findall(
            r'<input type="hidden"\s+name="(\w+_version)"\s+value="(\d+)"',
            response.content.decode(),
        )
    )
    assert hidden == {
        "survey_version": str(load_survey_version().version_id),
        "article_version": str(article.published_version_id),
    }


def test_another_articles_version_is_refused(attested):
    article, other = published_article(), published_article()
    data = filled(article, [4, 4, 4, 4], article_version=other.published_version_id)
    assert attested.post(respond_url(article), data).status_code == 400
    assert Response.objects.count() == 0


def test_the_version_that_was_read_is_kept_when_a_newer_one_appears(attested):
    article = published_article()
    data = filled(article, [4, 4, 4, 4])
    publish(article)
    assert attested.post(respond_url(article), data).status_code == 303
    assert Response.objects.get().article_version.number == 1
