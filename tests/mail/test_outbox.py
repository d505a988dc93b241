"""Planning, the rules in the database, what changes meanwhile, and workers."""

import datetime

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from portal.mail.models import Consent, Delivery, Mailing, Subscriber, Suppression
from portal.mail.outbox import claim_deliveries, recover_dead_workers, start_delivery
from portal.mail.services import plan_personal_mail, was_told
from portal.mail.streams import get_stream
from portal.mail.worker import deliver_everything_due, sign_of_life
from tests.factories import SubscriberFactory
from tests.fixtures_mail import wait_until
from tests.mail.planning import STREAM, leave, plan, states

pytestmark = pytest.mark.django_db


# --- planning -------------------------------------------------------------------------------------


def test_planning_costs_the_same_for_one_and_for_three(django_assert_num_queries):
    SubscriberFactory()
    plan("article:0")  # the site's settings are remembered
    with django_assert_num_queries(6):  # savepoint and its release included
        assert plan("article:1").candidate_count == 1
    SubscriberFactory.create_batch(2)
    with django_assert_num_queries(6):
        assert plan("article:2").candidate_count == 3


def test_nobody_is_planned_who_did_not_ask_confirm_or_has_left():
    wanted = SubscriberFactory()
    SubscriberFactory(consent=False)
    SubscriberFactory(confirmed_at=None)
    leave(SubscriberFactory())
    mailing = plan()
    assert states(mailing) == {wanted.email: "pending"}
    assert (mailing.candidate_count, mailing.excluded_count) == (1, 0)


def test_a_suppressed_address_is_left_out_and_counted():
    SubscriberFactory(email="Gone@hospital.example")
    back = SubscriberFactory(email="back@hospital.example")
    past = timezone.now() - datetime.timedelta(days=1)
    Suppression.objects.create(address="gone@hospital.example", reason="bounce")
    Suppression.objects.create(address=back.email, reason="bounce", expires_at=past)
    mailing = plan()
    assert states(mailing) == {back.email: "pending"}
    assert (mailing.candidate_count, mailing.excluded_count) == (1, 1)


def test_the_same_thing_is_planned_once():
    subscriber = SubscriberFactory()
    assert plan("article:1") is not None
    assert plan("article:1") is None
    digest = plan("digest:2026-W48", item_keys=["article:1"])
    assert (digest.candidate_count, digest.excluded_count) == (0, 1)
    assert was_told(subscriber, "article:1")
    assert Delivery.objects.count() == 1


def test_a_publication_that_fails_plans_nothing():
    SubscriberFactory()

    def publish():
        plan()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        transaction.atomic(publish)()
    assert (Mailing.objects.count(), Delivery.objects.count()) == (0, 0)


# --- the rules in the database --------------------------------------------------------------------


@pytest.mark.parametrize(
    "email",
    [
        "a@b.example\r\nBcc: c@d.example",
        "a b@c.example",
        "ä@b.example",
        "a@b@c.example",
        "ab",
        "@b",
    ],
)
def test_no_row_holds_an_address_that_could_end_a_header(email):
    with pytest.raises(IntegrityError, match="mail_subscriber_email_ascii"), transaction.atomic():
        Subscriber.objects.create(email=email)


def test_one_subscriber_per_address_whatever_its_case():
    SubscriberFactory(email="a@hospital.example")
    with pytest.raises(IntegrityError), transaction.atomic():
        SubscriberFactory(email="A@Hospital.Example")
    assert Subscriber.objects.with_address("A@hospital.EXAMPLE").count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"state": "lost"},
        {"state": "claimed"},
        {"state": "sent"},
        {"state": "sent", "finished_at": timezone.now()},
        {"finished_at": timezone.now()},
    ],
)
def test_no_row_is_in_a_state_that_does_not_exist(change):
    SubscriberFactory()
    mailing = plan()
    with pytest.raises(IntegrityError), transaction.atomic():
        mailing.deliveries.update(**change)


def test_consents_are_only_ever_added():
    consent = SubscriberFactory().consents.get()
    with pytest.raises(Exception, match="Cannot update or delete"), transaction.atomic():
        Consent.objects.filter(pk=consent.pk).update(is_granted=False)
    with pytest.raises(Exception, match="Cannot update or delete"), transaction.atomic():
        Consent.objects.filter(pk=consent.pk).delete()


def test_a_subject_stays_on_one_line():
    assert plan(subject="One\r\nBcc: two@b.example").subject == "One Bcc: two@b.example"


# --- what changes between planning and sending ----------------------------------------------------


def test_who_leaves_before_the_sending_gets_nothing(smtp_sink):
    gone, there = SubscriberFactory.create_batch(2)
    mailing = plan()
    leave(gone)
    assert deliver_everything_due() == 1
    assert states(mailing) == {gone.email: "skipped", there.email: "sent"}
    assert mailing.deliveries.get(address=gone.email).reason == "opted_out"
    assert smtp_sink.addresses == [there.email]


