"""Corrections and withdrawals: who was sent the article is told, all others read the right one."""

import datetime
import threading

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from articles.services import publish_article, reinstate_article, withdraw_article
from portal.core.content_cache import memory
from portal.mail.models import Delivery, Mailing, Subscriber
from portal.mail.outbox import claim_deliveries, close_what_is_over, start_delivery
from portal.mail.services import record_consent
from portal.mail.worker import deliver_everything_due
from portal.updates.digests import plan_due_digests
from portal.updates.models import UpdateFrequency
from portal.updates.notices import send_correction
from portal.updates.streams import ARTICLE_UPDATES
from tests.factories import SubscriberFactory, approve, publish, published_article
from tests.fixtures_mail import wait_until

pytestmark = pytest.mark.django_db

NOON = datetime.datetime(2026, 3, 12, 12, tzinfo=datetime.UTC)
NOTICE = "The dose was given as 10 mg[@halpern]; it is 1 mg."


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def mark(subscriber, state, **fields):
    """Put the subscriber's only delivery into ``state``, as a worker would."""
    now = timezone.now()
    fields = {"attempts": 1, "started_at": now} | fields
    if state in Delivery.FINAL:
        fields["finished_at"] = now
    if state in ("claimed", "in_flight"):
        fields["worker"] = 7
    Delivery.objects.filter(subscriber=subscriber).update(state=state, **fields)


def correct(article, notice=NOTICE):
    return publish(article, kind="correction", notice=notice)


def mails_of(subscriber):
    """Return the subjects of what the subscriber was or is to be sent."""
    rows = subscriber.deliveries.exclude(state__in=["skipped", "failed"]).order_by("pk")
    return list(rows.values_list("mailing__subject", flat=True))


ARTICLE, CORRECTION = "New article: Doses", "Correction: Doses"
WITHDRAWAL = "Withdrawn: Doses"


@pytest.mark.parametrize(
    ("state", "after_correction", "after_withdrawal"),
    [
        ("sent", [ARTICLE, CORRECTION], [ARTICLE, WITHDRAWAL]),
        ("unknown", [ARTICLE, CORRECTION], [ARTICLE, WITHDRAWAL]),
        ("in_flight", [ARTICLE, CORRECTION], [ARTICLE, WITHDRAWAL]),
        # The new mail is of the corrected article.
        ("pending", [ARTICLE], []),
        ("claimed", [ARTICLE], []),
        ("deferred", [ARTICLE], []),
        ("failed", [], []),
        ("skipped", [], []),
    ],
)
def test_who_may_have_read_it_is_told(clock, state, after_correction, after_withdrawal):
    for verb, expected in (("correct", after_correction), ("withdraw", after_withdrawal)):
        Delivery.objects.all().delete()
        Mailing.objects.all().delete()
        subscriber = SubscriberFactory()
        article = published_article(title="Doses")
        mark(subscriber, state)
        clock.shift(60)
        if verb == "correct":
            correct(article)
        else:
            withdraw_article(article=article, user=None, reason="The data were made up.")
        assert mails_of(subscriber) == expected, verb
        sums = {one.pk: one.deliveries.count() for one in Mailing.objects.all()}
        assert sums == dict(Mailing.objects.values_list("pk", "candidate_count"))
        subscriber.consents.create(stream="article_updates", is_granted=False, wording="Left.")


def test_who_has_read_nothing_gets_the_corrected_article():
    subscriber = SubscriberFactory()
    article = published_article(title="Doses", summary="10 mg.")
    article.summary = "1 mg."
    article.save()
    version = correct(article)
    old, new = Mailing.objects.order_by("pk")
    assert old.cancelled_at is not None
    assert list(old.deliveries.values_list("state", "reason")) == [("skipped", "cancelled")]
    assert new.key == f"article:{article.pk}:{version.number}:en-gb"
    assert "1 mg." in new.text
    assert "10 mg." not in new.text
    assert list(new.deliveries.values_list("subscriber", "state")) == [(subscriber.pk, "pending")]


def test_a_paused_announcement_stays_paused_when_it_is_corrected():
    SubscriberFactory()
    article = published_article()
    Mailing.objects.update(paused_at=timezone.now())
    correct(article)
    assert Mailing.objects.latest("pk").paused_at is not None


