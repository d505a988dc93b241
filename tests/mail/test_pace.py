"""A rate limit per relay, in the database, shared by all workers."""

import datetime
import threading
import time

import pytest
import time_machine
from django.db import close_old_connections, connection
from django.utils import timezone

from portal.mail.models import Delivery, RelayPace
from portal.mail.pace import BURST, HORIZON, LONGEST_WAIT, relay_name, set_pace, take_turns
from portal.mail.tasks import deliver_due_mail
from portal.mail.worker import deliver_everything_due
from tests.factories import SubscriberFactory
from tests.fixtures_mail import wait_until
from tests.mail.planning import plan

RELAY = "mail.example:25"
START = datetime.datetime(2026, 3, 3, 12, tzinfo=datetime.UTC)


def take(limit=100):
    turns = take_turns(limit=limit, relay=RELAY)
    return turns.count if turns else 0


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def exhaust():
    """Take what is to be had at this moment."""
    taken = 0
    while count := take():
        taken += count
    return taken


# --- taking turns ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_without_a_limit_a_batch_costs_one_query(django_assert_num_queries):
    with django_assert_num_queries(1):
        turns = take_turns(limit=100, relay=RELAY)
    assert (turns.count, turns.has_to_wait()) == (100, False)
    set_pace(RELAY, None)
    with django_assert_num_queries(1):
        turns = take_turns(limit=100, relay=RELAY)
        turns.wait()
        turns.give_back()
    assert turns.count == 100


@pytest.mark.django_db
def test_a_batch_of_turns_costs_two_queries(django_assert_num_queries):
    set_pace(RELAY, 600)
    with django_assert_num_queries(2):
        assert take() == 5  # half a second's worth


@pytest.mark.django_db
@pytest.mark.parametrize("per_minute", [1, 7, 60, 600, 6000])
def test_over_an_hour_no_more_than_the_rate_and_the_burst(per_minute, clock):
    """However often it is asked for: by each scan, or by workers that wait for near turns."""
    set_pace(RELAY, per_minute)
    clock.shift(datetime.timedelta(hours=1))
    ahead = per_minute * (LONGEST_WAIT + HORIZON).total_seconds() / 60 + 1
    step = 30 if per_minute < 12 else 5
    total = 0
    for seconds in range(step, 601, step):
        total += exhaust()
        clock.shift(datetime.timedelta(seconds=step))
        assert total <= per_minute * seconds / 60 + BURST + ahead
    assert total >= 0.9 * per_minute * 10


@pytest.mark.django_db
def test_a_turn_far_off_is_not_waited_for(clock):
    set_pace(RELAY, 2)
    clock.shift(datetime.timedelta(hours=1))
    assert exhaust() == BURST + 1
    assert take() == 0
    clock.shift(datetime.timedelta(seconds=30))
    assert take() == 1


@pytest.mark.django_db
def test_turns_that_were_not_used_go_to_others(clock):
    set_pace(RELAY, 600)
    turns = take_turns(limit=20, relay=RELAY)
    assert turns.count == 5
    turns.wait()
    before = RelayPace.objects.get().next_at
    turns.give_back()
    turns.give_back()
    assert before - RelayPace.objects.get().next_at == datetime.timedelta(seconds=0.4)


@pytest.mark.django_db
@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_jumps_stalls_nothing(clock, hours):
    set_pace(RELAY, 60)
    exhaust()
    clock.shift(datetime.timedelta(hours=hours))
    assert 0 < exhaust() <= BURST + 10
    clock.shift(datetime.timedelta(hours=-hours))
    assert exhaust() > 0


@pytest.mark.django_db(transaction=True)
def test_turns_are_handed_out_once():
    set_pace(RELAY, 60_000)
    before = RelayPace.objects.get().next_at
    taken = []

    def take_some():
        for _ in range(20):
            turns = take_turns(limit=5, relay=RELAY)
            taken.append((turns.first_at, turns.count))
        close_old_connections()
        connection.close()

    threads = [threading.Thread(target=take_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({at for at, _count in taken}) == 80
    assert sum(count for _at, count in taken) == 400
    moved = RelayPace.objects.get().next_at - before
    # As far as 400 turns reach, or further where the relay was idle between.
    assert moved >= datetime.timedelta(seconds=0.4) - BURST * datetime.timedelta(seconds=0.001)


# --- sending --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_run_keeps_the_pace(smtp_sink):
    SubscriberFactory.create_batch(30)
    plan()
    set_pace(relay_name(), 600)
    began = time.monotonic()
    assert deliver_everything_due() == 30
    # Each a tenth of a second after the one before.
    assert (30 - BURST - 1) * 0.1 <= time.monotonic() - began < 5


@pytest.mark.django_db
def test_at_a_low_rate_the_run_ends_and_claims_nothing(smtp_sink):
    SubscriberFactory.create_batch(3)
    mailing = plan()
    set_pace(relay_name(), 1)
    began = time.monotonic()
    assert deliver_everything_due() == 1
    assert time.monotonic() - began < 3
    assert mailing.deliveries.filter(state="pending", worker=None).count() == 2
    RelayPace.objects.update(next_at=timezone.now() - datetime.timedelta(minutes=2))
    assert deliver_everything_due() == 2


@pytest.mark.django_db(transaction=True)
def test_two_workers_together_keep_the_pace(smtp_sink, start_celery_worker):
    per_minute = 1200
    set_pace(relay_name(), per_minute)
    arrivals = []
    smtp_sink.on_message = lambda: arrivals.append(time.monotonic())
    SubscriberFactory.create_batch(120)
    start_celery_worker(has_beat=True)
    start_celery_worker(has_beat=True)
    plan()
    deliver_due_mail.delay()
    deliver_due_mail.delay()
    wait_until(lambda: Delivery.objects.filter(state="sent").count() == 120, 40, "the delivery")
    for window in (1, 2, 5):
        most = max(sum(1 for at in arrivals if start <= at < start + window) for start in arrivals)
        late = 2 * HORIZON.total_seconds()
        assert most <= per_minute / 60 * (window + late) + BURST + 1, window
    rate = (len(arrivals) - 1) / (arrivals[-1] - arrivals[0])
    assert rate > 0.7 * per_minute / 60
