"""Every fault with many seeds (`make soak`)."""

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from . import scenarios
from .harness import World
from .publishing import PUBLISHING_FAULTS

# Minutes after which no further seed is begun.
LIMIT = float(os.environ.get("SOAK_MINUTES", "28"))
# With each seed: with one worker, and with four.
RANDOM_KILLS = ((1, 8), (4, 8))
# Fewer prove too little; whoever asks for a few seeds alone has their random moments.
LEAST_MOMENTS = 100


def scenarios_of(world: World, dice: random.Random) -> Iterator[tuple[str, Callable[[], None]]]:
    """Return all that is tried with one seed, in an order of its own.

    Every point with one worker, some with four; random moments with both; every fault of the mail
    server, and of whoever publishes; one way to stand still, and one fault of Redis or PostgreSQL
    under real Celery workers.
    """
    kill = partial(scenarios.kill_at_point, world, dice=dice)
    found: list[tuple[str, Callable[[], None]]] = [
        (f"killed at {point}, {workers} workers", partial(kill, point, workers=workers))
        for workers, points in ((1, scenarios.POINTS), (4, dice.sample(scenarios.POINTS, 3)))
        for point in points
    ]
    found += [
        (
            f"killed at random moments, {workers} workers",
            partial(scenarios.kill_at_random_moments, world, dice, workers=workers, kills=kills),
        )
        for workers, kills in RANDOM_KILLS
    ]
    faults = [*scenarios.RELAY_FAULTS, *PUBLISHING_FAULTS]
    found += [(fault.__name__, partial(fault, world)) for fault in faults]
    stop = dice.choice(scenarios.STOPS)
    found.append((stop.__name__, partial(scenarios.stop_and_go_on, world, stop)))
    dice.shuffle(found)
    yield from found
    # Last, as Celery's workers stay.
    service = dice.choice(scenarios.SERVICE_FAULTS)

    def break_service() -> None:
        world.start_celery(workers=1, beats=1)
        service(world)

    yield service.__name__, break_service


@pytest.mark.soak
def test_faults_with_many_seeds(
    make_world: Callable[..., World], capsys: pytest.CaptureFixture[str]
) -> None:
    """As many seeds as SEEDS says, from SEED on, until SOAK_MINUTES are over."""
    began = time.monotonic()
    moments = 0
    first, count = (int(os.environ.get(k, d)) for k, d in (("SEED", "1"), ("SEEDS", "50")))
    for seed in range(first, first + count):
        if time.monotonic() - began > LIMIT * 60:
            _say(capsys, f"{LIMIT:g} minutes are over: seed {seed} and later were not tried")
            break
        _say(capsys, f"seed {seed} begins")
        dice = random.Random(seed)
        # In its ordinary life a worker waits for 10 s, and 120 s for the last answer; to wait less
        # tries more.
        options = {
            "email_timeout": dice.choice([1, 2, 3]),
            "is_pipelining": dice.choice([True, False]),
        }
        with make_world(**options) as world:
            for name, scenario in scenarios_of(world, dice):
                try:
                    scenario()
                except Exception as error:
                    raise AssertionError(f"seed {seed}: {name}\n{error}") from error
            moments += world.random_moments
            _say(
                capsys,
                f"seed {seed}: {world.kills} kills, {len(world.sink.seen())} messages, "
                f"{world.states_of()['unknown']} unknown of at most {world.unknown}, "
                f"{time.monotonic() - began:.0f} s",
            )
    _say(capsys, f"{moments} kills at random moments")
    wanted = min(LEAST_MOMENTS, count * sum(kills for _workers, kills in RANDOM_KILLS))
    assert moments >= wanted, (
        f"{moments} kills at random moments prove too little, {wanted} are wanted: "
        "raise SOAK_MINUTES, or run it on a machine with less to do"
    )


def _say(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"faults: {text}\n")
        sys.stdout.flush()