def test_a_cancelled_announcement_is_not_taken_up_by_a_correction():
    subscriber = SubscriberFactory()
    article = published_article()
    Mailing.objects.update(cancelled_at=timezone.now())
    correct(article)
    close_what_is_over()
    assert mails_of(subscriber) == []


def test_a_correction_says_what_was_wrong_and_what_is_right():
    subscriber = SubscriberFactory()
    article = published_article(title="Doses")
    mark(subscriber, "sent")
    version = correct(article)
    mailing = Mailing.objects.get(key=f"correction:{version.pk}:en-gb")
    for content in (mailing.html, mailing.text):
        assert "The dose was given as 10 mg; it is 1 mg." in content
        assert f"http://testserver/articles/{article.slug}/" in content
        for gap in ("funding", "unsubscribe_url", "preferences_url", "view_url"):
            assert f"[[{gap}]]" in content
    assert mailing.deadline_at - timezone.now() > datetime.timedelta(days=13)


def test_a_withdrawal_says_why():
    subscriber = SubscriberFactory()
    article = published_article(title="Doses")
    mark(subscriber, "sent")
    withdraw_article(article=article, user=None, reason="[[unsubscribe_url]] was made up.")
    mailing = Mailing.objects.get(key__startswith="withdrawal:")
    for content in (mailing.html, mailing.text):
        assert "[ [unsubscribe_url]] was made up." in content
        assert "Please do not rely on it." in content


def test_other_versions_and_unmailed_articles_make_no_mail():
    subscriber = SubscriberFactory()
    article = published_article()
    mark(subscriber, "sent")
    publish(article)
    assert Mailing.objects.count() == 1
    Mailing.objects.update(key="other")
    Delivery.objects.all().delete()
    correct(article)
    withdraw_article(article=article, user=None, reason="Wrong.")
    assert Mailing.objects.count() == 1


def test_a_notice_goes_to_who_consents_whatever_their_frequency():
    weekly, left = SubscriberFactory(), SubscriberFactory()
    article = published_article(title="Doses")
    for subscriber in (weekly, left):
        mark(subscriber, "sent")
    UpdateFrequency.objects.create(subscriber=weekly, frequency="weekly")
    record_consent(subscriber=left, stream="article_updates", is_granted=False, wording="Left.")
    correct(article)
    assert mails_of(weekly) == [ARTICLE, CORRECTION]
    assert mails_of(left) == [ARTICLE]


def test_a_pause_holds_back_news_but_no_correction(smtp_sink):
    subscriber = SubscriberFactory(email="reader@hospital.example")
    article = published_article(title="Doses")
    deliver_everything_due()
    Subscriber.objects.filter(pk=subscriber.pk).update(
        paused_until=timezone.localdate() + datetime.timedelta(days=14)
    )
    correct(article)
    published_article(title="Another one")
    deliver_everything_due()
    assert [item.message["Subject"] for item in smtp_sink.received] == [ARTICLE, CORRECTION]


def test_each_correction_is_told_of_once(clock):
    subscriber = SubscriberFactory()
    article = published_article(title="Doses")
    mark(subscriber, "sent")
    version = correct(article)
    assert send_correction(article=article, version=version) == []
    correct(article, notice="And not for children.")
    assert mails_of(subscriber) == [ARTICLE, CORRECTION, CORRECTION]
    for reason in ("Made up.", "Made up again."):
        withdraw_article(article=article, user=None, reason=reason)
        reinstate_article(article=article, user=None)
        publish(article)
    assert mails_of(subscriber) == [ARTICLE, CORRECTION, CORRECTION, WITHDRAWAL, WITHDRAWAL]


def test_a_digest_with_a_withdrawn_article_is_planned_anew_without_it(clock):
    clock.shift(-datetime.timedelta(days=1))
    waits, has_it = SubscriberFactory(), SubscriberFactory()
    for subscriber in (waits, has_it):
        UpdateFrequency.objects.create(subscriber=subscriber, frequency="daily")
    wrong, _right = published_article(title="Doses"), published_article(title="Scales")
    clock.move_to(NOON)
    assert plan_due_digests() == 2
    first = waits.deliveries.get()
    mark(has_it, "sent")
    withdraw_article(article=wrong, user=None, reason="Made up.")
    first.refresh_from_db()
    assert (first.state, first.reason) == ("skipped", "cancelled")
    assert plan_due_digests() == 1
    assert mails_of(waits) == ["New article: Scales"]
    assert mails_of(has_it) == ["2 new articles: Scales, and more", WITHDRAWAL]
    assert plan_due_digests() == 0


