"""Fifty identical forms at once, against the web server as `make run` starts it."""

import os
import re
import threading
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from django.db import connection
from django.test import Client

from benchmarks.web import WebServer
from feedback.models import Response, ResponseHistory
from portal.core.local.web import web_command
from tests.factories import ReaderFactory, UserFactory, published_article

from .builders import filled, respond_url, thanks_url
from .conftest import attest

pytestmark = pytest.mark.django_db(transaction=True)

TIMES = 50


@pytest.fixture
def server(transactional_db, monkeypatch, tmp_path: Path):
    """Two workers of the web server on the test's database."""
    url = urlsplit(os.environ["DATABASE_URL"])
    name = connection.settings_dict["NAME"]
    monkeypatch.setenv("DATABASE_URL", url._replace(path=f"/{name}").geturl())
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    with WebServer(web_command("{port}")) as server:
        yield server


class Browser:
    """The cookies of one device, and what it sends with them over real connections."""

    def __init__(self, port: int, client: Client) -> None:
        self.port = port
        self.cookies = {name: morsel.value for name, morsel in client.cookies.items()}

    def ask(self, method: str, path: str, fields: dict[str, object] | None = None):
        """Return status, address of a redirect, and text."""
        http = HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {
            "Host": "localhost",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        http.request(method, path, urlencode(fields or {}), headers)
        answer = http.getresponse()
        text = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _equals, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        http.close()
        return answer.status, answer.getheader("Location"), text


def send_at_once(browsers: list[Browser], article, levels) -> list[tuple[object, ...]]:
    """Have each browser send the form that it opened, all at the same moment, and follow on."""
    start = threading.Barrier(len(browsers))
    outcomes = []
    forms = {}
    for browser in set(browsers):
        _status, _to, page = browser.ask("GET", respond_url(article))
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
        forms[browser] = filled(article, levels, csrfmiddlewaretoken=token)

    def send(browser: Browser) -> None:
        start.wait()
        status, to, _text = browser.ask("POST", respond_url(article), forms[browser])
        thanked, _to, text = browser.ask("GET", to) if to else (None, None, "")
        outcomes.append((status, to, thanked, "Thank you for your feedback" in text))

    threads = [threading.Thread(target=send, args=[browser]) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_fifty_at_once_make_one_response_and_fifty_thank_yous(server):
    article = published_article()
    reader = ReaderFactory()
    browser = Browser(server.port, attest(Client(), reader))
    outcomes = send_at_once([browser] * TIMES, article, [4, 5, 3, 4])
    assert outcomes == [(303, thanks_url(article), 200, True)] * TIMES
    response = Response.objects.get()
    assert (response.reader_id, response.levels) == (reader.pk, [4, 5, 3, 4])
    assert ResponseHistory.objects.count() == 0


def test_two_devices_of_a_signed_in_reader_make_one_response(server):
    """One was let in before under another pseudonym: the account's own counts on both."""
    article = published_article()
    user = UserFactory()
    account = ReaderFactory(user=user)
    devices = []
    for reader in (account, ReaderFactory()):
        client = Client()
        client.force_login(user)
        devices.append(Browser(server.port, attest(client, reader)))
    outcomes = send_at_once(devices * (TIMES // 2), article, [4, 5, 3, 4])
    assert outcomes == [(303, thanks_url(article), 200, True)] * TIMES
    assert Response.objects.get().reader_id == account.pk
    assert ResponseHistory.objects.count() == 0
