"""A real Chromium against a real server, with and without JavaScript."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from portal.core.content_cache import memory
from portal.core.local.chromium import find_chromium
from tests.browser import chromium, open_context
from tests.fixtures_mail import wait_until


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip("No Chromium on this machine: install the package chromium")
    with chromium(program) as browser:
        yield browser


@pytest.fixture(autouse=True)
def uncovered(no_cover: None) -> None:
    """Count no line as covered: a walk through all pages runs much and checks little of it."""


class RequestsInProgress:
    """How many requests the server's threads are busy with.

    A page that is closed may leave some: a picture of which the browser needed no more. They must
    have ended before the database is emptied, or the two wait for each other's locks.
    """

    def __init__(self) -> None:
        self.count = 0
        self.lock = threading.Lock()
        request_started.connect(self.begin)
        request_finished.connect(self.end)

    def begin(self, sender: Any, **kwargs: Any) -> None:
        self.add(1, sender)

    def end(self, sender: Any, **kwargs: Any) -> None:
        self.add(-1, sender)

    def add(self, number: int, sender: Any) -> None:
        # Django's test client sends the same signals, but not always both.
        if isinstance(sender, type) and issubclass(sender, WSGIHandler):
            with self.lock:
                self.count += number

    def wait(self) -> None:
        wait_until(lambda: self.count == 0, what="the end of all requests")


@pytest.fixture(scope="session")
def requests_in_progress() -> RequestsInProgress:
    return RequestsInProgress()


@pytest.fixture(scope="module")
def standing_server(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The address of a server whose database is emptied only after the file's last test.

    For files whose tests read one content and write nothing that another one reads: with
    pytest-django's own server the database is emptied after each. They are marked ``django_db``
    without transactions, and what they read is made by a fixture of the module.
    """
    before = settings.SITE_URL, settings.CONTENT_STAMP_SECONDS
    with django_db_blocker.unblock():
        server = LiveServer("localhost")
        # No page needs to ask whether content has changed.
        settings.SITE_URL, settings.CONTENT_STAMP_SECONDS = server.url, 3600
        memory.forget()
        yield server.url
        server.stop()
        settings.SITE_URL, settings.CONTENT_STAMP_SECONDS = before
        # What the migrations had written comes back with it.
        call_command("flush", verbosity=0, interactive=False)
        memory.forget()


@pytest.fixture
def site_url(request: pytest.FixtureRequest, settings: Any) -> str:
    """The address of the server under test: the standing one where the file has asked for it."""
    if "standing_server" in request.fixturenames:
        return str(request.getfixturevalue("standing_server"))
    live_server = request.getfixturevalue("live_server")
    settings.SITE_URL = live_server.url
    # What one step of a journey changes, the next one must see.
    settings.CONTENT_STAMP_SECONDS = 0
    return str(live_server.url)


@pytest.fixture
def open_page(
    browser: Browser, site_url: str, requests_in_progress: RequestsInProgress
) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page of a new visitor.

    Keyword arguments are those of Playwright's ``new_context``: ``java_script_enabled``,
    ``viewport``, ``color_scheme`` … When the test ends, no page may have violated the Content
    Security Policy or thrown an error.
    """
    contexts = []
    complaints: list[str] = []

    def open_page(**options: object) -> Page:
        context = open_context(browser, site_url, complaints, **options)
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    requests_in_progress.wait()
    assert complaints == []
