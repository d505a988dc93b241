"""Real Celery workers, a real SMTP server, and what goes wrong between them."""

import datetime
import socket
import subprocess
import sys

import pytest
import redis
import time_machine
from django.db import transaction
from django.utils import timezone

from portal.core.clock import MAX_CLOCK_DIFFERENCE
from portal.mail.models import Delivery, Subscriber
from portal.mail.services import plan_mailing
from portal.mail.tasks import deliver_due_mail, wake_workers
from tests.factories import SubscriberFactory
from tests.fixtures_mail import ROOT, wait_until, worker_environment

pytestmark = pytest.mark.django_db(transaction=True)


def publish(recipients, key="article:1"):
    """Plan a mailing to new subscribers and wake the workers, as publishing does."""
    SubscriberFactory.create_batch(recipients)
    with transaction.atomic():
        mailing = plan_mailing(
            key=key,
            stream="article_updates",
            subject="New article",
            html="<p>New</p>",
            text="New",
            language="en-gb",
            recipients=Subscriber.objects.consenting_to("article_updates"),
            item_keys=[key],
            deadline_at=timezone.now() + datetime.timedelta(days=3),
        )
        wake_workers()
    return mailing


def count(*states):
    return Delivery.objects.filter(state__in=states).count()


def assert_sound(mailing, sink):
    """No message twice, every ``sent`` was seen, and the sum adds up."""
    assert len(sink.message_ids) == len(set(sink.message_ids))
    sent = set(mailing.deliveries.filter(state="sent").values_list("address", flat=True))
    assert sent <= set(sink.addresses)
    mailing.refresh_from_db()
    assert mailing.candidate_count == count("sent", "failed", "skipped", "unknown") + count(
        *Delivery.OPEN
    )


def forget_everything(settings):
    redis.from_url(settings.REDIS_URL).flushdb()


def test_the_wake_up_alone_sends(smtp_sink, start_celery_worker):
    start_celery_worker()
    mailing = publish(3)
    wait_until(lambda: count("sent") == 3, 15, "the delivery")
    assert_sound(mailing, smtp_sink)


def test_a_wake_up_outlives_the_difference_of_two_clocks(smtp_sink, start_celery_worker, settings):
    """Within ``MAX_CLOCK_DIFFERENCE`` mail is sent: then no task may be too old for the worker."""
    assert datetime.timedelta(seconds=settings.TASK_EXPIRES) > MAX_CLOCK_DIFFERENCE
    forget_everything(settings)
    with time_machine.travel(timezone.now() - MAX_CLOCK_DIFFERENCE):
        mailing = publish(3)
    start_celery_worker()
    wait_until(lambda: count("sent") == 3, 15, "the delivery")
    assert_sound(mailing, smtp_sink)


def test_the_scan_is_no_sooner_too_old_than_a_wake_up(settings):
    scan = settings.CELERY_BEAT_SCHEDULE["deliver-due-mail"]
    assert scan["options"]["expires"] == settings.TASK_EXPIRES
    for task in settings.CELERY_BEAT_SCHEDULE.values():
        assert task["options"]["expires"] >= settings.TASK_EXPIRES, task


def test_a_flushed_redis_loses_no_mail(smtp_sink, start_celery_worker, settings):
    forget_everything(settings)
    mailing = publish(3)
    assert redis.from_url(settings.REDIS_URL).llen(settings.CELERY_TASK_DEFAULT_QUEUE) == 1
    forget_everything(settings)
    start_celery_worker(has_beat=True)
    wait_until(lambda: count("sent") == 3, 15, "the scan")
    assert_sound(mailing, smtp_sink)


def test_a_killed_worker_costs_at_most_one_certainty(smtp_sink, start_celery_worker):
    """Killed between the end of a message and the answer: the hardest moment."""
    smtp_sink.delay = 0.1
    doomed = start_celery_worker()
    mailing = publish(20)
    wait_until(lambda: len(smtp_sink.received) >= 5, 15, "the first messages")
    doomed.kill()
    smtp_sink.delay = 0
    start_celery_worker(has_beat=True)
    wait_until(lambda: count(*Delivery.OPEN) == 0, 20, "the rest")
    assert count("unknown") <= 1
    assert count("sent") + count("unknown") == 20
    assert_sound(mailing, smtp_sink)


def test_two_workers_share_the_work(smtp_sink, start_celery_worker):
    smtp_sink.delay = 0.01
    start_celery_worker(has_beat=True)
    start_celery_worker(has_beat=True)
    mailing = publish(150)
    deliver_due_mail.delay()
    wait_until(lambda: count("sent") == 150, 30, "the delivery")
    assert len(smtp_sink.received) == 150
    assert_sound(mailing, smtp_sink)


def test_mail_waits_for_a_mail_server_that_is_away(smtp_sink, start_celery_worker):
    smtp_sink.stop()
    worker = start_celery_worker(has_beat=True)
    mailing = publish(3)
    wait_until(lambda: "not available" in worker.log.read_text(), 15, "an attempt")
    assert count("sent") == 0
    smtp_sink.start()
    wait_until(lambda: count("sent") == 3, 15, "the delivery")
    assert_sound(mailing, smtp_sink)


PUBLISH_TWICE = """
import time, django
django.setup()
from django.db import transaction
from portal.mail.tasks import wake_workers
for attempt in range(2):
    began = time.monotonic()
    with transaction.atomic():
        wake_workers()
    print(time.monotonic() - began)
"""


@pytest.mark.parametrize("accepts", [True, False], ids=["black hole", "refused"])
def test_publishing_without_redis_is_quick_and_quiet(accepts, settings):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if accepts:
            listener.listen(50)
        port = listener.getsockname()[1]
        # A process of its own: this one has connections to the real Redis.
        process = subprocess.run(
            [sys.executable, "-c", PUBLISH_TWICE],
            cwd=ROOT,
            env=worker_environment(settings) | {"REDIS_URL": f"redis://127.0.0.1:{port}/0"},
            capture_output=True,
            text=True,
            check=True,
        )
    assert process.stderr.count("could not be woken") == 2
    # The first attempt of a process also imports the broker's client.
    first, second = (float(line) for line in process.stdout.split())
    assert (first < 3, second < 1.5) == (True, True), (first, second)
    assert (second >= 1) == accepts
