"""The form, the thank-you, changing answers."""

import html
import re

import pytest
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import reverse

from articles.services import withdraw_article
from feedback.models import Response, ResponseHistory, load_survey_version
from portal.core.content_cache import memory
from tests.factories import ReaderFactory, publish, published_article

from .builders import KEYS, answer, filled, publish_version_2
from .conftest import attest

pytestmark = pytest.mark.django_db

TEXTS = [
    "The content was clear and easy to understand",
    "The content addressed the learning objectives",
    "The content was relevant to my practice",
    "I will change my clinical practice as a result of this content",
]
LEVELS = [
    "Strongly disagree",
    "Disagree",
    "Neither agree nor disagree",
    "Agree",
    "Strongly agree",
]


def respond_url(article):
    return reverse("respond", args=[article.slug])


def thanks_url(article):
    return reverse("feedback_thanks", args=[article.slug])


def texts(response, pattern):
    found = re.findall(pattern, response.content.decode(), re.DOTALL)
    return [html.unescape(text).strip() for text in found]


def checked(response):
    """The chosen radio buttons as {name: value}."""
    radios = re.findall(r'<input type="radio"[^>]*>', response.content.decode())
    return {
        re.search(r'name="level-(\w+)"', radio)[1]: int(re.search(r'value="(\d)"', radio)[1])
        for radio in radios
        if " checked" in radio
    }


# --- under the article ----------------------------------------------------------------------------


def render_tag(article, version_id):
    template = Template("{% load feedback %}{% survey_form slug=s article_id=a version_id=v %}")
    request = RequestFactory().get("/")
    return template.render(
        Context(
            {
                "s": article.slug,
                "a": article.pk,
                "v": version_id,
                "request": request,
                "csrf_token": "TOKEN",
            }
        )
    )


def test_the_tag_shows_the_statements_word_for_word_with_nothing_preselected():
    article = published_article()
    page = render_tag(article, article.published_version_id)
    assert "Please indicate your level of agreement with the following statements" in page
    assert re.findall(r"<legend[^>]*>(.*?)</legend>", page) == TEXTS
    assert re.findall(r"<span>(.*?)</span>", page) == LEVELS * 4
    assert len(re.findall(r'<input type="radio"', page)) == 20
    assert "checked" not in page
    assert f'action="/articles/{article.slug}/feedback/"' in page
    assert 'value="TOKEN"' in page


def test_the_tag_asks_the_database_nothing_once_remembered(django_assert_num_queries):
    article = published_article()
    memory.forget()
    with django_assert_num_queries(2):  # stamp, what every page shows
        cold = render_tag(article, article.published_version_id)
    with django_assert_num_queries(0):
        assert render_tag(article, article.published_version_id) == cold


def test_a_preview_shows_the_statements_but_sends_nothing():
    page = render_tag(published_article(), None)
    assert re.findall(r"<legend[^>]*>(.*?)</legend>", page) == TEXTS
    assert "<form" not in page
    assert "<button" not in page


# --- the way through ------------------------------------------------------------------------------


def test_answers_are_saved_once_shown_and_changed(attested, reader):
    article = published_article()
    response = attested.post(respond_url(article), filled(article, [5, 4, 3, 1]))
    assert (response.status_code, response["Location"]) == (303, thanks_url(article))

    saved = Response.objects.get()
    assert (saved.reader_id, saved.article_id) == (reader.pk, article.pk)
    assert (saved.levels, saved.survey_version_id, saved.article_version_id) == (
        [5, 4, 3, 1],
        load_survey_version().version_id,
        article.published_version_id,
    )
    assert (saved.profession, saved.specialty, saved.country) == (
        "physician",
        "haematology",
        "GB",
    )
    assert saved.submitted_at == saved.updated_at

    page = attested.get(thanks_url(article))
    assert texts(page, "<dt>(.*?)</dt>") == TEXTS
    assert texts(page, "<dd>(.*?)</dd>") == [
        "Strongly agree",
        "Agree",
        "Neither agree nor disagree",
        "Strongly disagree",
    ]
    assert f'href="{respond_url(article)}"' in page.content.decode()
    assert f'href="{reverse("subscribe")}"' in page.content.decode()
    assert f'href="{article.get_absolute_url()}"' in page.content.decode()

    page = attested.get(respond_url(article))
    assert page.status_code == 200
    assert checked(page) == dict(zip(KEYS, [5, 4, 3, 1], strict=True))
    assert texts(page, "<h1>(.*?)</h1>") == ["Change my answers"]

    assert attested.post(respond_url(article), filled(article, [5, 4, 3, 2])).status_code == 303
    changed = Response.objects.get()
    assert (changed.pk, changed.levels) == (saved.pk, [5, 4, 3, 2])
    assert (changed.submitted_at, changed.updated_at > saved.updated_at) == (
        saved.submitted_at,
        True,
    )
    earlier = ResponseHistory.objects.get()
    assert (earlier.response_id, earlier.levels, earlier.profession, earlier.answered_at) == (
        saved.pk,
        [5, 4, 3, 1],
        "physician",
        saved.updated_at,
    )


