"""A run of a worker ends in time for other tasks, and the next one takes over."""

import datetime
import subprocess
import sys

import pytest
from django.utils import timezone

from articles.models import Article
from articles.services import schedule_article
from articles.tasks import publish_scheduled_articles
from portal.mail.models import Delivery
from portal.mail.tasks import deliver_due_mail
from portal.mail.worker import deliver_due
from tests.factories import SubscriberFactory, approved_article
from tests.fixtures_mail import ROOT, wait_until, worker_environment
from tests.mail.planning import State, plan

HOUR = datetime.timedelta(hours=1)


@pytest.mark.django_db
def test_a_run_ends_with_the_batch_in_which_its_time_is_up(smtp_sink, monkeypatch):
    monkeypatch.setattr("portal.mail.worker.BATCH_SIZE", 2)
    SubscriberFactory.create_batch(5)
    plan()
    runs = [deliver_due(seconds=0) for _number in range(4)]
    assert [run.sent_count for run in runs] == [2, 2, 1, 0]
    # The third cannot know that nothing is left.
    assert [run.is_cut_off for run in runs] == [True, True, True, False]
    assert len(set(smtp_sink.message_ids)) == len(smtp_sink.message_ids) == 5
    assert not Delivery.objects.filter(state=State.CLAIMED).exists()


@pytest.mark.django_db
def test_a_run_ends_in_the_middle_of_a_batch_that_is_slow(smtp_sink, settings):
    settings.MAIL_REPLY_TIMEOUT = 0.5
    smtp_sink.delay = 0.3
    SubscriberFactory.create_batch(5)
    plan()
    run = deliver_due(seconds=0)
    assert (run.sent_count, run.is_cut_off) == (2, True)
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.SENT, State.PENDING}


@pytest.mark.django_db
def test_a_run_without_a_limit_sends_everything(smtp_sink, monkeypatch):
    monkeypatch.setattr("portal.mail.worker.BATCH_SIZE", 2)
    SubscriberFactory.create_batch(5)
    plan()
    run = deliver_due()
    assert (run.sent_count, run.is_cut_off) == (5, False)


@pytest.mark.django_db(transaction=True)
def test_a_large_mailing_leaves_room_for_other_tasks(smtp_sink, start_celery_worker, monkeypatch):
    """One worker, woken twice for three batches; then an article's time has come."""
    monkeypatch.setenv("MAIL_RUN_SECONDS", "0.5")
    smtp_sink.delay = 0.01
    article = approved_article()
    schedule_article(article=article, user=None, scheduled_for=timezone.now() + HOUR)
    Article.objects.update(scheduled_for=timezone.now())
    SubscriberFactory.create_batch(300)
    mailing = plan()
    for _number in range(2):
        deliver_due_mail.delay()
    publish_scheduled_articles.delay()
    start_celery_worker()
    published = Article.objects.filter(pk=article.pk, status="published")
    wait_until(published.exists, 30, "the other task")
    assert mailing.deliveries.filter(state__in=Delivery.OPEN).count() > 0
    # No beat: each run wakes the next.
    sent = mailing.deliveries.filter(state=State.SENT)
    wait_until(lambda: sent.count() == 300, 30, "the delivery")
    # Once: the article's own e-mails still arrive.
    arrived = smtp_sink.message_ids
    assert len(set(arrived)) == len(arrived) >= 300


DELIVER = """
import django
django.setup()
from portal.mail.tasks import deliver_due_mail
deliver_due_mail()
"""


@pytest.mark.django_db(transaction=True)
def test_without_redis_a_run_goes_on_itself(smtp_sink, settings):
    SubscriberFactory.create_batch(210)
    plan()
    # A process of its own: this one has connections to the real Redis.
    environment = worker_environment(settings) | {
        "EMAIL_URL": smtp_sink.url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "MAIL_RUN_SECONDS": "0",
    }
    subprocess.run([sys.executable, "-c", DELIVER], cwd=ROOT, env=environment, check=True)
    assert (
        Delivery.objects.filter(state=State.SENT).count() == len(set(smtp_sink.message_ids)) == 210
    )
