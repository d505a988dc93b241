"""Mails of accounts go through the outbox: no page waits for a mail server or for Redis."""

import json
import re
import socket
import subprocess
import sys

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import caches
from django.urls import reverse

from portal.accounts.models import User
from portal.core import cache as forgiving
from portal.mail.models import Delivery, Mailing, Subscriber
from portal.mail.worker import deliver_everything_due
from tests.factories import UserFactory
from tests.fixtures_mail import ROOT, worker_environment

PASSWORD = "a-long-enough-phrase-of-9-words"


@pytest.fixture(autouse=True)
def no_limits():
    """Limits are counted in Redis, across tests."""
    caches["default"].clear()
    yield
    forgiving._resting_until = 0.0


def sign_up(client, email="new@hospital.example"):
    form = {"email": email, "password1": PASSWORD, "password2": PASSWORD}
    return client.post(reverse("account_signup"), form)


def ask_for_reset(client, email):
    return client.post(reverse("account_reset_password"), {"email": email})


def link_in(received):
    (url,) = set(re.findall(r"http://testserver/accounts/[^\s\"<]+", received.text))
    assert f'href="{url}"' in received.html
    return url.removeprefix("http://testserver")


# --- what arrives ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_signing_up_plans_a_mail_whose_link_confirms(client, smtp_sink):
    assert sign_up(client).status_code == 302
    assert smtp_sink.received == []
    assert deliver_everything_due() == 1
    (received,) = smtp_sink.received
    assert received.sender == "accounts@testserver"
    assert received.message["To"] == "new@hospital.example"
    assert received.message["Subject"] == "Please confirm your e-mail address"
    assert client.post(link_in(received)).status_code == 302
    assert EmailAddress.objects.get(email="new@hospital.example").verified


@pytest.mark.django_db
def test_a_reset_link_sets_a_new_password(client, smtp_sink):
    user = UserFactory(email="ada@hospital.example")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    assert ask_for_reset(client, user.email).status_code == 302
    assert deliver_everything_due() == 1
    form_page = client.get(link_in(smtp_sink.received[0]), follow=True)
    assert form_page.status_code == 200
    client.post(form_page.request["PATH_INFO"], {"password1": PASSWORD, "password2": PASSWORD})
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


@pytest.mark.django_db
def test_who_has_an_account_and_who_has_none_is_told_by_mail_alone(client, smtp_sink):
    user = UserFactory(email="ada@hospital.example")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    known, unknown = sign_up(client, user.email), sign_up(client, "nobody@hospital.example")
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    ask_for_reset(client, "stranger@hospital.example")
    assert deliver_everything_due() == 3
    by_address = {item.recipients[0]: item for item in smtp_sink.received}
    assert link_in(by_address[user.email]) == reverse("account_reset_password")
    assert link_in(by_address["stranger@hospital.example"]) == reverse("account_signup")


@pytest.mark.django_db
def test_a_link_is_as_old_as_its_mail(client, smtp_sink):
    """Made while the mail is sent: a mail server that was away for a day costs no hour of it."""
    user = UserFactory(email="ada@hospital.example")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    ask_for_reset(client, user.email)
    smtp_sink.stop()
    assert deliver_everything_due() == 0
    smtp_sink.start()
    assert deliver_everything_due() == 1
    assert client.get(link_in(smtp_sink.received[0]), follow=True).status_code == 200


@pytest.mark.django_db
def test_the_outbox_holds_no_link_that_opens_an_account(client):
    user = UserFactory(email="ada@hospital.example")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    ask_for_reset(client, user.email)
    sign_up(client)
    for mailing in Mailing.objects.all():
        assert "[[account_url]]" in mailing.text
        assert "[[account_url]]" in mailing.html
        stored = f"{mailing.key} {mailing.subject} {mailing.text} {mailing.html}"
        assert "/accounts/" not in stored
    client.force_login(UserFactory(group="Staff"))
    for mailing in Mailing.objects.all():
        page = client.get(reverse("admin:mail_mailing_change", args=[mailing.pk]))
        assert b"/accounts/password/reset/key/" not in page.content
        assert b"/accounts/confirm-email/" not in page.content


