"""What was typed survives a lost CSRF token and a lost declaration, and is not saved by itself."""

import re

import pytest
from django.conf import settings
from django.middleware.csrf import rotate_token
from django.test import Client
from django.urls import reverse

from articles.services import withdraw_article
from feedback.models import ArticleSurvey, Response
from portal.attestation.kept import FIELD
from portal.attestation.models import current_statement
from portal.core.content_cache import memory
from tests.factories import ReaderFactory, UserFactory, publish, published_article

from .builders import (
    checked,
    filled,
    publish_survey,
    publish_version_2,
    respond_url,
    texts,
    thanks_url,
)
from .conftest import attest

pytestmark = pytest.mark.django_db

GATE = "/healthcare-professionals/"
NOT_SAVED = "Your answers have not been saved yet"
TYPED = {"clear": 5, "objectives": 4, "relevant": 3, "change": 2}


@pytest.fixture
def browser(reader) -> Client:
    """A reader's browser, whose forms need their tokens."""
    return attest(Client(enforce_csrf_checks=True), reader)


def fields_of(page) -> dict[str, str]:
    """Return what the browser sends of the page's form without another touch."""
    html = page.content.decode()
    fields = dict(re.findall(r'<input type="hidden"\s+name="(\w+)"\s+value="([^"]*)"', html))
    fields |= {f"level-{key}": str(level) for key, level in checked(page).items()}
    areas = re.findall(r'<textarea name="(\w+)"[^>]*>\n?(.*?)</textarea>', html, re.DOTALL)
    return fields | dict(areas)


def pass_the_gate(client, page, **fields):
    """Make the declaration on ``page`` as a browser does: a 307 sends all fields on."""
    data = {
        **fields_of(page),
        "is_healthcare_professional": "on",
        "statement": current_statement().number,
        "profession": "nurse",
        **fields,
    }
    return client.post(GATE, data, follow=True)


# --- the token ------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "", "x", "a" * 64])
def test_without_a_valid_token_the_answers_are_shown_and_one_click_saves_them(browser, token):
    article = published_article()
    data = filled(article, TYPED.values())
    if token is not None:
        data["csrfmiddlewaretoken"] = token
    page = browser.post(respond_url(article), data)
    assert page.status_code == 403
    assert NOT_SAVED in page.content.decode()
    assert checked(page) == TYPED
    assert Response.objects.count() == 0
    assert page["Cache-Control"] == "private, no-cache"

    sent = browser.post(respond_url(article), fields_of(page))
    assert (sent.status_code, sent["Location"]) == (303, thanks_url(article))
    assert Response.objects.get().levels == [5, 4, 3, 2]


def test_a_token_of_before_signing_in_in_another_tab_is_replaced(browser):
    article = published_article()
    old = fields_of(browser.get(respond_url(article)))
    rotated = browser.get(reverse("account_login")).wsgi_request
    rotate_token(rotated)
    browser.cookies[settings.CSRF_COOKIE_NAME] = rotated.META["CSRF_COOKIE"]
    page = browser.post(respond_url(article), {**old, **filled(article, TYPED.values())})
    assert (page.status_code, checked(page)) == (403, TYPED)
    assert browser.post(respond_url(article), fields_of(page)).status_code == 303


def test_another_sites_form_saves_nothing(browser):
    """At most it shows a filled form; to save it takes a click on our page."""
    article = published_article()
    token = fields_of(browser.get(respond_url(article)))["csrfmiddlewaretoken"]
    data = filled(article, TYPED.values(), csrfmiddlewaretoken=token)
    page = browser.post(respond_url(article), data, headers={"origin": "https://evil.example"})
    assert page.status_code == 403
    assert Response.objects.count() == 0


def test_an_empty_form_without_a_token_is_shown_empty(browser):
    page = browser.post(respond_url(published_article()), {})
    assert (page.status_code, checked(page)) == (403, {})


def test_a_former_address_without_a_token_leads_on(browser):
    article = published_article(slug="old")
    data = filled(article, TYPED.values())
    article.slug = "new"
    article.save()
    publish(article)
    response = browser.post("/articles/old/feedback/", data)
    assert (response.status_code, response["Location"]) == (308, "/articles/new/feedback/")


def test_an_article_that_was_withdrawn_takes_no_answers_without_a_token_either(browser):
    article = published_article()
    data = filled(article, TYPED.values())
    withdraw_article(article=article, user=None, reason="Wrong.")
    assert browser.post(respond_url(article), data).status_code == 404


def test_other_forms_without_a_token_still_get_the_page_that_says_so(browser):
    page = browser.post(reverse("subscribe"), {"email": "a@b.example"})
    assert page.status_code == 403
    assert "back" in page.content.decode()


# --- the declaration ------------------------------------------------------------------------------


