"""What is tried once by `make test` and with many seeds by `make soak`."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import redis
from django.db import connection

from portal.mail.models import Delivery, Mailing, Suppression
from tests.fixtures_mail import wait_until

from .harness import RECOVERY, World, ports_of
from .holds import HOLDS
from .sink import HangUpError, Line, Stage

POINTS: list[Stage | str] = [
    *HOLDS,
    *(stage for stage in Stage if stage is not Stage.CONNECT),
]


def kill_at_point(world: World, point: Stage | str, dice: random.Random, *, workers: int) -> None:
    """Kill one worker there, start another, and look at what has become of everything."""
    # More than one batch, so that all of several workers have something to do.
    count = 8 if workers == 1 else 110 * workers
    after = dice.randrange(5)
    # Only the beginning of a large message fits into what is between the two.
    is_narrow = point is Stage.BODY and workers == 1
    if is_narrow:
        world.sink.stop()
        world.sink.start(is_narrow=True)
    world.plan(count, size=90_000 * is_narrow)
    with world.kill_at(point, after=after) as wait_until_killed:
        world.start_workers(workers)
        wait_until_killed()
    if is_narrow:
        world.sink.stop()
        world.sink.start()
    world.start_workers()
    world.assert_sound()
    world.stop_workers()


def kill_at_random_moments(world: World, dice: random.Random, *, workers: int, kills: int) -> None:
    """Kill workers, now one and now all, while a mailing is being sent."""
    delay = dice.choice([0, 0, 0.002, 0.01])

    def be_slow(line: Line) -> None:
        time.sleep(dice.random() * delay)

    world.sink.on = dict.fromkeys([Stage.MAIL, Stage.DOT, Stage.ACCEPTED], be_slow)
    mailing = world.plan(20 * kills if workers == 1 else 90 * workers)
    world.start_workers(workers)
    for _ in range(kills):
        time.sleep(dice.random() * 0.3)
        if not Delivery.objects.filter(mailing=mailing, state__in=Delivery.OPEN).exists():
            # To kill who has nothing to do shows nothing.
            mailing = world.plan(20 * kills if workers == 1 else 90 * workers)
        world.random_moments += 1
        doomed = list(world.workers) if dice.random() < 0.2 else [dice.choice(world.workers)]
        for pid in doomed:
            world.kill(pid)
        world.start_workers(len(doomed))
    world.assert_sound()
    assert not Delivery.objects.filter(state__in=Delivery.OPEN).exists()
    world.sink.on.clear()
    world.stop_workers()


# --- the mail server ------------------------------------------------------------------------------


def hang_up(line: Line) -> None:
    raise HangUpError


def answer(text: str) -> Callable[[Line], str]:
    return lambda line: text


def _deliver_all(world: World) -> None:
    """Have everything sent, also what was put off."""
    world.settle()
    world.make_due()
    world.assert_sound()
    world.stop_workers()


def relay_is_down(world: World) -> None:
    world.sink.stop()
    mailing = world.plan()
    world.start_workers(2)
    wait_until(lambda: "not available" in world.new_log(), 20, "an attempt")
    assert not world.seen_of(mailing)
    assert world.states_of(mailing).keys() <= {"pending", "claimed"}
    world.sink.start()
    _deliver_all(world)
    assert world.states_of(mailing) == {"sent": 8}


def relay_goes_away(world: World) -> None:
    """Between two commands: nothing is ambiguous."""

    def go(line: Line) -> None:
        threading.Thread(target=world.sink.stop).start()
        raise HangUpError

    mailing = world.plan()
    world.start_workers()
    with world.at(Stage.RCPT, go, after=3) as gone:
        wait_until(lambda: gone, 20, "the mail server's end")
    time.sleep(0.5)
    world.sink.start()
    _deliver_all(world)
    assert world.states_of(mailing) == {"sent": 8}


def relay_is_slow(world: World) -> None:
    """Slow, but within our patience."""
    mailing = world.plan()
    slow = dict.fromkeys([Stage.CONNECT, Stage.MAIL, Stage.DOT], lambda line: time.sleep(0.15))
    world.sink.on = slow
    world.start_workers(2)
    world.assert_sound()
    world.sink.on.clear()
    assert world.states_of(mailing) == {"sent": 8}


def relay_says_421(world: World) -> None:
    """At each step once: "I close the connection", nothing was accepted."""
    mailing = world.plan(10)
    world.start_workers()
    for stage in (Stage.CONNECT, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT):
        # Not the first message of a connection, or the run ends; a later one begins a new one.
        with world.at(stage, answer("421 4.3.2 shutting down")) as done:
            world.make_due()
            world.plan(1)
            wait_until(lambda done=done: done, 20, f"421 at {stage}")
            world.settle()
    _deliver_all(world)
    assert world.states_of(mailing) == {"sent": 10}


def relay_says_450(world: World) -> None:
    mailing = world.plan()
    with world.at(Stage.RCPT, answer("450 4.2.1 come back later"), after=2, times=3) as done:
        world.start_workers()
        world.settle()
        assert len(done) == 3
        assert world.states_of(mailing) == {"sent": 5, "deferred": 3}
        world.assert_sound()
    with world.at(Stage.DOT, answer("451 4.3.0 come back later")):
        world.make_due()
        world.settle()
        assert world.states_of(mailing) == {"sent": 7, "deferred": 1}
    _deliver_all(world)
    assert world.states_of(mailing) == {"sent": 8}


def relay_says_550(world: World) -> None:
    mailing = world.plan()
    with (
        # Not about the mailbox, which the next scenarios use again.
        world.at(Stage.RCPT, answer("550 5.7.1 we do not like you"), after=1),
        world.at(Stage.DOT, answer("554 5.6.0 we do not like it"), after=3),
    ):
        world.start_workers()
        world.assert_sound()
    assert world.states_of(mailing) == {"sent": 6, "failed": 2}
    # The next scenario writes to the same readers.
    Suppression.objects.all().delete()


def relay_stalls_after_the_dot(world: World) -> None:
    """Longer than our patience, and then it has accepted the message."""
    mailing = world.plan()
    is_over = threading.Event()
    with world.at(Stage.ACCEPTED, lambda line: is_over.wait(30) and None, after=2) as done:
        world.start_workers()
        wait_until(lambda: world.states_of(mailing).get("unknown"), 30, "the end of our patience")
        is_over.set()
        world.unknown += len(done)
        _deliver_all(world)
    assert world.states_of(mailing) == {"sent": 7, "unknown": 1}


def relay_closes_before_250(world: World) -> None:
    """One message had been accepted, another had not: nobody can tell which is which."""
    mailing = world.plan()
    with (
        world.at(Stage.ACCEPTED, hang_up, after=2) as accepted,
        world.at(Stage.DOT, hang_up, after=5) as lost,
    ):
        world.start_workers()
        world.settle()
    world.unknown += len(accepted) + len(lost)
    _deliver_all(world)
    assert world.states_of(mailing) == {"sent": 6, "unknown": 2}
    assert len(world.seen_of(mailing)) == 7


def relay_closes_after_250(world: World) -> None:
    """After each message: its answer counts, and the next one gets a connection of its own."""
    mailing = world.plan()
    with world.at(Stage.ANSWERED, hang_up, times=1000):
        world.start_workers()
        for _ in range(12):
            world.settle()
            world.make_due()
        world.assert_sound()
    _deliver_all(world)
    assert world.states_of(mailing) == {"sent": 8}


RELAY_FAULTS = [
    relay_is_down,
    relay_goes_away,
    relay_is_slow,
    relay_says_421,
    relay_says_450,
    relay_says_550,
    relay_stalls_after_the_dot,
    relay_closes_before_250,
    relay_closes_after_250,
]


# --- Redis and PostgreSQL -------------------------------------------------------------------------


@contextmanager
def _in_the_middle(world: World, count: int = 20) -> Iterator[Mailing]:
    """Run the block while a mailing is being sent; then have all of it sent."""
    world.sink.on[Stage.DOT] = lambda line: time.sleep(0.02)
    mailing = world.plan(count)
    wait_until(lambda: len(world.seen_of(mailing)) > 2, RECOVERY, "the first messages")
    yield mailing
    world.assert_sound()
    world.sink.on.clear()


def redis_is_flushed(world: World) -> None:
    with redis.from_url(world.redis_url) as client, _in_the_middle(world) as mailing:
        for _ in range(10):
            client.flushall()
            time.sleep(0.1)
    assert world.states_of(mailing) == {"sent": 20}


def redis_is_stopped(world: World) -> None:
    """And what is planned meanwhile is found when it is back."""
    with _in_the_middle(world) as mailing:
        world.cluster.redis.stop()
        meanwhile = world.plan()
        time.sleep(2)
        world.cluster.redis.start()
    assert world.states_of(mailing, meanwhile) == {"sent": 28}


def redis_is_restarted(world: World) -> None:
    with _in_the_middle(world) as mailing:
        world.cluster.redis.stop()
        world.cluster.redis.start()
    assert world.states_of(mailing) == {"sent": 20}


def redis_is_a_black_hole(world: World) -> None:
    """It accepts connections and never answers."""
    with _in_the_middle(world) as mailing:
        pid = world.cluster.redis.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        meanwhile = world.plan()
        time.sleep(4)
        os.kill(pid, signal.SIGCONT)
    assert world.states_of(mailing, meanwhile) == {"sent": 28}


def postgres_is_stopped_at_once(world: World) -> None:
    """All connections break, those in a COMMIT, too; a worker that has its 250 may record it."""
    world.start_workers(2)
    with _in_the_middle(world):
        world.cluster.postgres.stop()
        connection.close()
        time.sleep(0.5)
        world.cluster.postgres.start()
        world.unknown += len(world.workers) + len(world.celery)
    world.stop_workers()


SERVICE_FAULTS = [
    redis_is_flushed,
    redis_is_stopped,
    redis_is_restarted,
    redis_is_a_black_hole,
    postgres_is_stopped_at_once,
]


# --- a worker that stands still -------------------------------------------------------------------


def answered_meanwhile(world: World, pid: int, line: Line) -> None:
    """The 250 comes while nobody listens."""


def given_up_meanwhile(world: World, pid: int, line: Line) -> None:
    """The message is accepted, and the mail server's patience ends before anybody listens."""
    raise HangUpError


