"""The last look before a message goes out: is it still ours, still wanted, still in time?"""

import datetime
import threading

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

from portal.mail.models import Delivery, Mailing, Sending, Subscriber, Suppression
from portal.mail.outbox import Accepted, claim_deliveries, start_delivery
from portal.mail.relay import Answer, Verdict
from portal.mail.services import plan_personal_mail
from portal.mail.streams import TRANSACTIONAL, get_stream
from portal.mail.worker import deliver_everything_due, sign_of_life
from tests.factories import SubscriberFactory
from tests.fixtures_mail import wait_until
from tests.mail.planning import STREAM, leave, plan, states

State = Delivery.State


def start(change, *, stream=STREAM):
    """Claim the one delivery, make ``change``, and try to start it; return it as it then is."""
    with sign_of_life() as worker:
        (delivery,) = claim_deliveries(worker=worker, limit=10)
        change()
        is_ready = start_delivery(delivery, worker=worker, stream=get_stream(stream))
    delivery.refresh_from_db()
    assert is_ready == (delivery.state == State.IN_FLIGHT)
    return delivery


def change_mailing(**fields):
    return lambda: Mailing.objects.update(**fields)


MOMENT = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
LATER = datetime.timedelta(days=1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        (lambda: None, "in_flight", ""),
        (change_mailing(paused_at=MOMENT), "pending", ""),
        (change_mailing(approved_at=None), "pending", ""),
        (change_mailing(cancelled_at=MOMENT), "skipped", "cancelled"),
        (change_mailing(deadline_at=MOMENT), "failed", "too_late"),
        (lambda: leave(Subscriber.objects.get()), "skipped", "opted_out"),
        (lambda: Subscriber.objects.update(confirmed_at=None), "skipped", "opted_out"),
        (
            lambda: Subscriber.objects.update(paused_until=datetime.date(2200, 1, 1)),
            "skipped",
            "paused",
        ),
        (
            lambda: Sending.objects.update_or_create(
                pk=1, defaults={"paused_at": MOMENT, "pause_reason": "operator"}
            ),
            "pending",
            "",
        ),
    ],
)
def test_what_changes_after_the_claim_takes_effect(change, state, reason):
    SubscriberFactory()
    plan()
    delivery = start(change)
    assert (delivery.state, delivery.reason) == (state, reason)
    assert delivery.attempts == (state == "in_flight")
    assert (delivery.worker is None) == (state == "pending")


@pytest.mark.django_db
@pytest.mark.parametrize(("expires", "state"), [(None, "skipped"), (-LATER, "in_flight")])
def test_a_suppression_counts_as_long_as_it_lasts(expires, state):
    SubscriberFactory(email="reader@hospital.example")
    plan()
    until = expires and timezone.now() + expires

    def suppress():
        Suppression.objects.create(
            address="Reader@hospital.example", reason="request", expires_at=until
        )

    assert start(suppress).state == state


@pytest.mark.django_db
def test_a_paused_mailing_does_not_skip_whose_pause_may_be_over_by_then():
    SubscriberFactory()
    plan()

    def pause_both():
        Mailing.objects.update(paused_at=timezone.now())
        Subscriber.objects.update(paused_until=datetime.date(2200, 1, 1))

    assert start(pause_both).state == "pending"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "state"),
    [
        # At 12:00 in London it is the 2nd of March in Auckland, where the pause is over.
        ("Pacific/Auckland", "in_flight"),
        ("Pacific/Honolulu", "skipped"),
        ("", "skipped"),
        ("Nowhere/At_All", "skipped"),
    ],
)
def test_a_pause_ends_on_the_subscribers_own_day(zone, state):
    with time_machine.travel(MOMENT, tick=False):
        SubscriberFactory(time_zone=zone, paused_until=datetime.date(2026, 3, 2))
        plan()
        assert start(lambda: None).state == state


@pytest.mark.django_db
def test_a_paused_subscriber_still_gets_account_mail(smtp_sink):
    reader = SubscriberFactory(paused_until=datetime.date(2200, 1, 1))
    mailing = plan()
    plan_personal_mail(
        key="confirm:1", subscriber=reader, subject="Confirm", html="<p>Yes?</p>", text="Yes?"
    )
    assert deliver_everything_due() == 1
    (message,) = smtp_sink.received
    assert message.message["Subject"] == "Confirm"
    assert mailing.deliveries.get().reason == "paused"


