"""Sending through Postmark's API, to a server that speaks its protocol."""

import base64
import uuid

import pytest
from django.core.mail import EmailMessage, get_connection
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.urls import reverse

from portal.mail.message import feedback_sender
from portal.mail.models import MailEvent, Suppression
from portal.mail.opt_outs import opt_out_token
from portal.mail.relay import SmtpRelay, open_relay
from portal.mail.services import plan_personal_mail
from portal.mail.streams import get_stream
from portal.mail.worker import deliver_everything_due
from tests.factories import SubscriberFactory
from tests.fixtures_mail import free_port, wait_until
from tests.mail.planning import STREAM, make_due, plan, states
from tests.mail.postmark_server import TOKEN, postmark_server

pytestmark = pytest.mark.django_db


@pytest.fixture
def postmark(settings):
    with postmark_server() as server:
        settings.MAIL_PROVIDER = "postmark"
        settings.ANYMAIL = settings.ANYMAIL | {
            "POSTMARK_SERVER_TOKEN": TOKEN,
            "POSTMARK_API_URL": server.url,
        }
        yield server


def test_a_message_arrives_whole(postmark):
    subscriber = SubscriberFactory(email="a@hospital.example")
    mailing = plan(subject="Über β₂")
    assert deliver_everything_due() == 1
    delivery = mailing.deliveries.get()
    url = get_stream(STREAM).links["unsubscribe_url"](subscriber)
    token = opt_out_token(subscriber, STREAM)
    (message,) = postmark.received
    html = message.pop("HtmlBody")
    assert f'<p style="color: red;">Öhm <a href="{url}">leave</a></p>' in html
    assert message.pop("TextBody").replace("\r\n", "\n") == (
        f"Öhm, leave: {url}\n.\n..\nFrom the end"
    )
    headers = {header["Name"]: header["Value"] for header in message.pop("Headers")}
    message_id = f"<{mailing.public_id.hex}.{delivery.pk}@testserver>"
    assert headers == {
        "Content-Language": "en-gb",
        "Auto-Submitted": "auto-generated",
        "List-Id": "<article-updates.testserver>",
        "Feedback-ID": f"{mailing.pk}:article-updates:{feedback_sender()}",
        "Precedence": "bulk",
        "Message-ID": message_id,
        "X-PM-KeepID": "true",
        "List-Unsubscribe": f"<{url}>, <mailto:updates@testserver?subject=unsubscribe%20{token}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert message == {
        "From": "Lymphoma Education Hub <updates@testserver>",
        "To": "a@hospital.example",
        "Subject": "Über β₂",
        "MessageStream": "broadcast",
        "Metadata": {"delivery": f"{mailing.public_id.hex}.{delivery.pk}"},
        "TrackOpens": False,
        "TrackLinks": "None",
    }
    assert postmark.paths == ["/email"]
    assert (delivery.state, delivery.smtp_code, len(delivery.provider_id)) == ("sent", 200, 36)


def test_account_mail_goes_by_a_stream_of_its_own(postmark):
    stranger = SubscriberFactory(confirmed_at=None, consent=False)
    plan_personal_mail(
        key="confirm:1", subscriber=stranger, subject="Confirm", html="<p>Yes?</p>", text="Yes?"
    )
    assert deliver_everything_due() == 1
    (message,) = postmark.received
    assert message["MessageStream"] == "outbound"
    assert message["From"] == "Lymphoma Education Hub <accounts@testserver>"


def test_several_messages_are_one_request_each(postmark):
    SubscriberFactory.create_batch(3)
    mailing = plan()
    assert deliver_everything_due() == 3
    assert len(set(postmark.addresses)) == len(postmark.received) == 3
    assert postmark.greetings == 1
    assert len(set(mailing.deliveries.values_list("provider_id", flat=True))) == 3
    assert deliver_everything_due() == 0


