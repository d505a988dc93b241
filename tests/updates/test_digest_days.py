"""Whose morning it is, whatever the clocks do."""

import datetime
from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from portal.mail.models import Mailing
from portal.updates.digests import plan_due_digests
from portal.updates.models import UpdateFrequency

from .digesting import DAY, new_article, reader, tick, told

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("zone", "before", "at"),
    [
        ("", "2026-03-12T06:59", "2026-03-12T07:00"),
        ("America/New_York", "2026-03-12T10:59", "2026-03-12T11:00"),
        ("Asia/Kolkata", "2026-03-12T01:29", "2026-03-12T01:30"),
        ("Asia/Kathmandu", "2026-03-12T01:14", "2026-03-12T01:15"),
        ("Pacific/Kiritimati", "2026-03-12T16:59", "2026-03-12T17:00"),
        ("Pacific/Pago_Pago", "2026-03-12T17:59", "2026-03-12T18:00"),
        # The site's own.
        ("Mars/Olympus_Mons", "2026-03-12T06:59", "2026-03-12T07:00"),
        ("../../etc/passwd", "2026-03-12T06:59", "2026-03-12T07:00"),
        # The night in which clocks go forward, and that in which they go back.
        ("Europe/London", "2026-03-29T05:59", "2026-03-29T06:00"),
        ("Europe/London", "2026-10-25T06:59", "2026-10-25T07:00"),
        ("Australia/Lord_Howe", "2026-10-03T19:59", "2026-10-03T20:00"),
    ],
)
def test_a_digest_comes_at_seven_in_the_readers_morning(clock, zone, before, at):
    def moment(text):
        return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)

    # Yesterday's is done with, so that only this morning's is due.
    try:
        today = moment(at).astimezone(ZoneInfo(zone or "Europe/London")).date()
    except (KeyError, ValueError):
        today = moment(at).date()
    clock.move_to(moment(before) - datetime.timedelta(hours=2))
    reader(time_zone=zone, digest_on=today - datetime.timedelta(days=1))
    new_article(title="Article 1")
    assert tick(clock, moment(before)) == 0
    assert tick(clock, moment(at)) == 1
    assert Mailing.objects.filter(key__startswith=f"digest:daily:{today}:").count() == 1


@pytest.mark.parametrize("zone", ["Europe/London", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("first_day", [DAY.replace(day=27), DAY.replace(month=10, day=23)])
def test_every_day_has_one_digest_across_the_change_of_clocks(clock, zone, first_day):
    clock.move_to(first_day)
    today = first_day.astimezone(ZoneInfo(zone)).date()
    subscriber = reader(time_zone=zone, digest_on=today)
    for hour in range(24 * 5):
        clock.move_to(first_day + datetime.timedelta(hours=hour, minutes=30))
        new_article(title=f"Article {hour}") if hour % 8 == 0 else None
        plan_due_digests()
    days = Counter(
        key.split(":")[2] for key in subscriber.deliveries.values_list("mailing__key", flat=True)
    )
    assert set(days.values()) == {1}
    assert len(days) in {4, 5}


def test_who_travels_west_gets_no_second_digest_for_a_day(clock):
    subscriber = reader(time_zone="Pacific/Kiritimati")
    new_article(title="Article 1")
    # 07:00 of the 13th there, while it is still the 12th elsewhere.
    tick(clock, DAY.replace(hour=17))
    assert subscriber.deliveries.count() == 1
    new_article(title="Article 2")
    type(subscriber).objects.update(time_zone="Pacific/Pago_Pago")
    # 07:00 of the 12th, and later of the 13th.
    for moment in (DAY.replace(hour=18), DAY.replace(day=13, hour=18)):
        assert tick(clock, moment) == 0
    assert tick(clock, DAY.replace(day=14, hour=18)) == 1
    days = [key.split(":")[2] for key in Mailing.objects.values_list("key", flat=True)]
    assert sorted(day for day in days if day.startswith("2026")) == ["2026-03-13", "2026-03-14"]


def test_a_weekly_digest_comes_on_its_day_or_when_the_tick_is_back(clock):
    friday, saturday = reader("weekly", weekday=5), reader("weekly", weekday=6)
    new_article(title="Article 1")
    assert tick(clock, DAY.replace(hour=23)) == 0
    assert tick(clock, DAY.replace(day=13, hour=6)) == 0
    assert tick(clock, DAY.replace(day=13, hour=7)) == 1
    assert told(friday) == [["Article 1"]]
    # Beat was away all Saturday.
    assert tick(clock, DAY.replace(day=15, hour=5)) == 0
    assert tick(clock, DAY.replace(day=15, hour=7)) == 1
    assert told(saturday) == [["Article 1"]]
    digest_on = UpdateFrequency.objects.get(subscriber=saturday).digest_on
    assert digest_on == datetime.date(2026, 3, 14)
    assert tick(clock, DAY.replace(day=15, hour=8)) == 0
    # Back too late for that Friday: the article waits a week and is not lost.
    new_article(title="Article 2")
    assert tick(clock, DAY.replace(day=21, hour=12)) == 1
    assert told(friday) == [["Article 1"]]
    assert tick(clock, DAY.replace(day=27, hour=7)) == 1
    assert told(friday) == [["Article 1"], ["Article 2"]]
