"""Exports in the background: full disks, the end of the file, and what the database keeps."""

import hashlib
import resource
from contextlib import contextmanager

import pytest
import time_machine
from django.db import IntegrityError, ProgrammingError
from django.utils import timezone

from feedback.exports.files import sweep_files
from feedback.exports.jobs import (
    cancel_export,
    expire_exports,
    look_after_exports,
    make_export,
    retry_export,
)
from feedback.models import ExportJob
from portal.core.models import ExportLog
from tests.factories import published_article
from tests.feedback.builders import answer

from .jobs import DAY, MOMENT, SHA, ready
from .many import many

# The file is read on a connection of its own, which sees only what was committed.
pytestmark = pytest.mark.django_db(transaction=True)

# --- disks ---------------------------------------------------------------------------------------


@contextmanager
def full_disk(size):
    """Let no file of this process become larger than ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_fails_it_and_a_retry_makes_it(make_job, exports_directory, sent, caplog):
    many(5_000)
    job = make_job()
    with full_disk(100_000):
        make_export(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error) == ("failed", "storage")
    assert list(exports_directory.iterdir()) == []
    assert ExportLog.objects.get().kind == "responses (failed)"
    assert job.requested_by.email not in caplog.text
    assert retry_export(job.pk) is True
    assert sent() == [str(job.pk)]
    job.refresh_from_db()
    assert (job.status, job.error, job.attempts, job.started_at) == ("waiting", "", 0, None)
    make_export(job.pk)
    assert ExportJob.objects.get().status == "ready"


def test_an_unwritable_storage_fails_it(make_job, exports_directory):
    exports_directory.parent.mkdir(parents=True, exist_ok=True)
    exports_directory.write_bytes(b"a file where the directory should be")
    try:
        job = make_job()
        make_export(job.pk)
        job.refresh_from_db()
        assert (job.status, job.error) == ("failed", "storage")
    finally:
        exports_directory.unlink()


def test_only_what_failed_is_retried(make_job, sent):
    job = make_job(**ready())
    assert retry_export(job.pk) is False
    assert (ExportJob.objects.get().status, sent()) == ("ready", [])


def test_a_storage_without_directories(make_job, settings):
    settings.STORAGES = settings.STORAGES | {
        "private": {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    }
    answer(published_article(), [[5, 4, 3, 1]] * 3)
    job = make_job()
    make_export(job.pk)
    job = ExportJob.objects.get()
    assert job.status == "ready"
    from portal.core.storage import private_storage

    with private_storage().open(job.file.name) as file:
        assert hashlib.sha256(file.read()).hexdigest() == job.sha256
    assert expire_exports(timezone.now() + 8 * DAY) == 1
    assert not private_storage().exists(f"exports/{job.pk}.csv")


# --- the end of the file -------------------------------------------------------------------------


def test_after_seven_days_the_file_is_deleted_and_the_row_stays(make_job, exports_directory, sent):
    job = make_job()
    make_export(job.pk)
    job.refresh_from_db()
    sha256 = job.sha256
    with time_machine.travel(job.expires_at - DAY / 24):
        look_after_exports()
    assert len(list(exports_directory.iterdir())) == 1
    with time_machine.travel(job.expires_at + DAY / 24):
        look_after_exports()
    assert list(exports_directory.iterdir()) == []
    job.refresh_from_db()
    assert (job.status, job.file.name, job.sha256) == ("expired", "", sha256)


def test_what_belongs_to_no_export_is_swept_away(make_job, exports_directory):
    exports_directory.mkdir(parents=True)
    kept = make_job(status="running", started_at=timezone.now(), attempts=1)
    finished = make_job(**ready())
    ExportJob.objects.filter(pk=finished.pk).update(file=f"exports/{finished.pk}.csv")
    cancelled = make_job()
    cancel_export(cancelled.pk)
    names = {
        f"{kept.pk}.part",
        f"{finished.pk}.csv",
        "somebody-elses.txt",
    }
    litter = {
        f"{cancelled.pk}.part",
        f"{cancelled.pk}.csv",
        f"{finished.pk}.part",
        "00000000-0000-0000-0000-000000000000.zip",
    }
    for name in names | litter:
        (exports_directory / name).write_bytes(b"x")
    assert sweep_files() == 4
    assert {path.name for path in exports_directory.iterdir()} == names


# --- what the database keeps ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "lost"},
        {"purpose": ""},
        {"attempts": 4},
        {"status": "running"},
        {"status": "running", "started_at": MOMENT},
        {"status": "failed", "finished_at": MOMENT},
        {"status": "waiting", "error": "storage"},
        {"status": "cancelled"},
        {"finished_at": MOMENT},
        {"file": "exports/x.csv"},
        {"sha256": SHA},
        ready(now=MOMENT, file=""),
        ready(now=MOMENT, sha256=""),
        ready(now=MOMENT, size=None),
        ready(now=MOMENT, snapshot_at=None),
        ready(now=MOMENT, expires_at=None),
        ready(now=MOMENT, rows_done=9),
        ready(now=MOMENT, status="expired"),
    ],
    ids=str,
)
def test_no_status_without_what_belongs_to_it(make_job, fields):
    with pytest.raises(IntegrityError):
        make_job(**fields)


def test_an_order_is_not_rewritten(make_job):
    job = make_job()
    with pytest.raises(ProgrammingError):
        ExportJob.objects.filter(pk=job.pk).update(purpose="Another")


def test_nothing_of_it_costs_more_where_more_waits(
    make_job, django_assert_num_queries, exports_directory, sent
):
    make_job()
    with django_assert_num_queries(3):
        look_after_exports()
    for _ in range(2):
        make_job(purpose="Another")
    # What is over its time; locks; what is open. (There is no directory yet.)
    with django_assert_num_queries(3):
        look_after_exports()
