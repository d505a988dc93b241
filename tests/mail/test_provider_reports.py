"""Postmark's reports: who may tell them, and what they change."""

import base64
import datetime
import json
import uuid

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.mail.models import Consent, Delivery, MailEvent, Suppression
from portal.mail.outbox import claim_deliveries, record_answer, start_delivery
from portal.mail.relay import Answer, Verdict
from portal.mail.services import plan_personal_mail
from portal.mail.streams import get_stream
from portal.mail.worker import deliver_everything_due, sign_of_life
from tests.factories import SubscriberFactory
from tests.mail.planning import STREAM, plan, states

pytestmark = pytest.mark.django_db

SECRET = "postmark:a-long-random-password"


@pytest.fixture(autouse=True)
def secret(settings):
    settings.ANYMAIL = settings.ANYMAIL | {"WEBHOOK_SECRET": [SECRET]}


def post(content, *, secret=SECRET, **headers):
    if secret is not None:
        headers["Authorization"] = f"Basic {base64.b64encode(secret.encode()).decode()}"
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    return client.post(
        reverse("postmark_reports"),
        content if isinstance(content, bytes) else json.dumps(content),
        content_type="application/json",
        headers=headers,
    )


def report(delivery, record="Delivery", **fields):
    """Return what Postmark posts about ``delivery``."""
    times = {"Delivery": "DeliveredAt", "Bounce": "BouncedAt", "SpamComplaint": "BouncedAt"}
    return {
        "RecordType": record,
        "ServerID": 23,
        "MessageStream": "broadcast",
        "MessageID": delivery.provider_id or "00000000-0000-4000-8000-000000000000",
        "Recipient": delivery.address,
        "Email": delivery.address,
        "Tag": "",
        times.get(record, "At"): timezone.now().isoformat(),
        "Details": f"smtp;550 5.1.1 <{delivery.address}>: user {delivery.address[:7]} unknown",
        "Metadata": {"delivery": f"{delivery.mailing.public_id.hex}.{delivery.pk}"},
        **fields,
    }


def bounce(delivery, kind, number=692560173, **fields):
    return report(delivery, "Bounce", ID=number, Type=kind, Inactive=True, **fields)


def sent(state="sent", **fields):
    """Return a delivery that was handed over."""
    subscriber = SubscriberFactory()
    mailing = plan(
        f"article:{uuid.uuid4()}", recipients=type(subscriber).objects.filter(pk=subscriber.pk)
    )
    now = timezone.now()
    is_open = state in Delivery.OPEN
    mailing.deliveries.update(
        state=state,
        attempts=1,
        started_at=now,
        finished_at=None if is_open else now,
        worker=7,
        **{"provider_id": str(uuid.uuid4()), **fields},
    )
    return mailing.deliveries.get()


def state_of(delivery):
    delivery.refresh_from_db()
    return (delivery.state, delivery.reason, delivery.resolution)


def adds_up(delivery):
    mailing = delivery.mailing
    return mailing.candidate_count == mailing.deliveries.count()


# --- who may tell ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "secret",
    [None, "", "postmark", "postmark:wrong", "postmark:a-long-random-passwordx", SECRET.upper()],
)
def test_a_report_without_the_secret_is_refused_and_changes_nothing(secret):
    delivery = sent()
    assert post(bounce(delivery, "HardBounce"), secret=secret).status_code == 400
    assert MailEvent.objects.count() == Suppression.objects.count() == 0
    assert state_of(delivery) == ("sent", "", "")


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic ====", "Basic /w==", "Basic ü", "Bearer x", f"Basic {'YTpi' * 5000}", "\x00"],
)
def test_a_header_that_is_no_basic_authentication_is_refused(header):
    delivery = sent()
    response = post(report(delivery), secret=None, Authorization=header)
    assert response.status_code == 400
    assert MailEvent.objects.count() == 0


