"""No figure, no two figures and no row of siblings open a group of fewer than ten people."""

import os
import sys

import pytest
import time_machine

from feedback.results import counting
from feedback.results.selection import Selection

from .worlds import MONTHS, TODAY, Ground, World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(TODAY, tick=False):
        yield


def attack(ground, seed):
    """Return how many figures the world shows; fails where they open a small group."""
    world = World(ground, seed)
    shown = world.ask()
    opened = list(world.opened(shown))
    assert not opened, f"seed {seed}: {len(opened)}\n" + "\n".join(map(str, opened[:9]))
    return len(shown.get(None, []))


def test_small_groups_stay_closed():
    ground = Ground()
    # What hides everything would pass, too: see that something is shown.
    assert attack(ground, seed=1) > 50


@pytest.mark.soak
def test_small_groups_stay_closed_in_many_worlds(capsys):
    """As many worlds as SEEDS says, from SEED on (`make soak`)."""
    ground = Ground()
    first, count = (int(os.environ.get(k, d)) for k, d in (("SEED", "1"), ("SEEDS", "50")))
    for seed in range(first, first + count):
        found = attack(ground, seed)
        with capsys.disabled():
            sys.stdout.write(f"seed {seed}: {found} figures\n")


def test_a_month_s_page_hides_what_the_trend_hides():
    world = World(Ground(), seed=2)
    for selection in dict(world.selections()):
        if selection.month is not None:
            continue
        for month in counting.trend(selection):
            assert month.figures == counting.figures(month.figures.selection)
            assert month.month in MONTHS
        if selection.article is None:
            for row in counting.ranking(selection):
                own = Selection(
                    article=row.article_id, dimension=selection.dimension, value=selection.value
                )
                assert row.n == counting.figures(own).n