@pytest.mark.parametrize("has_token", [True, False])
def test_answers_go_through_the_gate_and_one_click_saves_them(has_token):
    article = published_article()
    client = Client(enforce_csrf_checks=True)
    data = filled(article, TYPED.values())
    if has_token:
        data["csrfmiddlewaretoken"] = fields_of(client.get(GATE))["csrfmiddlewaretoken"]
    page = client.post(respond_url(article), data)
    assert page.status_code == 403
    assert "not lost, and not saved yet" in page.content.decode()
    assert "is_healthcare_professional" in page.content.decode()
    assert not client.session.keys()

    page = pass_the_gate(client, page)
    assert page.redirect_chain == [(respond_url(article), 307)]
    assert page.status_code == 200
    assert checked(page) == TYPED
    assert NOT_SAVED in page.content.decode()
    assert Response.objects.count() == 0

    assert client.post(respond_url(article), fields_of(page)).status_code == 303
    saved = Response.objects.get()
    assert (saved.levels, saved.profession) == ([5, 4, 3, 2], "nurse")


def test_an_unticked_declaration_loses_nothing(client):
    article = published_article()
    page = client.post(respond_url(article), filled(article, TYPED.values()))
    page = client.post(GATE, {**fields_of(page), "statement": current_statement().number})
    assert "data-error-summary" in page.content.decode()
    page = pass_the_gate(client, page)
    assert checked(page) == TYPED


@pytest.mark.parametrize("kept", ["x", "x:y:z", ""])
def test_what_we_did_not_sign_is_not_passed_on(client, kept):
    page = client.get(f"{GATE}?next=/articles/")
    page = pass_the_gate(client, page, **{FIELD: kept})
    assert page.redirect_chain == [("/articles/", 302)]


def test_what_was_kept_for_one_article_is_not_shown_at_another(attested):
    article, other = published_article(), published_article()
    page = Client().post(respond_url(article), filled(article, TYPED.values()))
    kept = fields_of(page)[FIELD]
    answer = attested.post(respond_url(other), {FIELD: kept})
    assert answer.status_code == 400
    assert checked(answer) == {}
    assert Response.objects.count() == 0


def test_another_accounts_browser_loses_nothing(client):
    article = published_article()
    client.force_login(UserFactory())
    attest(client, ReaderFactory(user=UserFactory()))
    page = client.post(respond_url(article), filled(article, TYPED.values()))
    assert page.status_code == 403
    page = pass_the_gate(client, page)
    assert checked(page) == TYPED


def test_a_reader_whom_the_database_forgot_loses_nothing(attested, reader):
    article = published_article()
    reader.delete()
    page = attested.post(respond_url(article), filled(article, TYPED.values()))
    assert page.status_code == 403
    page = pass_the_gate(attested, page)
    assert checked(page) == TYPED
    assert attested.post(respond_url(article), fields_of(page)).status_code == 303


# --- with free text, and when the survey has changed meanwhile ------------------------------------


@pytest.fixture
def wordy():
    article = published_article()
    version = publish_survey(
        "wordy", ["I would join a trial"], not_applicable=[1], comment_question="Why?"
    )
    ArticleSurvey.objects.create(article=article, survey=version.survey)
    return article, {
        "survey_version": version.pk,
        "article_version": article.published_version_id,
        "level-wordy-1": 0,
        "comment": 'One "line" <b>&\r\nanother, ünïcode \N{WINKING FACE}',
    }


SHOWN = "One &quot;line&quot; &lt;b&gt;&amp;\r\nanother, ünïcode \N{WINKING FACE}"


def test_free_text_and_not_applicable_survive(wordy, browser):
    article, data = wordy
    page = browser.post(respond_url(article), data)
    assert fields_of(page)["comment"] == SHOWN
    assert checked(page) == {"wordy-1": 0}

    client = Client(enforce_csrf_checks=True)
    page = pass_the_gate(client, client.post(respond_url(article), data))
    assert fields_of(page)["comment"] == SHOWN
    assert checked(page) == {"wordy-1": 0}


def test_the_version_of_the_article_that_was_read_survives(browser):
    article = published_article()
    data = filled(article, TYPED.values())
    publish(article)
    page = browser.post(respond_url(article), data)
    assert fields_of(page)["article_version"] == str(data["article_version"])


def test_a_survey_that_changed_meanwhile_is_said_to_have(browser):
    article = published_article()
    data = filled(article, TYPED.values())
    publish_version_2(changed="objectives", text="The content met the learning objectives")
    memory.forget()
    page = browser.post(respond_url(article), data)
    assert checked(page) == {"clear": 5, "relevant": 3, "change": 2}
    assert NOT_SAVED in page.content.decode()
    assert "The statements have changed" in page.content.decode()


def test_free_text_that_is_not_asked_for_any_more_is_shown(wordy, attested):
    article, data = wordy
    ArticleSurvey.objects.all().delete()
    page = attested.post(respond_url(article), data)
    assert page.status_code == 409
    shown = texts(page, '<p dir="auto">(.*?)</p>')[0]
    assert shown == 'One "line" <b>&<br>another, ünïcode \N{WINKING FACE}'
    assert "&lt;b&gt;" in page.content.decode()
