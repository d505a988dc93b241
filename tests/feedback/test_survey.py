"""The form, the thank-you, changing answers."""

import re

import pytest
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import reverse

from feedback.models import Response, ResponseHistory, current_survey_version, load_survey_version
from portal.core.content_cache import memory
from tests.factories import ReaderFactory, published_article

from .builders import KEYS, answer, checked, filled, respond_url, texts, thanks_url
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


# --- queries --------------------------------------------------------------------------------------


@pytest.mark.parametrize("others", [0, 20])
def test_queries_do_not_grow(attested, django_assert_num_queries, others):
    article = published_article()
    answer(article, [[3, 3, 3, 3]] * others)
    attested.get(respond_url(article))
    with django_assert_num_queries(1):  # earlier answer
        attested.get(respond_url(article))
    with django_assert_num_queries(1):  # all of a first answer
        attested.post(respond_url(article), filled_warm(article))
    with django_assert_num_queries(2):  # answer, items
        attested.get(thanks_url(article))


def filled_warm(article):
    return {
        "survey_version": current_survey_version(article.pk).version_id,
        "article_version": article.published_version_id,
        **{f"level-{key}": 4 for key in KEYS},
    }
