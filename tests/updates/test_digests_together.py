"""Digests of many readers, and planned by several at the same time."""

import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.core.content_cache import memory
from portal.mail.models import MailedItem, Mailing
from portal.updates import digests
from portal.updates.announcements import announce_article
from portal.updates.digests import plan_batch, plan_due_digests
from portal.updates.models import UpdateFrequency
from tests.factories import (
    PublishableArticleFactory,
    TopicFactory,
    publish,
    published_article,
)
from tests.fixtures_mail import wait_until

from .digesting import DAY, new_article, reader, tick, told

pytestmark = pytest.mark.django_db


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
