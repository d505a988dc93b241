"""What comes too late is not sent: refusals for now, outages, clocks and days of 23 or 25 hours."""

import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from portal.mail.models import Delivery, Mailing, Sending
from portal.mail.outbox import BACK_OFF
from portal.mail.sending import may_send
from portal.mail.worker import deliver_everything_due
from tests.factories import SubscriberFactory
from tests.mail.planning import plan

pytestmark = pytest.mark.django_db

LONDON = ZoneInfo("Europe/London")
MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def at(monkeypatch):
    """Return a function that sets the clock of this machine and of the database alike."""
    for module in ("sending", "outbox"):
        monkeypatch.setattr(f"portal.mail.{module}.clocks_agree", lambda: True)
    travellers = []

    def set_clock(moment):
        for traveller in travellers:
            traveller.stop()
        travellers[:] = [time_machine.travel(moment, tick=False)]
        travellers[0].start()

    yield set_clock
    for traveller in travellers:
        traveller.stop()


def run_until_settled(at, delivery, *, begin, step=MINUTE, hours=200):
    """Let the scan come by every ``step``; return the moments at which something was tried."""
    tried, now = [], begin
    while now < begin + datetime.timedelta(hours=hours):
        at(now)
        before = delivery.attempts
        deliver_everything_due()
        delivery.refresh_from_db()
        if delivery.attempts > before:
            tried.append(now)
        if delivery.state in Delivery.FINAL:
            break
        assert delivery.next_attempt_at <= delivery.mailing.deadline_at
        now += step
    return tried


@pytest.mark.parametrize("answer", ["421 4.3.2 not now", "450 4.2.0 greylisted", "451 4.7.1 wait"])
def test_put_off_again_and_again_until_the_deadline(smtp_sink, at, answer):
    begin = datetime.datetime(2026, 6, 1, 9, tzinfo=LONDON)
    at(begin)
    subscriber = SubscriberFactory()
    mailing = plan(deadline_at=begin + datetime.timedelta(hours=12))
    smtp_sink.rcpt_answers[subscriber.email] = answer
    delivery = mailing.deliveries.get()
    tried = run_until_settled(at, delivery, begin=begin)
    assert (delivery.state, delivery.reason) == ("failed", "too_late")
    waits = [after - before for before, after in pairwise(tried)]
    assert waits[: len(BACK_OFF)] == list(BACK_OFF)
    assert waits == sorted(waits)
    assert tried[-1] < mailing.deadline_at
    assert delivery.finished_at <= mailing.deadline_at
    assert smtp_sink.received == []


def test_put_off_for_a_while_then_sent_once(smtp_sink, at):
    begin = datetime.datetime(2026, 6, 1, 9, tzinfo=LONDON)
    at(begin)
    subscriber = SubscriberFactory()
    mailing = plan(deadline_at=begin + datetime.timedelta(days=3))
    smtp_sink.rcpt_answers[subscriber.email] = "450 4.2.0 greylisted"
    for minutes in (0, 1, 6):
        at(begin + minutes * MINUTE)
        deliver_everything_due()
    delivery = mailing.deliveries.get()
    smtp_sink.rcpt_answers.clear()
    tried = run_until_settled(at, delivery, begin=begin + 7 * MINUTE)
    assert (delivery.state, delivery.attempts) == ("sent", 4)
    assert tried == [begin + 21 * MINUTE]
    assert len(smtp_sink.received) == 1


def test_news_that_lay_through_an_outage_is_old(smtp_sink, at):
    """A worker that was away for days, or a mailing that was paused: nothing begins after it."""
    begin = datetime.datetime(2026, 6, 1, 9, tzinfo=LONDON)
    at(begin)
    SubscriberFactory.create_batch(3)
    old = plan("article:1", deadline_at=begin + datetime.timedelta(days=3))
    paused = plan("article:2", deadline_at=begin + datetime.timedelta(days=3))
    waits = plan("article:3", deadline_at=begin + datetime.timedelta(days=3))
    Mailing.objects.filter(pk=paused.pk).update(paused_at=begin)
    Mailing.objects.filter(pk=waits.pk).update(approved_at=None)
    at(begin + datetime.timedelta(days=3, seconds=1))
    new = plan("article:4", deadline_at=begin + datetime.timedelta(days=6))
    assert deliver_everything_due() == 3
    for mailing in (old, paused, waits):
        assert set(mailing.deliveries.values_list("state", "reason")) == {("failed", "too_late")}
    assert set(new.deliveries.values_list("state", flat=True)) == {"sent"}


def test_a_deadline_that_passes_during_a_run_ends_it(smtp_sink, at):
    begin = datetime.datetime(2026, 6, 1, 9, tzinfo=LONDON)
    at(begin)
    SubscriberFactory.create_batch(4)
    mailing = plan(deadline_at=begin + MINUTE)
    smtp_sink.on_message = lambda: len(smtp_sink.received) == 2 and at(begin + 2 * MINUTE)
    deliver_everything_due()
    states = sorted(mailing.deliveries.values_list("state", "reason"))
    assert states == [("failed", "too_late")] * 2 + [("sent", "")] * 2


# --- clocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [-2, 2])
def test_nothing_is_sent_while_the_clocks_differ(smtp_sink, minutes):
    SubscriberFactory()
    plan()
    real = timezone.now()
    with time_machine.travel(real + minutes * MINUTE, tick=True):
        assert deliver_everything_due() == 0
    assert set(Delivery.objects.values_list("state", flat=True)) == {"pending"}
    assert not Sending.objects.filter(paused_at__isnull=False).exists()
    assert deliver_everything_due() == 1


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_was_wrong_sends_nothing_twice(smtp_sink, at, hours):
    begin = datetime.datetime(2026, 6, 1, 9, tzinfo=LONDON)
    at(begin)
    first = SubscriberFactory()
    plan("article:1", deadline_at=begin + datetime.timedelta(days=3))
    assert deliver_everything_due() == 1
    at(begin + datetime.timedelta(hours=hours))
    assert may_send()
    assert deliver_everything_due() == 0
    SubscriberFactory(email="second@hospital.example")
    plan("article:2", deadline_at=begin + datetime.timedelta(days=3))
    assert deliver_everything_due() == 2
    at(begin)
    assert deliver_everything_due() == 0
    assert len(smtp_sink.message_ids) == len(set(smtp_sink.message_ids)) == 3
    assert smtp_sink.addresses.count(first.email) == 2


# 29 March 2026, 1:00 → 2:00; 25 October 2026, 2:00 → 1:00.
@pytest.mark.parametrize(
    "begin",
    [
        datetime.datetime(2026, 3, 29, 0, 30, tzinfo=LONDON),
        datetime.datetime(2026, 10, 25, 0, 30, tzinfo=LONDON),
    ],
    ids=["an hour less", "an hour twice"],
)
def test_back_off_and_deadline_are_hours_that_pass(smtp_sink, at, begin):
    begin = begin.astimezone(datetime.UTC)
    at(begin)
    subscriber = SubscriberFactory()
    mailing = plan(deadline_at=begin + datetime.timedelta(hours=3))
    smtp_sink.rcpt_answers[subscriber.email] = "450 4.2.0 greylisted"
    delivery = mailing.deliveries.get()
    tried = run_until_settled(at, delivery, begin=begin)
    waits = [after - before for before, after in pairwise(tried)]
    assert waits == list(BACK_OFF[:4])
    assert (delivery.state, delivery.reason) == ("failed", "too_late")
    # 0, 1, 6, 21 and 81 minutes; the next would have been four hours later.
    assert delivery.finished_at == begin + 81 * MINUTE