def test_who_leaves_after_the_claim_gets_nothing():
    subscriber = SubscriberFactory()
    mailing = plan()
    with sign_of_life() as worker:
        (delivery,) = claim_deliveries(worker=worker, limit=10)
        leave(subscriber)
        assert not start_delivery(delivery, worker=worker, stream=get_stream(STREAM))
    assert states(mailing) == {subscriber.email: "skipped"}


def test_an_address_suppressed_meanwhile_is_skipped(smtp_sink):
    subscriber = SubscriberFactory()
    mailing = plan()
    Suppression.objects.create(address=subscriber.email.upper(), reason="request")
    assert deliver_everything_due() == 0
    assert mailing.deliveries.get().reason == "suppressed"


def test_paused_waits_and_cancelled_is_skipped(smtp_sink):
    SubscriberFactory()
    paused, cancelled = plan("article:1"), plan("article:2")
    Mailing.objects.filter(pk=paused.pk).update(paused_at=timezone.now())
    Mailing.objects.filter(pk=cancelled.pk).update(cancelled_at=timezone.now())
    assert deliver_everything_due() == 0
    assert paused.deliveries.get().state == "pending"
    assert cancelled.deliveries.get().reason == "cancelled"
    Mailing.objects.filter(pk=paused.pk).update(paused_at=None)
    assert deliver_everything_due() == 1


def test_pausing_after_the_claim_gives_the_row_back():
    SubscriberFactory()
    mailing = plan()
    with sign_of_life() as worker:
        (delivery,) = claim_deliveries(worker=worker, limit=10)
        Mailing.objects.update(paused_at=timezone.now())
        assert not start_delivery(delivery, worker=worker, stream=get_stream(STREAM))
    delivery = mailing.deliveries.get()
    assert (delivery.state, delivery.worker) == ("pending", None)


def test_transactional_mail_goes_first_and_whatever_the_person_opted_out_of(smtp_sink):
    reader = SubscriberFactory()
    plan()
    stranger = SubscriberFactory(confirmed_at=None, consent=False)
    Suppression.objects.create(address=stranger.email, reason="complaint")
    plan_personal_mail(
        key="confirm:1", subscriber=stranger, subject="Confirm", html="<p>Yes?</p>", text="Yes?"
    )
    assert deliver_everything_due() == 2
    assert smtp_sink.addresses == [stranger.email, reader.email]
    message = smtp_sink.received[0].message
    assert message["From"] == "Lymphoma Education Hub <accounts@testserver>"
    assert message["List-Unsubscribe"] is None
    assert message["Precedence"] is None


# --- workers --------------------------------------------------------------------------------------


def test_what_a_dead_worker_held_is_settled():
    first, second = SubscriberFactory.create_batch(2)
    mailing = plan()
    stream = get_stream(STREAM)
    with sign_of_life() as worker:
        claimed = claim_deliveries(worker=worker, limit=10)
        start_delivery(claimed[0], worker=worker, stream=stream)
        recover_dead_workers()
        assert states(mailing) == {first.email: "in_flight", second.email: "claimed"}
    wait_until(lambda: holders(worker) is None, what="the end of the lock")
    recover_dead_workers()
    assert states(mailing) == {first.email: "unknown", second.email: "pending"}


def holders(worker):
    """Return the process ids of the server's sessions that hold the worker's lock, or None."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND (classid::bigint << 32) | objid::bigint = %s",
            [worker],
        )
        return cursor.fetchone()[0]


def test_a_worker_that_only_seemed_dead_sends_nothing_that_another_may_send():
    subscriber = SubscriberFactory()
    plan()
    with sign_of_life() as worker:
        (delivery,) = claim_deliveries(worker=worker, limit=10)
    wait_until(lambda: holders(worker) is None, what="the end of the lock")
    recover_dead_workers()
    assert not start_delivery(delivery, worker=worker, stream=get_stream(STREAM))
    with sign_of_life() as other:
        assert [d.address for d in claim_deliveries(worker=other, limit=10)] == [subscriber.email]


def test_nothing_is_sent_while_the_clocks_differ(smtp_sink):
    SubscriberFactory()
    mailing = plan()
    with time_machine.travel(timezone.now() + datetime.timedelta(seconds=90)):
        assert deliver_everything_due() == 0
    assert mailing.deliveries.get().state == "pending"
    with time_machine.travel(timezone.now() + datetime.timedelta(seconds=30)):
        assert deliver_everything_due() == 1


def test_the_lock_is_held_on_a_connection_of_its_own():
    with sign_of_life() as worker, connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = holders(worker)
        assert pid != cursor.fetchone()[0]
    # The server lets go of the lock when it has noticed the end of the connection.
    wait_until(lambda: holders(worker) is None, what="the end of the lock")
