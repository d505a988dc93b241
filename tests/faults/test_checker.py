"""The checker of the other tests here finds each kind of loss and of repetition."""

import dataclasses

import pytest

from .evidence import Evidence, Row, assert_nothing_lost_nothing_twice
from .sink import Seen

GOOD = Evidence(
    seen=[
        Seen(1.0, 1, "<1@x>", "a@x", "News"),
        Seen(2.0, 1, "<2@x>", "b@x", "News"),
    ],
    rows=[
        Row("a@x", "News", "sent"),
        Row("b@x", "News", "unknown"),
        Row("c@x", "News", "failed"),
        Row("d@x", "News", "deferred"),
    ],
    candidates={"News": 4},
    shown={"News": {"open": 1, "sent": 1, "failed": 1, "skipped": 0, "unknown": 1}},
)


def changed(position, row):
    return [*GOOD.rows[:position], row, *GOOD.rows[position + 1 :]]


def test_what_is_sound_passes():
    assert_nothing_lost_nothing_twice(GOOD, unknown=1)


@pytest.mark.parametrize(
    ("complaint", "changes"),
    [
        ("message_id 2 times", {"seen": [*GOOD.seen, GOOD.seen[1]]}),
        # Another Message-ID does not make a second copy of the same news a first one.
        (
            "address 2 times",
            {"seen": [*GOOD.seen, dataclasses.replace(GOOD.seen[0], message_id="<9@x>")]},
        ),
        ("sent and never arrived", {"seen": GOOD.seen[1:]}),
        ("planned nowhere", {"seen": [*GOOD.seen, Seen(3.0, 1, "<3@x>", "z@x", "News")]}),
        ("arrived and is failed", {"seen": [*GOOD.seen, Seen(3.0, 1, "<3@x>", "c@x", "News")]}),
        # It would be sent again.
        ("arrived and is deferred", {"seen": [*GOOD.seen, Seen(3.0, 1, "<3@x>", "d@x", "News")]}),
        ("left behind, deferred", {"rows": changed(3, Row("d@x", "News", "deferred", True))}),
        ("left behind, claimed", {"rows": changed(3, Row("d@x", "News", "claimed"))}),
        ("left behind, in_flight", {"rows": changed(3, Row("d@x", "News", "in_flight"))}),
        ("5 candidates", {"candidates": {"News": 5}}),
        ("4 candidates", {"rows": GOOD.rows[:3]}),
        ("shown as", {"shown": {"News": {"open": 1, "sent": 2, "failed": 1}}}),
    ],
)
def test_what_is_not_sound_is_found(complaint, changes):
    with pytest.raises(AssertionError, match=complaint):
        assert_nothing_lost_nothing_twice(dataclasses.replace(GOOD, **changes), unknown=1)


def test_too_many_unknown_are_found():
    with pytest.raises(AssertionError, match="1 are unknown, at most 0"):
        assert_nothing_lost_nothing_twice(GOOD, unknown=0)