@pytest.mark.parametrize(
    "fault",
    [
        "closes",
        "half an answer",
        "stalls",
        (200, b"<html>Welcome to this hotel's network</html>"),
        (200, {"ErrorCode": 0}),
        (502, b"Bad gateway"),
        (504, b"Gateway time-out"),
        (500, b"Internal server error"),
    ],
    ids=str,
)
def test_one_request_and_no_certainty(postmark, settings, fault):
    """The message may have been taken: asked once, and never again by itself."""
    settings.EMAIL_TIMEOUT = 0.5
    first, second = SubscriberFactory.create_batch(2)
    mailing = plan()
    postmark.fault = fault
    assert deliver_everything_due() == 0
    assert postmark.addresses == [first.email]
    assert states(mailing) == {first.email: "unknown", second.email: "pending"}
    postmark.fault = None
    assert deliver_everything_due() == 1
    assert postmark.addresses == [first.email, second.email]


@pytest.mark.parametrize(
    "fault",
    [
        (429, {"ErrorCode": 429, "Message": "Rate limit exceeded"}),
        (503, b"Service unavailable"),
        (500, {"ErrorCode": 100, "Message": "Maintenance"}),
        (401, {"ErrorCode": 10, "Message": "Bad token"}),
        (422, {"ErrorCode": 405, "Message": "Not allowed to send: out of credits"}),
        (404, b"no such page"),
        "redirects",
    ],
    ids=str,
)
def test_what_is_about_us_is_put_off_and_ends_the_run(postmark, fault):
    first, second = SubscriberFactory.create_batch(2)
    mailing = plan()
    postmark.fault = fault
    assert deliver_everything_due() == 0
    assert postmark.paths == ["/email"]
    assert states(mailing) == {first.email: "deferred", second.email: "pending"}
    assert (Suppression.objects.count(), MailEvent.objects.count()) == (0, 0)
    postmark.fault = None
    make_due()
    assert deliver_everything_due() == 2
    assert set(states(mailing).values()) == {"sent"}


@pytest.mark.parametrize(
    "fault",
    [
        (413, {"ErrorCode": 0, "Message": "Payload too large"}),
        (422, {"ErrorCode": 300, "Message": "Invalid 'From' address: 'updates@testserver'."}),
    ],
    ids=str,
)
def test_what_is_about_one_message_is_put_off_alone(postmark, fault):
    SubscriberFactory.create_batch(2)
    mailing = plan()
    postmark.fault = fault
    assert deliver_everything_due() == 0
    assert set(states(mailing).values()) == {"deferred"}


def test_an_inactive_recipient_is_a_hard_bounce(postmark):
    gone, there = SubscriberFactory(email="gone@hospital.example"), SubscriberFactory()
    mailing = plan()
    postmark.inactive = {gone.email}
    assert deliver_everything_due() == 1
    assert states(mailing) == {gone.email: "failed", there.email: "sent"}
    assert mailing.deliveries.get(state="failed").reason == "refused"
    assert Suppression.objects.get().address == gone.email
    event = MailEvent.objects.get()
    assert (event.kind, event.source, event.detail) == (
        "bounced",
        "provider",
        "422 Postmark 406",
    )


def test_an_address_that_postmark_cannot_read_is_refused_and_not_suppressed(postmark):
    SubscriberFactory()
    mailing = plan()
    postmark.fault = (422, {"ErrorCode": 300, "Message": "Invalid 'To' address: 'a@b'."})
    assert deliver_everything_due() == 0
    delivery = mailing.deliveries.get()
    assert (delivery.state, delivery.reason) == ("failed", "refused")
    assert Suppression.objects.count() == 0


@pytest.mark.parametrize("what", ["away", "a token that it does not know"])
def test_postmark_that_does_not_let_us_in_costs_nothing(postmark, settings, what):
    SubscriberFactory()
    mailing = plan()
    other = (
        {"POSTMARK_API_URL": f"http://127.0.0.1:{free_port()}/"}
        if what == "away"
        else {"POSTMARK_SERVER_TOKEN": "wrong"}
    )
    settings.ANYMAIL = settings.ANYMAIL | other
    assert deliver_everything_due() == 0
    delivery = mailing.deliveries.get()
    assert (delivery.state, delivery.attempts) == ("pending", 0)
    assert postmark.received == []


