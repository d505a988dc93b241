"""Daily and weekly mails: whose morning it is, what is new, and nothing twice."""

import datetime
import threading
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from articles.services import withdraw_article
from portal.core.content_cache import memory
from portal.mail.models import Delivery, MailedItem, Mailing, Suppression
from portal.updates import digests
from portal.updates.announcements import announce_article
from portal.updates.digests import plan_batch, plan_due_digests
from portal.updates.models import TopicSubscription, UpdateFrequency
from tests.factories import (
    PublishableArticleFactory,
    SubscriberFactory,
    TopicFactory,
    publish,
    published_article,
)
from tests.fixtures_mail import wait_until

pytestmark = pytest.mark.django_db

# A Thursday.
DAY = datetime.datetime(2026, 3, 12, tzinfo=datetime.UTC)
NOON = DAY.replace(hour=12)


@pytest.fixture(autouse=True)
def london(settings):
    settings.TIME_ZONE = "Europe/London"


@pytest.fixture
def clock():
    """Noon of a Wednesday in March; ``clock.move_to()``."""
    with time_machine.travel(NOON - datetime.timedelta(days=1), tick=False) as traveller:
        yield traveller


def reader(frequency="daily", *, topics=(), weekday=1, digest_on=None, **fields):
    subscriber = SubscriberFactory(**fields)
    for topic in topics:
        TopicSubscription.objects.create(subscriber=subscriber, topic=topic)
    if frequency:
        UpdateFrequency.objects.create(
            subscriber=subscriber, frequency=frequency, weekday=weekday, digest_on=digest_on
        )
    return subscriber


def new_article(*topics, **fields):
    article = PublishableArticleFactory(**fields)
    if topics:
        article.topics.set(topics)
    publish(article)
    return article


def told(subscriber):
    """Return the titles of which the planned mails tell, a list for each mail."""
    texts = subscriber.deliveries.exclude(state="skipped").order_by("pk")
    return [
        [line for line in text.splitlines() if line.startswith("Article ")]
        for text in texts.values_list("mailing__text", flat=True)
    ]


def tick(clock, moment):
    clock.move_to(moment)
    return plan_due_digests()


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


# --- when -----------------------------------------------------------------------------------------


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


# --- many readers ---------------------------------------------------------------------------------


def test_readers_of_the_same_articles_share_one_message(clock):
    readers = [reader(), reader(), reader(time_zone="America/New_York")]
    other = reader(topics=[TopicFactory()])
    new_article(title="Article 1")
    new_article(*[row.topic for row in other.topic_subscriptions.all()], title="Article 2")
    assert tick(clock, DAY.replace(hour=8)) == 3
    assert tick(clock, DAY.replace(hour=12)) == 1
    digest = readers[0].deliveries.get().mailing
    assert {one.deliveries.get().mailing_id for one in readers} == {digest.pk}
    digest.refresh_from_db()
    assert (digest.candidate_count, digest.excluded_count) == (3, 0)
    assert other.deliveries.get().mailing_id != digest.pk
    # The last ones have as long as the first.
    assert digest.deadline_at == timezone.now() + digests.DIGEST_VALIDITY["daily"]


def test_each_language_has_a_message_of_its_own(clock, settings):
    settings.LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
    languages = ("en-gb", "de", "fr")
    daily = {code: reader(language=code) for code in languages}
    at_once = {code: reader("", language=code) for code in languages}
    article = new_article(title="Article 1")
    tick(clock, DAY.replace(hour=8))
    used = ("en-gb", "de", "en-gb")
    assert tuple(daily[code].deliveries.get().mailing.language for code in languages) == used
    assert tuple(at_once[code].deliveries.get().mailing.language for code in languages) == used
    assert set(
        Mailing.objects.filter(key__startswith="article:").values_list("key", flat=True)
    ) == {
        f"article:{article.pk}:en-gb",
        f"article:{article.pk}:de",
    }
    assert '<html lang="de"' in daily["de"].deliveries.get().mailing.html


