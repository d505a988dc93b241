"""What is tried once by `make test` and with many seeds by `make soak`."""

from __future__ import annotations

import random
import time

from portal.mail.models import Delivery

from .harness import World
from .holds import HOLDS
from .sink import Line, Stage

POINTS: list[Stage | str] = [
    *HOLDS,
    *(stage for stage in Stage if stage is not Stage.CONNECT),
]


def kill_at_point(world: World, point: Stage | str, dice: random.Random, *, workers: int) -> None:
    """Kill one worker there, start another, and look at what has become of everything."""
    # More than one batch, so that all of several workers have something to do.
    count = 8 if workers == 1 else 110 * workers
    after = dice.randrange(5)
    if point is Stage.BODY:
        # Only the beginning of a large message fits into what is between the two.
        world.sink.stop()
        world.sink.start(is_narrow=True)
    world.plan(count, size=90_000 if point is Stage.BODY and workers == 1 else 0)
    with world.kill_at(point, after=after) as wait_until_killed:
        world.start_workers(workers)
        wait_until_killed()
    if point is Stage.BODY:
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
    world.plan(25 * kills if workers == 1 else 110 * workers)
    world.start_workers(workers)
    for _ in range(kills):
        time.sleep(dice.random() * 0.3)
        doomed = list(world.workers) if dice.random() < 0.2 else [dice.choice(world.workers)]
        for pid in doomed:
            world.kill(pid)
        world.start_workers(len(doomed))
    world.assert_sound()
    assert not Delivery.objects.filter(state__in=Delivery.OPEN).exists()
    world.sink.on.clear()
    world.stop_workers()