def test_where_no_secret_is_set_nothing_is_taken(settings):
    settings.ANYMAIL = settings.ANYMAIL | {"WEBHOOK_SECRET": []}
    delivery = sent()
    for secret in (None, "", ":", SECRET):
        assert post(bounce(delivery, "HardBounce"), secret=secret).status_code == 400
    assert MailEvent.objects.count() == 0


def test_two_secrets_hold_during_a_change(settings):
    settings.ANYMAIL = settings.ANYMAIL | {
        "WEBHOOK_SECRET": [SECRET, "postmark:the-next-one-to-be"]
    }
    delivery = sent()
    assert post(report(delivery), secret="postmark:the-next-one-to-be").status_code == 200
    assert MailEvent.objects.count() == 1


def test_a_page_that_is_got_is_none(client):
    assert client.get(reverse("postmark_reports")).status_code == 405


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"RecordType": []}',
        b'{"RecordType": "Delivery", "Metadata": []}',
        b'{"RecordType": "Delivery", "DeliveredAt": 7}',
        b'{"RecordType": "Inbound", "FromFull": {}}',
        b'{"RecordType": "Delivery", "MessageID": "x\\u0000y"}',
        b'{"RecordType": "Delivery", "MessageID": "x\\ud800y"}',
        b"x" * (1024 * 1024 + 1),
    ],
    ids=lambda content: repr(content[:40]),
)
def test_what_is_no_report_is_refused(content):
    assert post(content).status_code == 400
    assert MailEvent.objects.count() == 0


def test_a_report_of_the_largest_size_is_taken():
    delivery = sent()
    content = json.dumps(report(delivery, Content="")).encode()
    filled = content.replace(b'"Content": ""', b'"Content": "%s"' % (b"x" * (2**20 - len(content))))
    assert len(filled) == 2**20
    assert post(filled).status_code == 200
    assert MailEvent.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"Metadata": {}, "MessageID": str(uuid.uuid4())},
        {"Metadata": {}, "MessageID": ""},
        {"Metadata": {}, "MessageID": None},
        {"Metadata": {"delivery": f"{uuid.uuid4().hex}.1"}},
        {"Metadata": {"delivery": f"{uuid.uuid4().hex}.{'9' * 30}"}},
        {"Metadata": {"delivery": 7}, "MessageID": "x" * 5000},
    ],
    # Not by their text, which differs from process to process.
    ids=["unknown", "empty", "none", "of another mailing", "too large", "no text"],
)
def test_a_report_about_nothing_of_ours_is_passed_over(fields, caplog):
    delivery = sent(provider_id="")
    assert post(bounce(delivery, "HardBounce", **fields)).status_code == 200
    assert MailEvent.objects.count() == Suppression.objects.count() == 0
    assert "names no delivery of ours" in caplog.text
    assert delivery.address not in caplog.text


def test_a_report_about_another_databases_delivery_of_the_same_number_is_passed_over():
    delivery = sent(provider_id="")
    other = {"Metadata": {"delivery": f"{uuid.uuid4().hex}.{delivery.pk}"}}
    assert post(bounce(delivery, "HardBounce", **other)).status_code == 200
    assert state_of(delivery) == ("sent", "", "")


# --- what it changes ------------------------------------------------------------------------------


def test_a_hard_bounce():
    delivery = sent()
    assert post(bounce(delivery, "HardBounce")).status_code == 200
    assert state_of(delivery) == ("failed", "bounced", "provider")
    assert adds_up(delivery)
    suppression = Suppression.objects.get()
    assert (suppression.address, suppression.reason) == (delivery.address, "bounce")
    assert suppression.expires_at is None
    event = MailEvent.objects.get()
    assert (event.delivery, event.kind, event.source) == (delivery, "bounced", "provider")
    assert delivery.address not in event.detail
    assert delivery.address.split("@")[0] not in event.detail
    assert event.detail.startswith("smtp;550 5.1.1 ")