def test_a_digest_with_a_corrected_article_is_planned_anew_with_it(clock):
    clock.shift(-datetime.timedelta(days=1))
    subscriber = SubscriberFactory()
    UpdateFrequency.objects.create(subscriber=subscriber, frequency="daily")
    article = published_article(title="Doses")
    clock.move_to(NOON)
    plan_due_digests()
    clock.shift(60)
    correct(article)
    assert mails_of(subscriber) == []
    assert plan_due_digests() == 1
    assert mails_of(subscriber) == [ARTICLE]


def test_the_number_of_queries_does_not_grow_with_the_readers():
    counts = []
    for number in (1, 10):
        sent = [SubscriberFactory() for _ in range(number)]
        SubscriberFactory.create_batch(number)
        article = published_article()
        for subscriber in sent:
            Delivery.objects.filter(subscriber=subscriber, state="pending").update(
                state="sent", attempts=1, started_at=timezone.now(), finished_at=timezone.now()
            )
        approve(article)
        memory.forget()
        with CaptureQueriesContext(connection) as queries:
            publish_article(article=article, user=None, kind="correction", notice=NOTICE)
        counts.append(len(queries))
        assert Mailing.objects.latest("pk").candidate_count >= number
    assert counts[0] == counts[1]
    assert Mailing.objects.filter(key__startswith="correction:").count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_begins_while_a_correction_is_published_is_noticed():
    """Its delivery is in flight, not yet committed: the correction waits and tells the reader."""
    subscriber = SubscriberFactory()
    article = approve(published_article(title="Doses"))
    (delivery,) = claim_deliveries(worker=7, limit=1)

    def correcting():
        try:
            publish_article(article=article, user=None, kind="correction", notice=NOTICE)
        finally:
            connection.close()

    thread = threading.Thread(target=correcting)
    with transaction.atomic():
        # The engine's statement does not begin the transaction by itself.
        assert Delivery.objects.filter(state="claimed").exists()
        assert start_delivery(delivery, worker=7, stream=ARTICLE_UPDATES)
        thread.start()
        wait_until(_somebody_waits_for_a_row, 30, "the correction's wait")
    thread.join(30)
    assert mails_of(subscriber) == [ARTICLE, CORRECTION]


@pytest.mark.django_db(transaction=True)
def test_a_worker_cannot_begin_once_a_correction_is_published():
    subscriber = SubscriberFactory()
    article = approve(published_article(title="Doses"))
    (delivery,) = claim_deliveries(worker=7, limit=1)
    answers = []

    def beginning():
        try:
            answers.append(start_delivery(delivery, worker=7, stream=ARTICLE_UPDATES))
        finally:
            connection.close()

    thread = threading.Thread(target=beginning)
    with transaction.atomic():
        publish_article(article=article, user=None, kind="correction", notice=NOTICE)
        thread.start()
        wait_until(_somebody_waits_for_a_row, 30, "the worker's wait")
    thread.join(30)
    assert answers == [False]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reason) == ("skipped", "cancelled")
    assert mails_of(subscriber) == [ARTICLE]


def _somebody_waits_for_a_row():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_a_correction_arrives(smtp_sink, celery_worker):
    """The whole way, with a real worker and a real mail server."""
    SubscriberFactory(email="reader@hospital.example")
    article = published_article(title="Doses")
    wait_until(lambda: len(smtp_sink.received) == 1, 15, "the article")
    wait_until(lambda: Delivery.objects.filter(state="sent").exists(), 15, "its record")
    correct(article)
    wait_until(lambda: len(smtp_sink.received) == 2, 15, "the correction")
    mail = smtp_sink.received[1]
    assert mail.message["Subject"] == CORRECTION
    assert "it is 1 mg." in mail.text
    assert "[[" not in mail.text + mail.html