def test_postmark_that_goes_away_during_a_run_costs_no_certainty(postmark):
    SubscriberFactory.create_batch(2)
    mailing = plan()
    with open_relay() as relay:
        relay._backend.session.close()
        relay._backend.api_url = f"http://127.0.0.1:{free_port()}/"
        delivery = mailing.deliveries.first()
        answer = relay.send(
            sender="updates@testserver",
            recipient=delivery.address,
            content=b"From: a@b.example\r\nSubject: x\r\nMessage-ID: <x@y>\r\n"
            b'Content-Type: text/plain; charset="utf-8"\r\n\r\nx',
        )
    assert answer.verdict.value == "deferred"
    assert postmark.received == []


def test_allauths_mail_goes_the_same_way_once(postmark):
    backend = get_connection("portal.mail.postmark.PostmarkBackend")
    mail = EmailMessage("Reset", "Link", "accounts@testserver", ["a@hospital.example"])
    assert backend.send_messages([mail]) == 1
    postmark.fault = "closes"
    with pytest.raises(Exception, match="Error posting"):
        backend.send_messages([mail])
    assert len(postmark.received) == 2
    assert postmark.received[0]["MessageStream"] == "outbound"


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_postmark_thinks_leaves_one_unknown_that_a_report_settles(
    postmark, start_celery_worker, monkeypatch, settings, client
):
    secret = "postmark:a-long-random-password"
    settings.ANYMAIL = settings.ANYMAIL | {"WEBHOOK_SECRET": [secret]}
    monkeypatch.setenv("MAIL_PROVIDER", "postmark")
    monkeypatch.setenv("POSTMARK_SERVER_TOKEN", TOKEN)
    monkeypatch.setenv("POSTMARK_API_URL", postmark.url)
    postmark.fault, postmark.stall_seconds = "stalls", 5
    first, second = SubscriberFactory.create_batch(2)
    mailing = plan()
    worker = start_celery_worker(has_beat=True)
    wait_until(lambda: postmark.received, what="the request for the first message")
    worker.kill()
    postmark.fault = None

    def send_the_rest():
        deliver_everything_due()
        return states(mailing) == {first.email: "unknown", second.email: "sent"}

    wait_until(send_the_rest, what="the end of the dead worker's lock")
    assert postmark.addresses == [first.email, second.email]
    response = client.post(
        reverse("postmark_reports"),
        {
            "RecordType": "Delivery",
            "MessageID": str(uuid.uuid4()),
            "Metadata": postmark.received[0]["Metadata"],
        },
        content_type="application/json",
        headers={"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"},
    )
    assert response.status_code == 200
    assert set(states(mailing).values()) == {"sent"}


def test_smtp_is_the_way_unless_the_settings_say_otherwise(smtp_sink):
    relay = open_relay()
    assert isinstance(relay, SmtpRelay)
    assert relay.name == f"127.0.0.1:{smtp_sink.port}"


@pytest.mark.parametrize(
    ("provider", "token", "secret", "errors"),
    [
        ("smtp", "", [], []),
        ("postmark", TOKEN, ["postmark:a-long-random-password"], []),
        ("pigeon", "", [], ["mail.E001"]),
        ("postmark", "", ["postmark:short"], ["mail.E002", "mail.E003"]),
        ("postmark", TOKEN, [], ["mail.E003"]),
    ],
)
def test_settings_that_would_lose_mail_or_reports_are_told(
    settings, provider, token, secret, errors
):
    settings.MAIL_PROVIDER = provider
    settings.ANYMAIL = settings.ANYMAIL | {
        "POSTMARK_SERVER_TOKEN": token,
        "WEBHOOK_SECRET": secret,
    }
    if not errors:
        call_command("check", verbosity=0)
        return
    with pytest.raises(SystemCheckError) as raised:
        call_command("check", verbosity=0)
    assert all(error in str(raised.value) for error in errors)