def test_a_report_that_is_told_again_counts_once():
    delivery = sent()
    for _time in range(3):
        assert post(bounce(delivery, "SoftBounce")).status_code == 200
    assert MailEvent.objects.count() == 1
    for _time in range(2):
        assert post(report(delivery)).status_code == 200
    assert MailEvent.objects.filter(kind="delivered").count() == 1


def test_a_report_is_found_by_the_providers_id_alone():
    delivery = sent()
    assert post(bounce(delivery, "HardBounce", Metadata={})).status_code == 200
    assert state_of(delivery) == ("failed", "bounced", "provider")


@pytest.mark.parametrize("state", ["unknown", "in_flight", "deferred", "claimed", "pending"])
def test_an_arrival_makes_certain_what_was_not_and_nothing_is_sent_again(state, smtp_sink):
    delivery = sent(state, provider_id="")
    message_id = str(uuid.uuid4())
    assert post(report(delivery, MessageID=message_id)).status_code == 200
    assert state_of(delivery) == ("sent", "", "provider")
    assert delivery.provider_id == message_id
    assert adds_up(delivery)
    assert deliver_everything_due() == 0


@pytest.mark.parametrize("record", ["Bounce", "SpamComplaint"])
def test_what_came_back_for_now_or_was_complained_of_was_handed_over(record):
    delivery = sent("unknown")
    kind = "SoftBounce" if record == "Bounce" else "SpamComplaint"
    assert post(report(delivery, record, ID=7, Type=kind)).status_code == 200
    assert state_of(delivery) == ("sent", "", "provider")


def test_a_report_that_is_faster_than_the_answer_is_not_undone_by_it():
    stream = get_stream(STREAM)
    SubscriberFactory()
    mailing = plan()
    with sign_of_life() as worker:
        (delivery,) = claim_deliveries(worker=worker, limit=10)
        assert start_delivery(delivery, worker=worker, stream=stream)
        assert post(report(delivery)).status_code == 200
        for verdict in (Verdict.UNKNOWN, Verdict.DEFERRED, Verdict.REFUSED):
            with transaction.atomic():
                record_answer(delivery, Answer(verdict), worker=worker, stream=stream)
    assert states(mailing) == {delivery.address: "sent"}
    assert list(MailEvent.objects.values_list("kind", flat=True)) == ["delivered"]


def test_an_arrival_is_not_told_of_what_was_never_begun():
    subscriber = SubscriberFactory()
    delivery = plan().deliveries.get(subscriber=subscriber)
    assert post(report(delivery)).status_code == 200
    assert state_of(delivery) == ("pending", "", "")


def test_an_arrival_told_after_the_bounce_does_not_undo_it():
    delivery = sent()
    post(bounce(delivery, "HardBounce"))
    post(report(delivery))
    assert state_of(delivery) == ("failed", "bounced", "provider")


@pytest.mark.parametrize("kind", ["Blocked", "DMARCPolicy", "VirusNotification"])
def test_mail_that_was_blocked_did_not_arrive_and_is_no_fault_of_the_mailbox(kind):
    delivery = sent()
    assert post(bounce(delivery, kind)).status_code == 200
    assert state_of(delivery) == ("failed", "not_delivered", "provider")
    assert Suppression.objects.count() == 0


@pytest.mark.parametrize(
    "kind",
    ["AutoResponder", "AddressChange", "ChallengeVerification", "Transient", "DnsError", "NewType"],
)
def test_replies_of_robots_are_no_bounces(kind):
    delivery = sent()
    assert post(bounce(delivery, kind)).status_code == 200
    assert state_of(delivery) == ("sent", "", "")
    assert MailEvent.objects.count() == Suppression.objects.count() == 0


