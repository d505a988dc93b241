"""The statement that starts a message, as PostgreSQL takes it; rows of a worker that is gone."""

import logging

import pytest
from django.db import connection, transaction

from portal.mail.models import Delivery
from portal.mail.outbox import (
    by_index,
    claim_deliveries,
    recover_dead_workers,
    release_claims,
    start_delivery,
)
from portal.mail.streams import get_stream
from portal.mail.worker import sign_of_life
from tests.factories import SubscriberFactory
from tests.fixtures_mail import wait_until
from tests.mail.planning import STREAM, State, plan


@pytest.fixture
def claimed():
    """A worker's number that no worker has any more, and three rows that it has claimed."""
    SubscriberFactory.create_batch(3)
    plan()
    with sign_of_life() as worker:
        deliveries = claim_deliveries(worker=worker, limit=10)
    return worker, deliveries


def start(worker, delivery):
    return start_delivery(delivery, worker=worker, stream=get_stream(STREAM))


@pytest.mark.django_db(transaction=True)
def test_a_message_is_not_started_as_the_first_of_a_transaction(claimed):
    """It would be committed at once, whatever becomes of the transaction."""
    worker, (first, second, _third) = claimed
    with pytest.raises(transaction.TransactionManagementError), transaction.atomic():
        start(worker, first)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"claimed"}
    with transaction.atomic():
        assert Delivery.objects.exists()
        assert start(worker, second)
        transaction.set_rollback(True)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"claimed"}
    assert start(worker, first)


@pytest.mark.django_db
def test_a_message_is_not_planned_for_its_own(claimed):
    worker, deliveries = claimed
    statement = "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements"
    with by_index(), connection.cursor() as cursor:
        cursor.execute(statement)
        before = [count or 0 for count in cursor.fetchone()]
        assert all(start(worker, delivery) for delivery in deliveries)
        cursor.execute(statement)
        after = cursor.fetchone()
        cursor.execute("SHOW plan_cache_mode")
        assert cursor.fetchone() == ("force_generic_plan",)
    assert (after[0] - before[0], after[1] - before[1]) == (3, 0)
    with connection.cursor() as cursor:
        cursor.execute("SHOW plan_cache_mode")
        assert cursor.fetchone() == ("auto",)


def warnings_of(caplog):
    return [one.message for one in caplog.records if one.levelno >= logging.WARNING]


@pytest.mark.django_db
def test_a_worker_that_has_just_ended_is_not_said_to_have_died(claimed, caplog):
    worker, _deliveries = claimed

    def end_first(execute, sql, *arguments):
        if "pg_try_advisory_xact_lock" in sql:
            release_claims(worker=worker)
        return execute(sql, *arguments)

    with connection.execute_wrapper(end_first):
        wait_until(lambda: recover_dead_workers() or is_settled(), 10, "the lock's release")
    assert warnings_of(caplog) == []


@pytest.mark.django_db
def test_a_worker_that_has_died_is_said_to_have(claimed, caplog):
    worker, (first, *_others) = claimed
    assert start(worker, first)
    wait_until(lambda: recover_dead_workers() or is_settled(), 10, "the lock's release")
    assert warnings_of(caplog) == ["A mail worker died; 1 deliveries are unknown"]


def is_settled():
    return not Delivery.objects.filter(state__in=[State.CLAIMED, State.IN_FLIGHT]).exists()