def taken_for_dead(world: World, pid: int, line: Line) -> None:
    """Its connections to the database end, as by a firewall: the others settle its rows."""
    with psycopg.connect(world.url, autocommit=True) as own:
        own.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_port = ANY(%s)",
            [list(ports_of(pid))],
        )


STOPS = [answered_meanwhile, given_up_meanwhile, taken_for_dead]


def stop_and_go_on(world: World, meanwhile: Callable[[World, int, Line], None]) -> None:
    stopped: list[int] = []

    def stop(line: Line) -> None:
        pid = world.pid_of(line.port)
        os.kill(pid, signal.SIGSTOP)
        stopped.append(pid)
        meanwhile(world, pid, line)

    mailing = world.plan()
    # A message that it had begun may be unknown, whoever broke the connection.
    world.unknown += meanwhile is not answered_meanwhile
    with world.at(Stage.ACCEPTED, stop, after=2):
        world.start_workers()
        wait_until(lambda: stopped, 20, "the stop")
        world.start_workers()
        other = world.plan()
        # The others' work goes on; the worker is stopped for longer than all its time-outs.
        wait_until(lambda: world.states_of(other) == {"sent": 8}, 30, "the other mailing")
        time.sleep(world.email_timeout * 1.5)
        if meanwhile is not taken_for_dead:
            # It is alive as long as it holds its lock: nobody touches what it has taken.
            assert world.states_of(mailing) == {"sent": 2, "in_flight": 1, "claimed": 5}
        else:
            wait_until(lambda: "claimed" not in world.states_of(mailing), 30, "the settling")
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        world.assert_sound()
    time.sleep(0.5)
    world.assert_sound()
    assert world.states_of(mailing).keys() <= {"sent", "unknown"}
    world.stop_workers()
