"""A worker that stands still for longer than all patience (SIGSTOP), and then goes on."""

import pytest

from .scenarios import STOPS, stop_and_go_on


@pytest.mark.parametrize("stop", STOPS, ids=[stop.__name__ for stop in STOPS])
def test_a_worker_that_stands_still(stop, world):
    stop_and_go_on(world, stop)
