"""When operators and staff are told that mail does not go out, and when they are left in peace."""

import datetime
import logging

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.mail.metrics import is_late, measure
from portal.mail.models import Delivery, Mailing, Subscriber
from portal.mail.services import plan_personal_mail
from portal.mail.worker import deliver_everything_due
from tests.factories import SubscriberFactory, UserFactory
from tests.mail.planning import plan

pytestmark = pytest.mark.django_db

REFUSALS = "portal.mail.relay"


def ago(**length):
    return timezone.now() - datetime.timedelta(**length)


def planned(*, minutes, count=3):
    """Plan a mailing, as if it had been so many minutes ago."""
    SubscriberFactory.create_batch(count)
    mailing = plan()
    then = ago(minutes=minutes)
    mailing.deliveries.update(created_at=then, next_attempt_at=then)
    Mailing.objects.filter(pk=mailing.pk).update(created_at=then, approved_at=then)
    return mailing


def updates():
    """Return what is measured of the mail that people subscribe to."""
    return measure().waiting[1]


def make_sent(mailing, *, minutes):
    first = mailing.deliveries.order_by("pk")[:1].values("pk")
    then = ago(minutes=minutes)
    Delivery.objects.filter(pk__in=first).update(
        state="sent", attempts=1, started_at=then, finished_at=then
    )


# --- what is due ----------------------------------------------------------------------------------


def test_what_nobody_sends_is_late():
    planned(minutes=9)
    assert not is_late()
    Delivery.objects.update(next_attempt_at=ago(minutes=11))
    Mailing.objects.update(approved_at=ago(minutes=11))
    assert is_late()


def test_what_goes_out_slowly_is_not_late():
    """A rate limit makes a mailing of thousands last for hours."""
    mailing = planned(minutes=60)
    make_sent(mailing, minutes=9)
    assert not is_late()
    make_sent(mailing, minutes=11)
    assert is_late()


def test_a_mailing_is_not_late_as_soon_as_it_is_approved():
    mailing = planned(minutes=60)
    Mailing.objects.filter(pk=mailing.pk).update(approved_at=timezone.now())
    assert not is_late()
    assert updates().oldest_due_seconds < 10
    Mailing.objects.filter(pk=mailing.pk).update(approved_at=ago(minutes=20))
    assert is_late()
    assert 1200 <= updates().oldest_due_seconds < 1210


def test_when_something_was_sent_last():
    assert updates().last_sent_at is None
    make_sent(planned(minutes=60), minutes=7)
    assert abs(updates().last_sent_at - ago(minutes=7)) < datetime.timedelta(seconds=10)


def test_being_late_costs_one_query(django_assert_num_queries):
    planned(minutes=60)
    with django_assert_num_queries(1):
        assert is_late()


# --- what is put off ------------------------------------------------------------------------------


def test_a_mail_server_that_puts_everything_off_is_noticed(smtp_sink):
    smtp_sink.mail_answer = "451 4.7.1 not now"
    planned(minutes=9)
    deliver_everything_due()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"deferred"}
    assert not is_late()
    figures = updates()
    assert (figures.due, figures.deferred) == (0, 3)
    assert 540 <= figures.oldest_deferred_seconds < 550
    Delivery.objects.update(created_at=ago(minutes=11))
    Mailing.objects.update(approved_at=ago(minutes=11))
    assert is_late()


def test_one_that_is_put_off_among_many_that_are_sent_is_no_alarm(smtp_sink):
    mailing = planned(minutes=60)
    smtp_sink.rcpt_answers[mailing.deliveries.first().address] = "450 4.2.0 greylisted"
    assert deliver_everything_due() == 2
    assert updates().deferred == 1
    assert not is_late()


def test_updates_that_wait_are_late_while_account_mail_goes_out(smtp_sink):
    """The mail server wants nothing of the updates' address; new passwords go out all the time."""
    smtp_sink.sender_answers["updates@testserver"] = "550 5.7.1 sender not allowed"
    planned(minutes=60)
    reader = Subscriber.objects.first()
    plan_personal_mail(key="account:1", subscriber=reader, subject="Hello", html="<p>", text="1")
    assert deliver_everything_due() == 1
    assert is_late()
    account, others = measure().waiting.values()
    assert (account.deferred, others.deferred) == (0, 3)
    assert account.last_sent_at > ago(minutes=1)
    assert others.last_sent_at is None
    # And the other way round.
    Delivery.objects.filter(priority=1).update(
        state="sent", attempts=1, started_at=timezone.now(), finished_at=timezone.now()
    )
    assert not is_late()
    late = plan_personal_mail(
        key="account:2", subscriber=reader, subject="Hello", html="<p>", text="2"
    )
    Mailing.objects.filter(pk=late.mailing_id).update(approved_at=ago(minutes=11))
    Delivery.objects.filter(pk=late.pk).update(next_attempt_at=ago(minutes=11))
    Delivery.objects.filter(priority=0, state="sent").update(finished_at=ago(minutes=11))
    assert is_late()


@pytest.mark.parametrize("field", ["paused_at", "cancelled_at", "approved_at"])
def test_what_waits_for_a_person_is_not_put_off(field):
    mailing = planned(minutes=60)
    mailing.deliveries.update(state="deferred", next_attempt_at=timezone.now())
    value = None if field == "approved_at" else timezone.now()
    Mailing.objects.filter(pk=mailing.pk).update(**{field: value})
    assert (updates().deferred, updates().oldest_deferred_seconds) == (0, 0)
    assert not is_late()


def test_the_desk_says_what_it_may_be(client):
    planned(minutes=60)
    Delivery.objects.update(
        state="deferred", next_attempt_at=timezone.now() + datetime.timedelta(hours=4)
    )
    client.force_login(UserFactory(group="Staff"))
    assert "puts off what it is given" in client.get(reverse("admin:index")).text


# --- the log --------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("answer", ["550 5.7.1 sender not allowed", "451 4.7.1 not now"])
def test_a_sender_that_is_refused_is_logged_once_without_an_address(
    smtp_sink, caplog, answer, at_once
):
    smtp_sink.takes_commands_at_once = at_once
    smtp_sink.mail_answer = answer
    planned(minutes=1)
    assert deliver_everything_due() == 0
    (record,) = [one for one in caplog.records if one.name == REFUSALS]
    assert record.levelno == logging.ERROR
    assert answer[:3] in record.message
    assert "@" not in record.message


def test_a_recipient_that_is_refused_is_not_logged(smtp_sink, caplog):
    mailing = planned(minutes=1)
    smtp_sink.rcpt_answers[mailing.deliveries.first().address] = "550 5.1.1 unknown"
    smtp_sink.closes_after = 2
    deliver_everything_due()
    assert [one for one in caplog.records if one.name == REFUSALS] == []