@pytest.mark.parametrize("record", ["Open", "Click", "SubscriptionChange"])
def test_other_records_are_passed_over(record):
    delivery = sent()
    extra = {"SuppressSending": True, "SuppressionReason": "HardBounce"}
    assert post(report(delivery, record, **extra)).status_code == 200
    assert state_of(delivery) == ("sent", "", "")
    assert MailEvent.objects.count() == Suppression.objects.count() == 0


def soft_bounces(delivery, days, kind="SoftBounce"):
    start = timezone.now()
    for number, day in enumerate(days):
        with time_machine.travel(start + datetime.timedelta(days=day), tick=False):
            assert post(bounce(delivery, kind, number=number)).status_code == 200
    return start


@pytest.mark.parametrize(
    ("days", "is_suppressed"),
    [
        ([0, 1], False),
        ([0, 0, 0, 0], False),
        ([0, 1, 2], True),
        ([0, 1, 1, 29], True),
        ([0, 5, 31], False),
    ],
)
def test_soft_bounces_are_counted_by_days(days, is_suppressed):
    delivery = sent()
    start = soft_bounces(delivery, days)
    assert state_of(delivery) == ("sent", "", "")
    assert MailEvent.objects.filter(kind="soft_bounced").count() == len(days)
    if not is_suppressed:
        assert Suppression.objects.count() == 0
        return
    suppression = Suppression.objects.get()
    assert (suppression.address, suppression.reason) == (delivery.address, "unreachable")
    last = start + datetime.timedelta(days=days[-1])
    assert suppression.expires_at - last == datetime.timedelta(days=90)
    with time_machine.travel(suppression.expires_at - datetime.timedelta(seconds=1)):
        assert plan("article:blocked").candidate_count == 0
    with time_machine.travel(suppression.expires_at + datetime.timedelta(seconds=1)):
        assert plan("article:free").candidate_count == 1


def test_a_complaint_ends_all_updates_and_says_how(smtp_sink):
    delivery = sent()
    subscriber = delivery.subscriber
    waiting = plan("article:next")
    assert post(report(delivery, "SpamComplaint", ID=42, Type="SpamComplaint")).status_code == 200
    assert state_of(delivery) == ("sent", "", "")
    assert Suppression.objects.get().reason == "complaint"
    consent = Consent.objects.filter(subscriber=subscriber).first()
    assert (consent.stream, consent.is_granted) == (STREAM, False)
    assert "spam" in consent.wording
    assert deliver_everything_due() == 0
    assert states(waiting) == {subscriber.email: "skipped"}
    # Account mail still goes out.
    plan_personal_mail(
        key="reset:1", subscriber=subscriber, subject="Reset", html="<p>Link</p>", text="Link"
    )
    assert deliver_everything_due() == 1


def test_a_bounce_of_account_mail_suppresses_nothing(smtp_sink):
    stranger = SubscriberFactory(confirmed_at=None, consent=False)
    delivery = plan_personal_mail(
        key="confirm:1", subscriber=stranger, subject="Confirm", html="<p>Yes?</p>", text="Yes?"
    )
    assert deliver_everything_due() == 1
    assert post(bounce(delivery, "HardBounce")).status_code == 200
    assert state_of(delivery) == ("failed", "bounced", "provider")
    assert Suppression.objects.count() == 0


def test_a_report_that_fails_is_told_again_whole(monkeypatch):
    delivery = sent()

    def fail(**kwargs):
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("portal.mail.events.suppress", fail)
        assert post(bounce(delivery, "HardBounce")).status_code == 500
    assert state_of(delivery) == ("sent", "", "")
    assert MailEvent.objects.count() == 0
    assert post(bounce(delivery, "HardBounce")).status_code == 200
    assert state_of(delivery) == ("failed", "bounced", "provider")


def test_the_cost_of_a_report_in_queries(django_assert_num_queries):
    delivery = sent()
    # Savepoints included: the delivery, the report once, its id and state, the suppression.
    with django_assert_num_queries(14):
        assert post(bounce(delivery, "HardBounce")).status_code == 200
