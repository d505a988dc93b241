"""A worker's clock that is wrong, or jumps; nights with an hour too few or too many."""

import datetime
import zoneinfo

import pytest
import time_machine

from portal.mail.models import Delivery
from tests.fixtures_mail import wait_until

from .sink import Stage

DAY = 86_400


@pytest.mark.parametrize("seconds", [5 * DAY, 90, -90, -5 * DAY])
def test_a_wrong_clock_sends_nothing_and_ends_nothing(seconds, world):
    """Five days are later than the mailing's deadline: by a wrong clock it would be over."""
    world.clock.write_text(str(seconds))
    mailing = world.plan()
    world.start_workers(2)
    wait_until(lambda: "differ about the time" in world.new_log(), 20, "a refusal to send")
    assert world.states_of(mailing) == {"pending": 8}
    world.clock.write_text("0")
    world.assert_sound()
    assert world.states_of(mailing) == {"sent": 8}


@pytest.mark.parametrize("seconds", [5 * DAY, -5 * DAY, 40, -40])
def test_a_clock_that_jumps_while_mail_is_sent(seconds, world):
    mailing = world.plan()
    with world.at(Stage.DOT, lambda line: world.clock.write_text(str(seconds)) and None, after=3):
        world.start_workers()
        wait_until(lambda: len(world.seen_of(mailing)) > 3, 20, "the jump")
        second = world.plan()
        world.start_workers()
        # As far as it gets with a wrong clock, then as far as it gets with a clock that is back.
        wait_until(lambda: "claimed" not in world.states_of(mailing), 20, "the end of the run")
    world.clock.write_text("0")
    world.assert_sound()
    assert world.states_of(mailing, second) == {"sent": 16}


LONDON = zoneinfo.ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    "night",
    [
        # 00:59:30 UTC: half a minute before 01:00 becomes 02:00, and before 02:00 becomes 01:00.
        datetime.datetime(2026, 3, 29, 0, 59, 30, tzinfo=datetime.UTC),
        datetime.datetime(2026, 10, 25, 0, 59, 30, tzinfo=datetime.UTC),
    ],
    ids=["spring", "autumn"],
)
def test_a_night_when_the_clocks_change(night, world, settings):
    """What is due is due by the time that passes, not by what the clock on the wall shows."""
    settings.TIME_ZONE = "Europe/London"
    assert (
        night.astimezone(LONDON).utcoffset()
        != (night + datetime.timedelta(minutes=1)).astimezone(LONDON).utcoffset()
    )
    with time_machine.travel(night, tick=False) as clock:
        mailing = world.plan()
        due = Delivery.objects.filter(mailing=mailing)
        assert due.due_at(night).count() == 8
        # To be tried again in a minute: after the change.
        retry = night + datetime.timedelta(minutes=1)
        due.update(state="deferred", next_attempt_at=retry)
        for minutes, count in ((0.5, 0), (0.5, 8)):
            clock.shift(datetime.timedelta(minutes=minutes))
            now = datetime.datetime.now(datetime.UTC)
            assert due.due_at(now).count() == count
        assert mailing.deadline_at - night == datetime.timedelta(days=3)
    Delivery.objects.filter(mailing=mailing).update(state="pending")
    # Seen from today that mailing is long too late, and ends so, once.
    world.start_workers()
    world.assert_sound()
    assert world.states_of(mailing) == {"failed": 8}