@pytest.mark.django_db
def test_account_mail_needs_neither_consent_nor_an_address_that_is_not_suppressed():
    reader = SubscriberFactory(confirmed_at=None, consent=False)
    Suppression.objects.create(address=reader.email, reason="complaint")
    plan_personal_mail(
        key="confirm:1", subscriber=reader, subject="Confirm", html="<p>Yes?</p>", text="Yes?"
    )
    assert start(lambda: None, stream=TRANSACTIONAL.key).state == "in_flight"


@pytest.mark.django_db
def test_an_opt_out_while_sending_takes_effect_with_the_next_message(smtp_sink):
    """The second reader leaves while the first one's message is with the mail server."""
    first, second, third = SubscriberFactory.create_batch(3)
    mailing = plan()
    smtp_sink.delay = 0.3

    # The test's own transaction is the worker's: the opt-out comes between two statements.
    original, begun = Subscriber.local_date, []

    def leave_first(subscriber, moment):
        if subscriber.pk == second.pk and not begun:
            begun.append(len(smtp_sink.received))
            leave(second)
        return original(subscriber, moment)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Subscriber, "local_date", leave_first)
        assert deliver_everything_due() == 2
    assert begun == [1]
    assert states(mailing) == {first.email: "sent", second.email: "skipped", third.email: "sent"}
    assert smtp_sink.addresses == [first.email, third.email]


@pytest.mark.django_db
@pytest.mark.parametrize("is_wanted", [True, False])
def test_the_last_answer_is_recorded_whatever_becomes_of_the_next_row(is_wanted):
    _first, second = SubscriberFactory.create_batch(2)
    plan()
    stream = get_stream(STREAM)
    with sign_of_life() as worker:
        one, other = claim_deliveries(worker=worker, limit=10)
        assert start_delivery(one, worker=worker, stream=stream)
        if not is_wanted:
            leave(second)
        accepted = Accepted(one.pk, Answer(Verdict.ACCEPTED, 250))
        ready = start_delivery(other, worker=worker, stream=stream, accepted=accepted)
    assert ready == is_wanted
    one.refresh_from_db()
    assert (one.state, one.smtp_code, one.attempts) == ("sent", 250, 1)
    assert one.finished_at is not None


@pytest.mark.django_db
def test_an_answer_of_a_row_that_is_not_ours_any_more_is_not_recorded():
    SubscriberFactory.create_batch(2)
    plan()
    stream = get_stream(STREAM)
    with sign_of_life() as worker:
        one, other = claim_deliveries(worker=worker, limit=10)
        assert start_delivery(one, worker=worker, stream=stream)
        # It was declared unknown, settled by hand, and is another worker's by now.
        Delivery.objects.filter(pk=one.pk).update(worker=worker + 1)
        accepted = Accepted(one.pk, Answer(Verdict.ACCEPTED, 250))
        assert start_delivery(other, worker=worker, stream=stream, accepted=accepted)
    one.refresh_from_db()
    assert one.state == "in_flight"


@pytest.mark.django_db(transaction=True)
def test_a_row_that_is_taken_away_while_we_wait_for_it_is_not_sent():
    """PostgreSQL must check the row's own conditions again after the other's commit."""
    SubscriberFactory()
    mailing = plan()
    found = []
    with sign_of_life() as worker:
        (delivery,) = claim_deliveries(worker=worker, limit=10)

        def begin():
            try:
                found.append(start_delivery(delivery, worker=worker, stream=get_stream(STREAM)))
            finally:
                connection.close()

        thread = threading.Thread(target=begin)
        with transaction.atomic():
            Delivery.objects.filter(pk=delivery.pk).update(state=State.PENDING, worker=None)
            thread.start()
            wait_until(is_somebody_waiting_for_us, what="the worker's wait for the row")
        thread.join()
    assert found == [False]
    assert mailing.deliveries.get().state == "pending"


def is_somebody_waiting_for_us():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
        )
        return cursor.fetchone()[0]
