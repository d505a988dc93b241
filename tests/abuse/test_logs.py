"""Logs hold no e-mail address, no query string, no token and nothing of a body."""

import io
import logging
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.core.logs import PrivateFormatter
from portal.updates.tokens import confirmation_url, preferences_url, unsubscribe_url

SECRET = "Correct-Horse-9"
ADDRESS = "clinician@hospital.example"


def lines(caplog):
    """Return what the configured handlers would write."""
    formatter = PrivateFormatter(**LINE, style="{")
    return "\n".join(formatter.format(record) for record in caplog.records)


LINE = {"fmt": settings.LOGGING["formatters"]["line"]["format"]}


@pytest.fixture
def console():
    """What the handler of the settings writes, as lines."""
    (configured,) = (
        handler
        for handler in logging.getLogger().handlers
        if type(handler.formatter) is PrivateFormatter
    )
    stream, usual = io.StringIO(), configured.setStream(io.StringIO())
    configured.setStream(stream)
    yield lambda: stream.getvalue().splitlines()
    configured.setStream(usual)


def test_every_handler_writes_through_the_private_formatter():
    formatters = settings.LOGGING["formatters"]
    for handler in settings.LOGGING["handlers"].values():
        formatter = formatters[handler["formatter"]]
        assert formatter["class"] == "portal.core.logs.PrivateFormatter"
    assert settings.LOGGING["root"]["handlers"] == ["console"]
    assert settings.LOGGING["loggers"]["django"]["handlers"] == []
    # Set up by Django as the settings say.
    assert any(type(h.formatter) is PrivateFormatter for h in logging.getLogger().handlers)


def test_requests_that_fail_leave_nothing_personal(world, caplog, time_machine):
    caplog.set_level(logging.DEBUG)
    client = Client(raise_request_exception=False)
    strict = Client(enforce_csrf_checks=True)
    personal = {"email": ADDRESS, "login": ADDRESS, "password": SECRET, "password1": SECRET}
    query = f"?email={ADDRESS}&q={SECRET}"
    addresses = [
        reverse("home"),
        reverse("gate"),
        reverse("account_login"),
        reverse("account_signup"),
        reverse("account_reset_password"),
        reverse("subscribe"),
        reverse("article", args=["no-such-article"]),
        reverse("respond", args=["no-such-article"]),
        reverse("admin:index"),
        "/no/such/page/",
        f"/no/such/{ADDRESS}/",
        "/search/",
    ]
    tokens = [
        url.rstrip("/").rpartition("/")[2]
        for url in (
            unsubscribe_url(world.subscriber),
            preferences_url(world.subscriber),
            confirmation_url(world.subscriber, []),
        )
    ]
    names = ("unsubscribe", "preferences", "confirm_subscription")
    addresses += [reverse(name, args=[token]) for token in tokens for name in names]
    addresses += [
        reverse("account_confirm_email", args=["MQ:1abcDE:a-key"]),
        reverse("account_reset_password_from_key", kwargs={"uidb36": "1", "key": "another-key"}),
    ]
    tokens += ["MQ:1abcDE", "another-key"]
    time_machine.move_to(
        timezone.now() + timedelta(days=60)
    )  # the confirmation link is answered with 410
    for address in addresses:
        for browser in (client, strict):
            browser.get(address + query)
            browser.get(address + query + "%00")
            browser.post(address + query, personal)
            browser.post(address + query, {**personal, "nul": "\0"})
            browser.post(address + query, personal, headers={"referer": f"https://x/{query}"})
            browser.post(
                address + query,
                personal,
                headers={"host": "bad host", "origin": f"https://x/{query}"},
            )
            browser.put(address + query, SECRET)
    text = lines(caplog)
    assert "Forbidden" in text
    assert "Not Found" in text
    assert "NUL character in" in text
    for secret in (ADDRESS, "hospital.example", world.subscriber.email, SECRET, "email=", *tokens):
        assert secret not in text


def test_a_traceback_keeps_the_row_to_itself(world, caplog):
    caplog.set_level(logging.ERROR)
    logger = logging.getLogger("portal.test")
    try:
        with transaction.atomic():
            User.objects.create(email=world.editor.email.upper())
    except IntegrityError:
        logger.exception("It failed for %s at /search/?q=%s", ADDRESS, SECRET)
    text = lines(caplog)
    assert "accounts_user_email_unique" in text
    assert "DETAIL: …" in text
    for secret in (ADDRESS, SECRET, world.editor.email, world.editor.email.upper()):
        assert secret not in text


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ("Not Found: /articles/late-failure/", "Not Found: /articles/late-failure/"),
        ("What? Is it? Yes.", "What? Is it? Yes."),
        ("to a.b+c%40d.example now", "to (e-mail address) now"),
        ("from https://e.example/a?b=c", "from https://e.example/a?…"),
    ],
)
def test_the_rest_stays_legible(message, written):
    record = logging.LogRecord("portal", logging.INFO, "", 0, message, (), None)
    assert PrivateFormatter().format(record) == written


@pytest.mark.parametrize(
    "part", ["x", "a.", "/", "@", "a@", "?", "/?", "a?b", "%40", "DETAIL:", " "]
)
def test_a_long_line_takes_no_longer_than_its_length(part):
    message = part * (200_000 // len(part))
    record = logging.LogRecord("portal", logging.INFO, "", 0, message, (), None)
    before = time.process_time()
    PrivateFormatter().format(record)
    assert time.process_time() - before < 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "request_of", "line"),
    [
        (
            "get",
            {"path": "/search/?q=%00"},
            "django.security.MalformedRequest: NUL character in the request",
        ),
        (
            "post",
            {"path": "/updates/confirm/a-token/", "data": {"nul": "\0"}},
            (
                "django.security.MalformedRequest: NUL character in a form field "
                "at /updates/confirm/<str:token>/"
            ),
        ),
        (
            "get",
            {"path": "/accounts/login/", "headers": {"host": "bad host"}},
            (
                "django.security.DisallowedHost: Invalid HTTP_HOST header: 'bad host'. "
                "The domain name provided is not valid according to RFC 1034/1035."
            ),
        ),
        (
            "post",
            {"path": "/accounts/login/", "data": b"x", "content_type": "multipart/form-data"},
            "django.request: Bad request (Unable to parse request body): /accounts/login/",
        ),
    ],
)
def test_a_refused_request_is_one_line(method, request_of, line, console, client):
    assert getattr(client, method)(**request_of).status_code == 400
    assert console() == [f"WARNING {line}"]


def test_a_fault_keeps_its_traceback(console):
    try:
        raise ValueError("a fault of ours")
    except ValueError:
        logging.getLogger("django.request").exception("Internal Server Error")
    written = console()
    assert written[:2] == [
        "ERROR django.request: Internal Server Error",
        "Traceback (most recent call last):",
    ]
