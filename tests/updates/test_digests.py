"""Daily and weekly mails: what is new, and nothing twice."""

import datetime

import pytest
from django.utils import timezone

from articles.services import withdraw_article
from portal.mail.models import Delivery, Mailing, Suppression
from portal.updates.digests import plan_batch, plan_due_digests
from portal.updates.models import UpdateFrequency
from tests.factories import (
    PublishableArticleFactory,
    TopicFactory,
    publish,
)

from .digesting import DAY, new_article, reader, tick, told

pytestmark = pytest.mark.django_db


# --- what, and once -------------------------------------------------------------------------------


def test_a_daily_reader_gets_one_mail_of_all_that_is_new(clock):
    daily, at_once = reader(), reader(frequency="")
    for number in (1, 2):
        new_article(title=f"Article {number}")
    assert told(daily) == []
    assert told(at_once) == [["Article 1"], ["Article 2"]]
    assert tick(clock, DAY.replace(hour=7)) == 1
    assert told(daily) == [["Article 2", "Article 1"]]
    mailing = daily.deliveries.get().mailing
    assert mailing.subject == "2 new articles: Article 2, and more"
    assert mailing.key.startswith("digest:daily:2026-03-12:en-gb:")
    assert told(at_once) == [["Article 1"], ["Article 2"]]


def test_no_article_is_told_of_twice_whatever_the_reader_chooses(clock):
    subscriber = reader(frequency="")
    new_article(title="Article 1")
    choice = UpdateFrequency.objects.create(subscriber=subscriber, frequency="daily")
    new_article(title="Article 2")
    tick(clock, DAY.replace(hour=8))
    UpdateFrequency.objects.filter(pk=choice.pk).update(frequency="weekly", weekday=5)
    new_article(title="Article 3")
    tick(clock, DAY.replace(day=13, hour=8))
    UpdateFrequency.objects.filter(pk=choice.pk).update(frequency="at_once")
    new_article(title="Article 4")
    tick(clock, DAY.replace(day=14, hour=8))
    assert told(subscriber) == [["Article 1"], ["Article 2"], ["Article 3"], ["Article 4"]]


def test_what_was_published_before_a_digest_was_given_up_is_not_lost(clock):
    subscriber = reader()
    new_article(title="Article 1")
    UpdateFrequency.objects.update(frequency="at_once")
    new_article(title="Article 2")
    tick(clock, DAY.replace(hour=8))
    assert told(subscriber) == [["Article 2"], ["Article 1"]]


def test_nothing_is_sent_when_there_is_nothing_new(clock):
    subscriber = reader()
    assert tick(clock, DAY.replace(hour=7)) == 0
    assert not Mailing.objects.exists()
    assert UpdateFrequency.objects.get(subscriber=subscriber).digest_on == DAY.date()
    # The day is over, whatever comes later.
    new_article(title="Article 1")
    assert plan_due_digests() == 0
    assert tick(clock, DAY.replace(day=13, hour=7)) == 1


def test_no_news_of_before_the_subscription_nor_of_what_is_withdrawn(clock):
    new_article(title="Article 1")
    clock.shift(60)
    subscriber = reader()
    withdrawn = new_article(title="Article 2")
    new_article(title="Article 3")
    withdraw_article(article=withdrawn, user=None, reason="Wrong.")
    tick(clock, DAY.replace(hour=7))
    assert told(subscriber) == [["Article 3"]]


def test_what_was_published_elsewhere_before_is_news_here(clock):
    subscriber = reader()
    article = PublishableArticleFactory(title="Article 1")
    # Before the reader subscribed.
    publish(article, published_at=timezone.now() - datetime.timedelta(hours=1))
    tick(clock, DAY.replace(hour=7))
    assert told(subscriber) == [["Article 1"]]


def test_the_readers_topics_decide_what_and_in_which_order(clock):
    lymphoma, trials = TopicFactory(), TopicFactory()
    mantle_cell, other = TopicFactory(parent=lymphoma), TopicFactory()
    both, one = reader(topics=[lymphoma, trials]), reader(topics=[mantle_cell])
    new_article(mantle_cell, trials, title="Article of two")
    clock.shift(60)
    new_article(lymphoma, title="Article of one")
    clock.shift(60)
    new_article(other, title="Article of none")
    tick(clock, DAY.replace(hour=7))
    assert told(both) == [["Article of two", "Article of one"]]
    assert told(one) == [["Article of two"]]


def test_a_digest_has_twenty_articles_and_the_next_one_has_the_others(clock):
    subscriber = reader()
    for number in range(22):
        new_article(title=f"Article {number:02}")
        clock.shift(1)
    tick(clock, DAY.replace(hour=7))
    tick(clock, DAY.replace(day=13, hour=7))
    first, second = told(subscriber)
    assert first == [f"Article {number:02}" for number in range(21, 1, -1)]
    assert second == ["Article 01", "Article 00"]


def test_who_left_or_never_confirmed_or_bounced_gets_none(clock):
    left, unconfirmed, bounced = reader(), reader(confirmed_at=None), reader()
    left.consents.create(stream="article_updates", is_granted=False, wording="Left.")
    Suppression.objects.create(address=bounced.email, reason="bounce")
    new_article(title="Article 1")
    assert tick(clock, DAY.replace(hour=7)) == 0
    assert not Delivery.objects.exists()
    assert plan_batch() is None
    assert UpdateFrequency.objects.get(subscriber=unconfirmed).digest_on is None


# --- pauses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("frequency", ["", "at_once", "daily"])
def test_a_pause_leaves_articles_for_the_first_digest_after_it(clock, frequency):
    subscriber = reader(frequency, paused_until=datetime.date(2026, 3, 14))
    new_article(title="Article 1")
    for day in (12, 13):
        assert tick(clock, DAY.replace(day=day, hour=9)) == 0
    assert tick(clock, DAY.replace(day=14, hour=7)) == 1
    assert told(subscriber) == [["Article 1"]]
    new_article(title="Article 2")
    tick(clock, DAY.replace(day=15, hour=7))
    assert told(subscriber) == [["Article 1"], ["Article 2"]]


def test_the_pause_ends_with_the_readers_own_day(clock):
    here = reader("", paused_until=DAY.date())
    ahead = reader("", paused_until=DAY.date(), time_zone="Pacific/Kiritimati")
    # Noon of the 11th in London, 02:00 of the 12th there.
    new_article(title="Article 1")
    assert (told(here), told(ahead)) == ([], [["Article 1"]])


def test_articles_of_a_long_pause_are_no_news(clock):
    subscriber = reader(paused_until=datetime.date(2026, 4, 20))
    new_article(title="Article 1")
    clock.shift(datetime.timedelta(days=25))
    new_article(title="Article 2")
    tick(clock, DAY.replace(month=4, day=20, hour=7))
    assert told(subscriber) == [["Article 2"]]


@pytest.mark.parametrize(
    ("state", "reason", "again"),
    [
        ("skipped", "paused", True),
        ("failed", "too_late", True),
        ("skipped", "cancelled", False),
        ("failed", "refused", False),
    ],
)
def test_what_was_planned_and_left_out_by_a_pause_is_news_after_it(clock, state, reason, again):
    subscriber = reader("")
    new_article(title="Article 1")
    Delivery.objects.update(state=state, reason=reason, finished_at=timezone.now())
    type(subscriber).objects.update(paused_until=DAY.date())
    assert tick(clock, DAY.replace(hour=7)) == again
    assert Delivery.objects.filter(state="pending").count() == again
