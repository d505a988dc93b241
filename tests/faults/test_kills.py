"""``kill -9`` of a worker at every point of a delivery's way."""

import random

import pytest

from .scenarios import POINTS, kill_at_point, kill_at_random_moments


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_a_worker_killed(point, world):
    kill_at_point(world, point, random.Random(1), workers=1)


def test_one_of_four_workers_killed_at_random_moments(world):
    kill_at_random_moments(world, random.Random(1), workers=4, kills=4)
