"""Refusals while a message is handed over by SMTP count as bounces; suppressions and their end."""

import datetime

import pytest
import time_machine
from django.utils import timezone

from portal.mail.models import MailEvent, Suppression
from portal.mail.relay import is_hard_bounce, is_soft_bounce
from portal.mail.suppressions import suppress
from portal.mail.worker import deliver_everything_due
from tests.factories import SubscriberFactory
from tests.mail.planning import plan, states

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("answer", "kind", "is_suppressed"),
    [
        ("550 5.1.1 <{address}>: no such user", "bounced", True),
        ("550 {name} is unknown here", "bounced", True),
        ("550 5.2.1 mailbox disabled", "bounced", True),
        ("550 5.7.1 blocked by policy", "bounced", False),
        ("553 5.1.8 sender address of no domain", "bounced", False),
        ("552 5.2.2 mailbox full", "soft_bounced", False),
        ("552 too much mail", "soft_bounced", False),
        ("554 5.3.2 system going down", "soft_bounced", False),
    ],
)
def test_a_recipient_that_is_refused(smtp_sink, answer, kind, is_suppressed):
    gone = SubscriberFactory(email="John.Smith@hospital.example")
    mailing = plan()
    text = answer.format(address=gone.email, name="john.smith")
    smtp_sink.rcpt_answers[gone.email] = text
    assert deliver_everything_due() == 0
    assert states(mailing) == {gone.email: "failed"}
    event = MailEvent.objects.get()
    assert (event.delivery.address, event.kind, event.source) == (gone.email, kind, "smtp")
    assert event.detail.startswith(text[:3])
    assert "smith" not in event.detail.lower()
    assert "hospital" not in event.detail
    assert Suppression.objects.exists() == is_suppressed


@pytest.mark.parametrize(
    ("answer", "kind", "is_suppressed"),
    [
        ("554 5.6.0 content refused", "bounced", False),
        ("550 spam", "bounced", False),
        ("550 5.1.1 no such user", "bounced", True),
        ("552 5.2.2 mailbox full", "soft_bounced", False),
    ],
)
def test_a_message_that_is_refused_after_its_data(smtp_sink, answer, kind, is_suppressed):
    SubscriberFactory()
    plan()
    smtp_sink.data_answer = answer
    assert deliver_everything_due() == 0
    event = MailEvent.objects.get()
    assert (event.kind, event.source, event.detail) == (kind, "smtp", answer)
    assert Suppression.objects.exists() == is_suppressed


def test_what_is_put_off_or_about_us_is_no_bounce(smtp_sink):
    subscriber = SubscriberFactory()
    plan()
    smtp_sink.rcpt_answers[subscriber.email] = "450 4.2.2 mailbox full"
    deliver_everything_due()
    smtp_sink.rcpt_answers.clear()
    smtp_sink.mail_answer = "550 5.7.1 sender not allowed"
    plan("article:2")
    deliver_everything_due()
    assert MailEvent.objects.count() == Suppression.objects.count() == 0


def test_a_mailbox_that_is_full_on_three_days_is_left_alone_for_a_while(smtp_sink):
    full = SubscriberFactory()
    smtp_sink.rcpt_answers[full.email] = "552 5.2.2 mailbox full"
    start = timezone.now()
    for day in range(3):
        assert Suppression.objects.count() == 0
        # The clocks of this process and of PostgreSQL must agree for anything to be sent.
        plan(f"article:{day}")
        deliver_everything_due()
        _make_older(MailEvent.objects.filter(occurred_at__gte=start), days=day + 1)
    # Two of the three were moved into the past before the third came.
    assert MailEvent.objects.count() == 3
    suppression = Suppression.objects.get()
    assert suppression.reason == "unreachable"
    assert suppression.expires_at > timezone.now() + datetime.timedelta(days=89)
    assert plan("article:next").candidate_count == 0


def _make_older(events, *, days):
    """Move ``events`` into the past, past the trigger that keeps them as they are."""
    import pgtrigger

    with pgtrigger.ignore("mail.MailEvent:append_only"):
        for event in events:
            event.occurred_at -= datetime.timedelta(days=days)
            event.save(update_fields=["occurred_at"])


@pytest.mark.parametrize(
    ("text", "is_hard", "is_soft"),
    [
        (b"5.1.1 gone", True, False),
        (b"5.1.0 address", True, False),
        (b"5.1.10 null MX", True, False),
        (b"5.1.7 bad sender", False, False),
        (b"5.2.2 full", False, True),
        (b"5.4.4 no route", False, True),
        (b"5.3.4 message too big", False, False),
        (b"5.7.26 not authenticated", False, False),
        (b"5.11.1 no subject of ours", False, False),
    ],
)
def test_what_enhanced_codes_say(text, is_hard, is_soft):
    assert is_hard_bounce(550, text, is_recipient=True) == is_hard
    assert is_soft_bounce(550, text) == is_soft


NOW = timezone.now()
LATER, LAST = NOW + datetime.timedelta(days=90), NOW + datetime.timedelta(days=200)
PAST = NOW - datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("before", "new", "after"),
    [
        (None, ("bounce", None), ("bounce", None)),
        (None, ("unreachable", LATER), ("unreachable", LATER)),
        # One that is over begins anew, whatever it was.
        (("request", PAST), ("unreachable", LATER), ("unreachable", LATER)),
        (("bounce", PAST), ("bounce", None), ("bounce", None)),
        # Stronger wins, weaker changes nothing.
        (("unreachable", LATER), ("bounce", None), ("bounce", None)),
        (("bounce", None), ("complaint", None), ("complaint", None)),
        (("complaint", None), ("bounce", None), ("complaint", None)),
        (("request", None), ("complaint", None), ("request", None)),
        (("bounce", None), ("unreachable", LATER), ("bounce", None)),
        # Longer wins; nothing ends earlier than it would have.
        (("unreachable", LATER), ("unreachable", LAST), ("unreachable", LAST)),
        (("unreachable", LAST), ("unreachable", LATER), ("unreachable", LAST)),
        (("unreachable", LAST), ("bounce", LATER), ("bounce", LAST)),
        (("unreachable", None), ("bounce", LATER), ("bounce", None)),
    ],
)
def test_one_entry_per_address_that_only_grows(before, new, after):
    if before:
        Suppression.objects.create(
            address="A@hospital.example", reason=before[0], expires_at=before[1]
        )
    with time_machine.travel(NOW, tick=False):
        suppress(address="a@hospital.example", reason=new[0], expires_at=new[1])
    entry = Suppression.objects.get()
    assert (entry.reason, entry.expires_at) == after


def test_a_suppression_that_is_over_blocks_nothing_and_can_begin_anew(smtp_sink):
    subscriber = SubscriberFactory()
    past = timezone.now() - datetime.timedelta(days=1)
    Suppression.objects.create(address=subscriber.email, reason="bounce", expires_at=past)
    mailing = plan()
    smtp_sink.rcpt_answers[subscriber.email] = "550 5.1.1 gone again"
    assert deliver_everything_due() == 0
    assert states(mailing) == {subscriber.email: "failed"}
    assert Suppression.objects.get().expires_at is None
    assert plan("article:2").candidate_count == 0
