"""The counts of deliveries: always true, whatever changes and by whichever path."""

import datetime
import threading

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

from portal.mail.models import Delivery, DeliveryCount, Mailing
from portal.mail.outbox import claim_deliveries, recover_dead_workers, start_delivery
from portal.mail.progress import counts_differ, progress_of
from portal.mail.reconcile import Finding, settle
from portal.mail.streams import get_stream
from portal.mail.worker import deliver_everything_due, sign_of_life
from tests.factories import SubscriberFactory
from tests.mail.planning import STREAM, plan

State = Delivery.State


def progress(mailing):
    found = progress_of([mailing.pk])[mailing.pk]
    mailing.refresh_from_db()
    assert found.candidates == mailing.candidate_count
    assert found.candidates == sum(
        (found.sent, found.failed, found.skipped, found.unknown, found.open)
    )
    assert counts_differ() == set()
    return {outcome: n for outcome, n in found.counts.items() if n}


def in_flight(mailing, worker):
    """Set a claimed delivery in flight; return it."""
    delivery = mailing.deliveries.filter(state=State.CLAIMED).select_related("subscriber").first()
    assert start_delivery(delivery, worker=worker, stream=get_stream(STREAM))
    return delivery


@pytest.mark.django_db
def test_the_sum_adds_up_after_every_kind_of_change(smtp_sink):
    refused, deferred, *_others = SubscriberFactory.create_batch(6)
    mailing = plan()
    assert progress(mailing) == {"open": 6}
    with sign_of_life() as worker:
        claim_deliveries(worker=worker, limit=3)
        assert progress(mailing) == {"open": 6}
        in_flight(mailing, worker)
        assert progress(mailing) == {"open": 6}
    # Nobody holds the lock any more: the worker counts as dead.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [worker])
    recover_dead_workers()
    assert progress(mailing) == {"open": 5, "unknown": 1}
    assert settle(mailing.deliveries.all(), Finding.SEND_AGAIN, resolution="hand") == 1
    assert progress(mailing) == {"open": 6}
    smtp_sink.rcpt_answers |= {
        refused.email: "550 5.1.1 no such user",
        deferred.email: "450 4.2.0 greylisted",
    }
    assert deliver_everything_due() == 4
    assert progress(mailing) == {"open": 1, "sent": 4, "failed": 1}
    Mailing.objects.filter(pk=mailing.pk).update(cancelled_at=timezone.now())
    deliver_everything_due()
    assert progress(mailing) == {"skipped": 1, "sent": 4, "failed": 1}


@pytest.mark.django_db
def test_what_is_deleted_or_moved_is_counted_where_it_is():
    SubscriberFactory.create_batch(3)
    first, second = plan("article:1"), plan("article:2")
    second.deliveries.all().delete()
    assert counts_differ() == set()
    assert progress_of([second.pk])[second.pk].candidates == 0
    first.deliveries.filter(pk=first.deliveries.first().pk).update(mailing=second)
    assert counts_differ() == set()
    assert {pk: found.open for pk, found in progress_of([first.pk, second.pk]).items()} == {
        first.pk: 2,
        second.pk: 1,
    }


@pytest.mark.django_db
def test_what_is_rolled_back_is_not_counted():
    SubscriberFactory()
    mailing = plan()

    def cancel():
        mailing.deliveries.update(state=State.SKIPPED, finished_at=timezone.now())
        assert progress(mailing) == {"skipped": 1}
        raise RuntimeError

    with pytest.raises(RuntimeError):
        transaction.atomic(cancel)()
    assert progress(mailing) == {"open": 1}


@pytest.mark.django_db
def test_a_claim_writes_no_count(django_assert_num_queries):
    SubscriberFactory.create_batch(2)
    plan()
    written = list(DeliveryCount.objects.order_by("pk").values_list("pk", "n", "shard"))
    versions = "SELECT array_agg(xmin::text || ctid::text ORDER BY id) FROM mail_deliverycount"
    with connection.cursor() as cursor:
        cursor.execute(versions)
        before = cursor.fetchone()
        with sign_of_life() as worker:
            (delivery, _other) = claim_deliveries(worker=worker, limit=2)
            assert start_delivery(delivery, worker=worker, stream=get_stream(STREAM))
        cursor.execute(versions)
        assert cursor.fetchone() == before
    assert list(DeliveryCount.objects.order_by("pk").values_list("pk", "n", "shard")) == written


@pytest.mark.django_db
def test_a_wrong_count_is_found():
    SubscriberFactory()
    mailing = plan()
    DeliveryCount.objects.filter(mailing=mailing).update(n=2)
    assert counts_differ() == {mailing.pk}


@pytest.mark.django_db(transaction=True)
def test_two_connections_at_once_count_once_each():
    """Many short transactions of several sessions, some of them rolled back."""
    SubscriberFactory.create_batch(40)
    mailings = [plan("article:1"), plan("article:2")]
    keys = [list(mailing.deliveries.values_list("pk", flat=True)) for mailing in mailings]
    errors = []

    def finish(number):
        try:
            for pks in keys:
                for place, pk in enumerate(pks[number::4]):
                    with transaction.atomic():
                        Delivery.objects.filter(pk=pk).update(
                            state=State.SKIPPED, finished_at=timezone.now()
                        )
                        transaction.set_rollback(place % 3 == 0)
        except Exception as error:  # noqa: BLE001 - told to the test
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=finish, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    # 10 of each thread, of which the first, fourth, seventh and tenth were rolled back.
    for mailing in mailings:
        assert progress(mailing) == {"open": 16, "skipped": 24}


@pytest.mark.django_db
def test_progress_costs_two_queries(django_assert_num_queries):
    SubscriberFactory()
    mailings = [plan("article:1"), plan("article:2")]
    with django_assert_num_queries(2):
        found = progress_of([mailing.pk for mailing in mailings])
    assert [found[mailing.pk].open for mailing in mailings] == [1, 1]


@pytest.mark.django_db
def test_the_rate_is_that_of_the_last_minutes():
    SubscriberFactory.create_batch(12)
    mailing = plan()
    now = timezone.now()

    def send(count, ago):
        waiting = mailing.deliveries.filter(state=State.PENDING).values("pk")[:count]
        Delivery.objects.filter(pk__in=waiting).update(
            state=State.SENT, started_at=now, attempts=1, finished_at=now - ago
        )

    with time_machine.travel(now, tick=False):
        send(4, datetime.timedelta(minutes=6))
        assert progress_of([mailing.pk])[mailing.pk].per_minute == 0
        assert progress_of([mailing.pk])[mailing.pk].time_left is None
        send(2, datetime.timedelta(minutes=2))
        assert progress_of([mailing.pk])[mailing.pk].per_minute == pytest.approx(1)
        send(2, datetime.timedelta(seconds=1))
        found = progress_of([mailing.pk])[mailing.pk]
        assert found.per_minute == pytest.approx(2)
        assert found.time_left == datetime.timedelta(minutes=2)


@pytest.mark.django_db
def test_a_fast_mailing_is_known_by_its_last_messages(monkeypatch):
    monkeypatch.setattr("portal.mail.progress.RATE_SAMPLE", 3)
    SubscriberFactory.create_batch(5)
    mailing = plan()
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        for place, delivery in enumerate(mailing.deliveries.all()):
            ago = datetime.timedelta(seconds=2 * place)
            Delivery.objects.filter(pk=delivery.pk).update(
                state=State.SENT, started_at=now, attempts=1, finished_at=now - ago
            )
        # Three in four seconds.
        assert progress_of([mailing.pk])[mailing.pk].per_minute == pytest.approx(45)
