"""Exports in the background: each step, each way to end, and each way to die."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.utils import timezone

from feedback.exports.jobs import (
    cancel_export,
    look_after_exports,
    make_export,
    order_export,
)
from feedback.exports.orders import Order
from feedback.exports.work import ExportCancelledError, locks_held, work_on
from feedback.models import ExportJob
from portal.core.models import ExportLog
from portal.mail.models import Delivery
from tests.factories import published_article
from tests.feedback.builders import answer, rows_of
from tests.fixtures_mail import wait_until

from .holding import held_in_the_middle, is_running, responses_locked, waiting_for
from .jobs import DAY, mailings, ready
from .many import many

# The file is read on a connection of its own, which sees only what was committed.
pytestmark = pytest.mark.django_db(transaction=True)

# --- from the order to the file ------------------------------------------------------------------


def test_the_file_the_row_the_log_and_the_mail(make_job, exports_directory, smtp_sink):
    answer(published_article(), [[5, 4, 3, 1]] * 3)
    job = make_job(rows_total=2)
    before = timezone.now()
    make_export(job.pk)
    job.refresh_from_db()
    [path] = exports_directory.iterdir()
    content = path.read_bytes()
    assert path.name == f"{job.pk}.csv"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(rows_of(content)) == 3
    assert (job.status, job.error, job.attempts) == ("ready", "", 1)
    assert (job.rows_total, job.rows_done, job.size) == (3, 3, len(content))
    assert job.sha256 == hashlib.sha256(content).hexdigest()
    assert before <= job.snapshot_at <= job.finished_at
    assert job.expires_at == job.finished_at + 7 * DAY

    log = ExportLog.objects.get()
    assert (log.user, log.kind, log.purpose) == (job.requested_by, "responses", "Annual report")
    assert log.filters == {
        "format": "analysis",
        "shape": "wide",
        "packed": False,
        "comments": False,
    }
    assert (log.columns, log.row_count, log.sha256) == (job.columns, 3, job.sha256)
    assert log.columns[0] == "respondent"
    [delivery] = Delivery.objects.filter(mailing__in=mailings())
    assert delivery.address == job.requested_by.email


def test_the_mail_names_nobody_and_nothing_and_its_link_needs_a_sign_in(
    make_job, exports_directory, smtp_sink, client, staff_client, staff
):
    from portal.mail.worker import deliver_everything_due

    article = published_article(title="A very telling title")
    answer(article, [[5, 4, 3, 1]])
    job = make_job(order=Order.from_filters({**Order().as_filters(), "article": article.pk}))
    make_export(job.pk)
    mailing = mailings().get()
    # What waits in the outbox, where staff read it, leads nowhere.
    assert str(job.pk) not in mailing.html + mailing.text + mailing.subject
    deliver_everything_due()
    [received] = smtp_sink.received
    assert received.recipients == [staff.email]
    address = f"http://testserver/admin/feedback/survey/exports/{job.pk}/"
    assert address in received.text
    assert address in received.html
    for secret in (staff.name, staff.email, "telling", "Annual report", "haematology"):
        assert secret not in received.text + received.html + received.message["Subject"]
    path = address.removeprefix("http://testserver")
    assert client.get(path)["Location"].startswith("/admin/login/")
    assert "The file is ready" in staff_client.get(path).content.decode()


def test_done_twice_it_is_done_once(make_job, exports_directory):
    job = make_job()
    make_export(job.pk)
    make_export(job.pk)
    assert ExportLog.objects.count() == mailings().count() == 1
    assert ExportJob.objects.get().attempts == 1


def test_two_workers_at_once_make_one_file(make_job, exports_directory):
    many(5_000)
    job = make_job()
    start = Barrier(2)

    def work(_number):
        start.wait()
        try:
            make_export(job.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    job.refresh_from_db()
    assert (job.status, job.attempts) == ("ready", 1)
    assert ExportLog.objects.count() == mailings().count() == 1
    assert len(list(exports_directory.iterdir())) == 1


def test_an_order_of_nobody_is_no_error(db):
    import uuid

    make_export(uuid.uuid4())


def test_ordering_wakes_a_worker_after_the_commit(staff, sent):
    with transaction.atomic():
        job = order_export(user=staff, purpose="Audit", order=Order(), rows_total=7)
        assert sent() == []
    assert sent() == [str(job.pk)]
    assert (job.status, job.requested_by, job.rows_total) == ("waiting", staff, 7)


def test_pressed_twice_it_is_one_order(staff, sent):
    orders = [
        order_export(user=staff, purpose="Audit", order=Order(), rows_total=7) for _ in range(2)
    ]
    assert orders[0] == orders[1]
    another = order_export(user=staff, purpose="Another", order=Order(), rows_total=7)
    assert another != orders[0]
    assert ExportJob.objects.count() == 2


def test_an_order_that_is_over_can_be_given_again(staff, sent):
    first = order_export(user=staff, purpose="Audit", order=Order(), rows_total=7)
    cancel_export(first.pk)
    assert order_export(user=staff, purpose="Audit", order=Order(), rows_total=7) != first


# --- how far it is, and cancelling ---------------------------------------------------------------


def in_thread(job):
    """Start to make the file of ``job`` in another thread."""
    pool = ThreadPoolExecutor(1)

    def work():
        try:
            make_export(job.pk)
        finally:
            connection.close()

    future = pool.submit(work)
    pool.shutdown(wait=False)
    return future


def test_progress_is_committed_while_it_runs(make_job, exports_directory):
    many(5_000)
    job = make_job(rows_total=5_000)
    with held_in_the_middle(job, lambda: in_thread(job)) as future:
        job.refresh_from_db()
        assert job.status == "running"
        assert 0 < job.rows_done < 5_000
        assert 0 < job.percent < 100
        assert [path.suffix for path in exports_directory.iterdir()] == [".part"]
    future.result(60)
    job.refresh_from_db()
    assert (job.status, job.rows_done) == ("ready", 5_000)


def test_the_next_word_after_cancelling_ends_it_in_the_middle(make_job, exports_directory):
    many(5_000)
    job = make_job(rows_total=5_000, status="running", started_at=timezone.now(), attempts=1)
    with work_on(job) as work:
        work.report(700)
        # So soon after the first it would say nothing, and ask nothing.
        work.report(800)
        assert ExportJob.objects.get().rows_done == 700
        cancel_export(job.pk)
        with pytest.raises(ExportCancelledError):
            work.write_down(900)
    log = ExportLog.objects.get()
    assert (log.kind, log.row_count) == ("responses (cancelled)", 700)


def test_cancelling_what_runs_stops_it_and_leaves_nothing(make_job, exports_directory):
    many(5_000)
    job = make_job(rows_total=5_000)
    with responses_locked():
        future = in_thread(job)
        wait_until(lambda: is_running(job), what="the start")
        assert cancel_export(job.pk) is True
    future.result(60)
    job.refresh_from_db()
    assert (job.status, job.file.name, job.sha256) == ("cancelled", "", "")
    assert job.finished_at is not None
    assert list(exports_directory.iterdir()) == []
    log = ExportLog.objects.get()
    assert (log.kind, log.columns, log.sha256) == ("responses (cancelled)", [], "")
    assert mailings().count() == 0


def test_cancelled_when_all_rows_are_there_it_is_cancelled_all_the_same(
    make_job, exports_directory
):
    many(5_000)
    job = make_job(rows_total=5_000)
    with ThreadPoolExecutor(1) as pool:
        with held_in_the_middle(job, lambda: in_thread(job)) as future:

            def cancel():
                try:
                    return cancel_export(job.pk)
                finally:
                    connection.close()

            cancelling = pool.submit(cancel)
            wait_until(lambda: waiting_for(ExportJob) == 2, what="the button")
        is_cancelled = cancelling.result(60)
    future.result(60)
    job.refresh_from_db()
    # Who came first to the row decides, and nothing stands between the two.
    assert job.status == ("cancelled" if is_cancelled else "ready")
    assert len(list(exports_directory.iterdir())) == (0 if is_cancelled else 1)
    assert mailings().count() == (0 if is_cancelled else 1)
    assert ExportLog.objects.count() == 1


def test_what_waits_is_cancelled_and_never_begun(make_job, exports_directory):
    job = make_job()
    assert cancel_export(job.pk) is True
    make_export(job.pk)
    job.refresh_from_db()
    assert (job.status, job.attempts) == ("cancelled", 0)
    assert not exports_directory.exists()


def test_what_is_over_is_not_cancelled(make_job):
    job = make_job(**ready())
    assert cancel_export(job.pk) is False
    assert ExportJob.objects.get().status == "ready"
    assert ExportLog.objects.count() == 0


# --- who dies, and who finds out -----------------------------------------------------------------


def test_a_dead_workers_export_is_found_and_begun_again(make_job, exports_directory, sent):
    answer(published_article(), [[5, 4, 3, 1]] * 3)
    now = timezone.now()
    job = make_job(status="running", started_at=now, attempts=1, rows_done=2)
    # What it left: half a file, and one that had its name already but was in no row.
    exports_directory.mkdir(parents=True)
    (exports_directory / f"{job.pk}.part").write_bytes(b"half")
    (exports_directory / f"{job.pk}.csv").write_bytes(b"whole, and nobody was told")
    look_after_exports()
    assert sent() == [str(job.pk)]
    make_export(job.pk)
    job.refresh_from_db()
    assert (job.status, job.attempts, job.rows_done) == ("ready", 2, 3)
    [path] = exports_directory.iterdir()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == job.sha256


def test_after_three_attempts_it_has_failed(make_job, exports_directory, sent):
    job = make_job(status="running", started_at=timezone.now(), attempts=3, rows_done=2)
    exports_directory.mkdir(parents=True)
    (exports_directory / f"{job.pk}.part").write_bytes(b"half")
    look_after_exports()
    assert sent() == [str(job.pk)]
    make_export(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error, job.attempts) == ("failed", "stopped", 3)
    assert "Three attempts" in job.get_error_display()
    [log] = ExportLog.objects.all()
    assert (log.kind, log.row_count) == ("responses (failed)", 2)
    look_after_exports()
    assert list(exports_directory.iterdir()) == []


def test_who_lives_is_left_alone(make_job, sent, exports_directory):
    job = make_job(status="running", started_at=timezone.now(), attempts=1)
    exports_directory.mkdir(parents=True)
    (exports_directory / f"{job.pk}.part").write_bytes(b"half")
    with work_on(job) as work:
        assert work is not None
        assert job.lock in locks_held()
        look_after_exports()
        assert sent() == []
        make_export(job.pk)
        assert ExportJob.objects.get().attempts == 1
        assert (exports_directory / f"{job.pk}.part").exists()
    # The server closes a connection a moment after we do.
    wait_until(lambda: job.lock not in locks_held(), what="the end of the lock")


def test_what_redis_forgot_is_sent_again(make_job, sent):
    waiting = make_job()
    make_job(**ready(expires_at=timezone.now() + DAY))
    look_after_exports()
    assert sent() == [str(waiting.pk)]


def test_ordering_without_redis_costs_no_order(staff, settings):
    from portal.celery import app

    before = app.conf.broker_write_url
    app.conf.broker_write_url = "redis://127.0.0.1:1/0"
    pools, app.amqp._producer_pool = app.amqp._producer_pool, None
    try:
        begin = time.monotonic()
        job = order_export(user=staff, purpose="Audit", order=Order(), rows_total=7)
        assert time.monotonic() - begin < 5
    finally:
        app.conf.broker_write_url = before
        app.amqp._producer_pool = pools
    assert ExportJob.objects.get(pk=job.pk).status == "waiting"


def test_kill_9_in_the_middle_then_another_worker_makes_the_whole_file(
    start_celery_worker, staff, exports_directory
):
    many(5_000)
    order = Order(is_packed=False)
    job = order_export(user=staff, purpose="Audit", order=order, rows_total=5_000)
    with held_in_the_middle(job, start_celery_worker) as first:
        first.kill()
    job.refresh_from_db()
    assert (job.status, job.file.name) == ("running", "")
    assert job.rows_done > 0
    assert [path.suffix for path in exports_directory.iterdir()] == [".part"]
    wait_until(lambda: job.lock not in locks_held(), what="the end of the dead worker's lock")

    second = start_celery_worker(has_beat=True)
    wait_until(lambda: ExportJob.objects.get().status == "ready", 60, "the second attempt")
    second.stop()
    job.refresh_from_db()
    assert job.attempts == 2
    [path] = exports_directory.iterdir()
    content = path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == job.sha256
    assert len(rows_of(content)) == 5_000
    assert [log.kind for log in ExportLog.objects.all()] == ["responses"]