@pytest.mark.django_db
def test_a_mail_of_an_account_that_is_gone_is_not_sent(client, smtp_sink):
    sign_up(client)
    User.objects.get(email="new@hospital.example").delete()
    assert deliver_everything_due() == 0
    assert Delivery.objects.get().reason == "unsendable"


def change_address(user):
    EmailAddress.objects.filter(user=user).update(email="new@hospital.example")
    User.objects.filter(pk=user.pk).update(email="new@hospital.example")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change", [change_address, lambda user: User.objects.update(is_active=False)]
)
def test_a_mailbox_that_was_given_up_gets_no_link(client, smtp_sink, change):
    """The mail waits; meanwhile its owner moves to another address, or the account is closed."""
    user = UserFactory(email="ada@hospital.example")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    ask_for_reset(client, user.email)
    change(user)
    assert deliver_everything_due() == 0
    assert Delivery.objects.get().reason == "unsendable"


@pytest.mark.django_db
def test_a_mailbox_of_an_account_made_by_hand_gets_its_link(client, smtp_sink):
    """Such an account has its address in one place alone."""
    user = UserFactory(email="Ada@hospital.example")
    assert not EmailAddress.objects.exists()
    ask_for_reset(client, user.email)
    assert deliver_everything_due() == 1
    assert client.get(link_in(smtp_sink.received[0]), follow=True).status_code == 200


@pytest.mark.django_db
def test_account_mail_ignores_opt_outs_and_goes_first(client, smtp_sink):
    sign_up(client)
    delivery = Delivery.objects.get()
    assert (delivery.priority, delivery.mailing.stream) == (0, "accounts")
    assert Subscriber.objects.get().confirmed_at is None
    assert not Subscriber.objects.get().consents_to("article_updates")


# --- without Redis and without a mail server ------------------------------------------------------

WALK = """
import json, time, django
django.setup()
from django.test import Client
client, password = Client(), "a-long-enough-phrase-of-9-words"
for page, form in json.loads(input()):
    began = time.monotonic()
    response = client.post(page, form)
    print(response.status_code, time.monotonic() - began)
"""


def walk(settings, redis_port, smtp_port, steps):
    """POST each form in a process that finds Redis and the mail server at these ports."""
    environment = worker_environment(settings) | {
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "EMAIL_URL": f"smtp://127.0.0.1:{smtp_port}",
    }
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WALK],
        input=json.dumps(steps),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split() for line in process.stdout.splitlines()]
    return [(int(status), float(seconds)) for status, seconds in lines]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("accepts", [True, False], ids=["black hole", "refused"])
def test_accounts_work_while_redis_and_smtp_are_away(accepts, settings, smtp_sink, client):
    user = UserFactory(email="ada@hospital.example")
    user.set_password(PASSWORD)
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    passwords = {"password1": PASSWORD, "password2": PASSWORD}
    steps = [
        (reverse("account_signup"), {"email": "new@hospital.example", **passwords}),
        (reverse("account_reset_password"), {"email": user.email}),
        (reverse("account_login"), {"login": user.email, "password": "wrong"}),
        (reverse("account_login"), {"login": user.email, "password": PASSWORD}),
    ]
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        if accepts:
            hole.listen(50)
        port = hole.getsockname()[1]
        outcomes = walk(settings, port, port, steps)
    assert [status for status, _seconds in outcomes] == [302, 302, 200, 302]
    # Asking Redis costs up to a second, and waking the workers another (see test_workers).
    assert max(seconds for _status, seconds in outcomes[1:]) < 3, outcomes
    assert smtp_sink.received == []
    assert deliver_everything_due() == 2
    assert sorted(smtp_sink.addresses) == ["ada@hospital.example", "new@hospital.example"]


@pytest.mark.django_db
def test_the_limits_count_again_once_redis_is_back(settings, client):
    there = settings.CACHES
    settings.CACHES = {"default": there["default"] | {"LOCATION": "redis://127.0.0.1:9/0"}}
    form = {"login": "nobody@hospital.example", "password": "wrong"}
    for _ in range(12):
        assert client.post(reverse("account_login"), form).status_code == 200
    settings.CACHES = there
    forgiving._resting_until = 0.0
    answers = [client.post(reverse("account_login"), form) for _ in range(12)]
    assert b"Too many failed" in answers[-1].content or answers[-1].status_code == 429
