"""For how long a digest is worth sending, whose morning is none, and what a late one says."""

import datetime

import pytest
import time_machine

from portal.mail.models import Delivery, Mailing, Suppression
from portal.mail.outbox import close_what_is_over
from portal.updates.digests import plan_batch, plan_due_digests
from portal.updates.models import UpdateFrequency
from tests.factories import SubscriberFactory, published_article

pytestmark = pytest.mark.django_db

# A Thursday.
DAY = datetime.datetime(2026, 3, 12, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def london(settings):
    settings.TIME_ZONE = "Europe/London"


@pytest.fixture
def clock():
    with time_machine.travel(DAY - datetime.timedelta(hours=12), tick=False) as traveller:
        yield traveller


def reader(frequency="daily", weekday=4, **fields):
    subscriber = SubscriberFactory(**fields)
    UpdateFrequency.objects.create(subscriber=subscriber, frequency=frequency, weekday=weekday)
    return subscriber


def tick(clock, moment):
    clock.move_to(moment)
    close_what_is_over()
    return plan_due_digests()


def test_a_daily_digest_that_was_not_sent_comes_the_next_morning(clock):
    subscriber = reader()
    published_article()
    assert tick(clock, DAY.replace(hour=7, minute=5)) == 1
    # The first tick of the next morning comes a little earlier than that of the day before.
    assert tick(clock, DAY.replace(day=13, hour=7) - datetime.timedelta(seconds=1)) == 0
    assert tick(clock, DAY.replace(day=13, hour=7)) == 1
    states = subscriber.deliveries.order_by("pk").values_list("state", "reason")
    assert list(states) == [("failed", "too_late"), ("pending", "")]


def test_a_weekly_digest_waits_some_days_for_the_mail_server(clock):
    subscriber = reader("weekly")
    published_article()
    assert tick(clock, DAY.replace(hour=7)) == 1
    assert tick(clock, DAY.replace(day=15, hour=6)) == 0
    assert subscriber.deliveries.get().state == "pending"


def test_a_suppressed_reader_is_not_due_until_the_suppression_ends(clock):
    subscriber = reader()
    ends = DAY.replace(day=14)
    Suppression.objects.create(
        address=subscriber.email.upper(), reason="unreachable", expires_at=ends
    )
    published_article()
    clock.move_to(DAY.replace(hour=8))
    assert plan_batch() is None
    assert not Mailing.objects.filter(key__startswith="digest:").exists()
    assert tick(clock, ends.replace(hour=8)) == 1
    assert Delivery.objects.get().subscriber == subscriber


def test_a_digest_is_cut_off_in_its_own_language(clock, settings):
    settings.LANGUAGES = [("en-gb", "English"), ("zh-hans", "简体中文")]
    reader(language="zh-hans")
    published_article(summary="Words of a summary. " * 50)
    assert tick(clock, DAY.replace(hour=8)) == 1
    mailing = Mailing.objects.get(key__startswith="digest:")
    # Django's own words: three points there, one sign in English.
    assert "...\n" in mailing.text
    assert "…\n" not in mailing.text
