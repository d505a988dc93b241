"""Real Celery workers without Redis, without PostgreSQL, with two beats, with a task twice."""

import time

import pytest
import redis

from tests.fixtures_mail import wait_until

from .harness import World
from .scenarios import SERVICE_FAULTS
from .sink import Stage


def test_a_task_delivered_four_times(world):
    """To two workers, so that at least two of the deliveries are at the same time."""
    world.sink.on[Stage.DOT] = lambda line: time.sleep(0.02)
    mailing = world.plan(30)
    with redis.from_url(world.redis_url) as broker:
        world.order("wake")
        wait_until(lambda: broker.llen(world.database) == 1, 20, "the task")
        task = broker.lindex(world.database, 0)
        broker.lpush(world.database, task, task, task)
        world.start_celery(workers=2)
        wait_until(lambda: broker.llen(world.database) == 0, 20, "the workers' taking it")
    world.assert_sound()
    assert world.states_of(mailing) == {"sent": 30}


@pytest.fixture(scope="module")
def beaten_world(shared_world: World) -> World:
    """The world with two Celery workers and two beats: each tick comes twice."""
    shared_world.start_celery(workers=2 - len(shared_world.celery), beats=2)
    return shared_world


def test_two_beats(world, beaten_world):
    mailing = world.plan(120)
    world.assert_sound()
    assert world.states_of(mailing) == {"sent": 120}
    # Both have ticked.
    for beat in world.celery[-2:]:
        wait_until(lambda beat=beat: "deliver-due-mail" in beat.log.read_text(), 20, "a tick")


@pytest.mark.parametrize("fault", SERVICE_FAULTS, ids=[fault.__name__ for fault in SERVICE_FAULTS])
def test_service(fault, world, beaten_world):
    fault(world)
