"""An old dump is restored: what it believes unsent was sent meanwhile."""

import time
from collections.abc import Callable, Iterator

import pytest

from .harness import World

# There is no spool on disk that could be full: a message exists only while a worker sends it, and
# what waits are rows in PostgreSQL. A PostgreSQL whose disk is full stops, which is tried in
# test_services_down.py.


@pytest.fixture
def own_world(make_world: Callable[..., World]) -> Iterator[World]:
    """A world of its own: the sink remembers more than the database afterwards."""
    with make_world() as world:
        yield world


@pytest.mark.parametrize("has_sent_before", [True, False], ids=["later", "before the first mail"])
def test_nothing_goes_out_by_itself_after_a_restore(has_sent_before, own_world):
    world = own_world
    # A worker has looked into the outbox before the backup was made.
    world.start_workers()
    if has_sent_before:
        world.plan()
    time.sleep(1)
    world.assert_sound()
    world.stop_workers()
    mailing = world.plan()
    dump = world.cluster.dump(world.url)
    world.start_workers()
    world.assert_sound()
    assert world.states_of(mailing) == {"sent": 8}
    world.stop_workers()
    seen = world.sink.seen()

    world.restore(dump)
    assert world.states_of(mailing).get("sent") is None
    world.start_workers(2)
    time.sleep(3)
    assert world.sink.seen() == seen
    assert world.states_of(mailing) == {"pending": 8}
