"""Pages that are rendered once for everybody, and what stays one person's own."""

import re

import pytest
from django.contrib.messages import INFO
from django.contrib.messages.storage.base import Message
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest
from django.test import Client

from portal.attestation.models import current_statement
from portal.core.content_cache import memory
from portal.core.models import SiteSettings
from tests.factories import UserFactory, published_article

pytestmark = pytest.mark.django_db

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@pytest.fixture(autouse=True)
def long_interval(settings):
    settings.CONTENT_STAMP_SECONDS = 3600


def attest(client: Client) -> Client:
    client.post(
        "/healthcare-professionals/",
        {"is_healthcare_professional": "on", "statement": current_statement().number},
    )
    return client


def test_two_readers_get_one_page_and_tokens_of_their_own():
    address = published_article().get_absolute_url()
    first, second = (attest(Client()).get(address).content.decode() for _ in range(2))
    assert TOKEN.sub("", first) == TOKEN.sub("", second)
    tokens = [set(TOKEN.findall(html)) for html in (first, second)]
    assert [len(found) for found in tokens] == [1, 1]
    assert tokens[0] != tokens[1]


def test_the_token_of_a_remembered_page_is_accepted():
    article = published_article()
    attest(Client()).get(article.get_absolute_url())
    client = attest(Client(enforce_csrf_checks=False))
    page = client.get(article.get_absolute_url()).content.decode()
    client.handler.enforce_csrf_checks = True
    forget = {"csrfmiddlewaretoken": TOKEN.findall(page)[0]}
    assert client.post("/healthcare-professionals/forget/", forget).status_code == 302
    assert client.post("/healthcare-professionals/forget/", {}).status_code == 403


def test_a_page_without_forms_sets_no_cookie(client):
    response = client.get("/")
    assert "csrfmiddlewaretoken" not in response.content.decode()
    assert not response.cookies


def test_each_kind_of_visitor_has_a_frame_of_its_own(client):
    reader, editor = Client(), Client()
    reader.force_login(UserFactory())
    editor.force_login(UserFactory(group="Editors"))
    attested = attest(Client())
    seen = {
        name: {
            word
            for word in (">Sign in<", ">Sign out<", ">Desk<", "Forget it in this browser")
            if word in visitor.get("/").content.decode()
        }
        for name, visitor in {
            "visitor": client,
            "attested": attested,
            "reader": reader,
            "editor": editor,
        }.items()
    }
    assert seen == {
        "visitor": {">Sign in<"},
        "attested": {">Sign in<", "Forget it in this browser"},
        "reader": {">Sign out<"},
        "editor": {">Sign out<", ">Desk<"},
    }


def test_a_message_is_shown_to_the_one_whom_it_is_for():
    told, other = Client(), Client()
    waiting = [Message(INFO, "For you")]
    told.cookies["messages"] = CookieStorage(HttpRequest())._encode(waiting)
    assert ">For you<" in told.get("/").content.decode()
    assert "For you" not in told.get("/").content.decode()
    assert "For you" not in other.get("/").content.decode()


def test_a_change_of_content_is_shown(client):
    client.get("/")
    SiteSettings.objects.create(name="Another name")
    assert "Another name" not in client.get("/").content.decode()
    memory.checked_at = float("-inf")
    assert "Another name" in client.get("/").content.decode()