def test_the_number_of_queries_does_not_grow_with_the_readers(clock):
    counts = []
    for day, number in ((12, 1), (13, 30)):
        for _ in range(number):
            reader()
        new_article(title=f"Article {day}")
        clock.move_to(DAY.replace(day=day, hour=8))
        memory.forget()
        with CaptureQueriesContext(connection) as queries:
            assert plan_batch() == UpdateFrequency.objects.count()
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 24


def test_many_readers_are_planned_batch_by_batch(clock):
    for _ in range(5):
        reader()
    new_article(title="Article 1")
    clock.move_to(DAY.replace(hour=8))
    assert [plan_batch(size=2) for _ in range(4)] == [2, 2, 1, None]
    digest = Mailing.objects.get(key__startswith="digest:")
    assert digest.candidate_count == digest.deliveries.count() == 5


# --- at the same time -----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_ticks_at_once_plan_once(clock):
    readers = [reader() for _ in range(3)]
    new_article(title="Article 1")
    clock.move_to(DAY.replace(hour=8))
    counts = []

    def run():
        try:
            counts.append(plan_due_digests())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(counts) == [0, 3]
    assert [told(one) for one in readers] == [[["Article 1"]]] * 3


@pytest.mark.django_db(transaction=True)
def test_a_digest_waits_for_the_publishing_that_tells_its_reader(clock):
    """Who turns to "at once" while an article is published is not told by the digest, too."""
    subscriber = reader()
    new_article(title="Article 1")
    clock.move_to(DAY.replace(hour=8))
    article = PublishableArticleFactory(title="Article 2")
    published, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def publishing():
        try:
            with transaction.atomic():
                UpdateFrequency.objects.update(frequency="at_once")
                publish(article)
                published.set()
                assert go_on.wait(30)
        finally:
            connection.close()

    def ticking():
        try:
            plan_due_digests()
            done.set()
        finally:
            connection.close()

    threads = [threading.Thread(target=publishing), threading.Thread(target=ticking)]
    threads[0].start()
    assert published.wait(30)
    threads[1].start()
    wait_until(_somebody_waits_for_the_lock, 30, "the tick's wait")
    assert not done.is_set()
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert sorted(told(subscriber)) == [["Article 1"], ["Article 2"]]
    assert MailedItem.objects.count() == 2


def _somebody_waits_for_the_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_from_the_beat_to_the_mailbox(smtp_sink, settings, start_celery_worker, monkeypatch):
    """The whole way, with a real worker and a real mail server."""
    monkeypatch.setenv("DIGEST_SCAN_SECONDS", "1")
    # Wherever it is past seven and not yet midnight.
    hour = timezone.now().hour
    subscriber = reader(time_zone=f"Etc/GMT{hour - 12:+d}")
    published_article(title="Article 1")
    published_article(title="Article 2")
    start_celery_worker(has_beat=True)
    wait_until(lambda: smtp_sink.received, 30, "the digest")
    (mail,) = smtp_sink.received
    assert mail.recipients == [subscriber.email]
    assert mail.message["Subject"] == "2 new articles: Article 2, and more"
    assert "List-Unsubscribe" in mail.message
    assert "[[" not in mail.text + mail.html
    assert "chose one e-mail a day" in mail.text


def test_an_announcement_and_a_digest_do_not_share_an_article(clock):
    """The unique item decides, even where somebody announces an article anew."""
    subscriber = reader()
    article = new_article(title="Article 1")
    tick(clock, DAY.replace(hour=8))
    UpdateFrequency.objects.update(frequency="at_once")
    Mailing.objects.filter(key__startswith="article:").delete()
    (mailing,) = announce_article(article=article, version=article.published_version)
    assert (mailing.candidate_count, mailing.excluded_count) == (0, 1)
    assert told(subscriber) == [["Article 1"]]