def test_sending_the_same_again_changes_nothing(attested):
    article = published_article()
    attested.post(respond_url(article), filled(article, [4, 4, 4, 4]))
    before = Response.objects.values().get()
    assert attested.post(respond_url(article), filled(article, [4, 4, 4, 4])).status_code == 303
    assert Response.objects.values().get() == before
    assert ResponseHistory.objects.count() == 0


def test_each_article_has_its_own_response_and_each_reader_too(attested):
    articles = [published_article(), published_article()]
    for article in articles:
        attested.post(respond_url(article), filled(article, [4, 4, 4, 4]))
    other = attest(Client(), ReaderFactory())
    other.post(respond_url(articles[0]), filled(articles[0], [1, 1, 1, 1]))
    assert Response.objects.count() == 3


def test_thanks_without_an_answer_leads_to_the_form(attested):
    article = published_article()
    response = attested.get(thanks_url(article))
    assert (response.status_code, response["Location"]) == (302, respond_url(article))


def test_personal_pages_are_private(attested):
    article = published_article()
    attested.post(respond_url(article), filled(article, [4, 4, 4, 4]))
    for url in (respond_url(article), thanks_url(article)):
        response = attested.get(url)
        assert response["Cache-Control"] == "private, no-cache"
        assert "Cookie" in response["Vary"]


def test_looking_changes_nothing(attested):
    article = published_article()
    attested.get(respond_url(article), filled(article, [4, 4, 4, 4]))
    attested.head(respond_url(article))
    assert attested.put(respond_url(article)).status_code == 405
    assert Response.objects.count() == 0


# --- who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["respond", "feedback_thanks"])
def test_who_has_not_attested_is_sent_to_the_gate(client, name):
    article = published_article()
    url = reverse(name, args=[article.slug])
    assert client.get(url)["Location"].startswith(reverse("gate"))
    assert client.post(url, filled(article, [4, 4, 4, 4]))["Location"].startswith(reverse("gate"))
    assert Response.objects.count() == 0


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


def test_a_reader_whom_the_database_forgot_is_sent_to_the_gate(attested, reader):
    article = published_article()
    reader.delete()
    response = attested.post(respond_url(article), filled(article, [4, 4, 4, 4]))
    assert response.status_code == 303
    assert response["Location"].startswith(reverse("gate"))


def test_a_missing_token_is_refused(reader):
    article = published_article()
    client = attest(Client(enforce_csrf_checks=True), reader)
    assert client.post(respond_url(article), filled(article, [4, 4, 4, 4])).status_code == 403
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


def test_a_stale_survey_is_shown_anew_with_the_answers_to_unchanged_statements(attested):
    article = published_article()
    data = filled(article, [5, 4, 3, 2])
    publish_version_2(changed="objectives", text="The content met the learning objectives")
    memory.forget()
    response = attested.post(respond_url(article), data)
    assert response.status_code == 409
    assert Response.objects.count() == 0
    assert checked(response) == {"clear": 5, "relevant": 3, "change": 2}
    assert "The statements have changed" in response.content.decode()
    assert "The content met the learning objectives" in response.content.decode()

    assert attested.post(respond_url(article), filled(article, [5, 4, 3, 2])).status_code == 303
    # Version 2 asks for the objectives last.
    assert Response.objects.get().levels == [5, 3, 2, 4]


def test_a_process_that_does_not_know_the_newest_survey_yet_takes_its_answers(attested):
    article = published_article()
    attested.get(respond_url(article))  # remembers version 1
    version = publish_version_2(changed="objectives", text="The content met its objectives")
    assert attested.post(respond_url(article), filled(article, [5, 4, 3, 2])).status_code == 303
    assert Response.objects.get().survey_version == version


def test_answers_to_an_earlier_version_are_shown_as_they_were_and_offered_for_change(attested):
    article = published_article()
    attested.post(respond_url(article), filled(article, [5, 4, 3, 2]))
    publish_version_2(changed="clear", text="The content was clear")
    memory.forget()
    assert texts(attested.get(thanks_url(article)), "<dt>(.*?)</dt>") == TEXTS
    assert checked(attested.get(respond_url(article))) == {
        "objectives": 4,
        "relevant": 3,
        "change": 2,
    }


# --- queries --------------------------------------------------------------------------------------


@pytest.mark.parametrize("others", [0, 20])
def test_queries_do_not_grow(attested, django_assert_num_queries, others):
    article = published_article()
    answer(article, [[3, 3, 3, 3]] * others)
    attested.get(respond_url(article))
    with django_assert_num_queries(2):  # article, earlier answer
        attested.get(respond_url(article))
    # article; savepoint, reader, earlier answer, insert, end
    with django_assert_num_queries(6):
        attested.post(respond_url(article), filled_warm(article))
    with django_assert_num_queries(3):  # article, answer, items
        attested.get(thanks_url(article))


def filled_warm(article):
    from feedback.models import current_survey_version

    return {
        "survey_version": current_survey_version().version_id,
        "article_version": article.published_version_id,
        **{f"level-{key}": 4 for key in KEYS},
    }
