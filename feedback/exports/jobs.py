"""Exports that are made in the background: each step from the order to the end of the file.

PostgreSQL says what is to be done; Celery only carries "look at this one" (``tasks.py``), and may
carry it twice or never.
"""

import logging
from datetime import datetime
from uuid import UUID

import psycopg
from django.db import DatabaseError, transaction
from django.utils import timezone

from feedback.models import FILE_VALIDITY, MAX_ATTEMPTS, ExportError, ExportJob, ExportStatus
from feedback.models.exports import OPEN
from portal.accounts.models import User

from .files import delete_file, open_part, sweep_files
from .logs import KIND, KIND_CANCELLED, KIND_FAILED, log_export
from .mails import tell_requester
from .orders import Order, Written
from .tasks import send_later
from .work import ExportCancelledError, Work, locks_held, work_on
from .writing import write

logger = logging.getLogger(__name__)


@transaction.atomic
def order_export(*, user: User, purpose: str, order: Order, rows_total: int) -> ExportJob:
    """Have a file made in the background. A Redis that is away delays it until the next scan.

    A second press of the button returns the first one's export, as long as its file is not made.
    """
    # Of two presses at once the second must see what the first has made.
    User.objects.select_for_update().get(pk=user.pk)
    same = ExportJob.objects.open().filter(
        requested_by=user, purpose=purpose, order=order.as_filters()
    )
    if (job := same.first()) is not None:
        return job
    job = ExportJob.objects.create(
        requested_by=user, purpose=purpose, order=order.as_filters(), rows_total=rows_total
    )
    send_later(job.pk)
    return job


def make_export(job_id: UUID) -> None:
    """Make the file of an export that waits, or whose maker died; else do nothing.

    Called twice, also at the same time, it makes one file. A database that goes away leaves the
    export for the next scan.
    """
    job = ExportJob.objects.filter(pk=job_id).first()
    if job is None:
        return
    with work_on(job) as work:
        if work is None or (begun := _begin(job_id)) is None:
            return
        try:
            _make(begun, work)
        except ExportCancelledError:
            logger.info("An export was cancelled while it was being made")
        except (DatabaseError, psycopg.Error):
            logger.exception("The database went away from an export; the next scan begins again")
        except OSError:
            logger.exception("The file of an export cannot be stored")
            _fail(job_id, ExportError.STORAGE)
        except Exception:
            logger.exception("An export cannot be made")
            _fail(job_id, ExportError.UNEXPECTED)


@transaction.atomic
def _begin(job_id: UUID) -> ExportJob | None:
    """Mark the export as running, from its beginning; None if there is nothing to do."""
    job = ExportJob.objects.select_for_update().select_related("requested_by").get(pk=job_id)
    if not job.is_open:
        return None
    if job.attempts >= MAX_ATTEMPTS:
        _close(job, ExportStatus.FAILED, KIND_FAILED, error=ExportError.STOPPED)
        return None
    job.status = ExportStatus.RUNNING
    job.attempts += 1
    job.rows_done = 0
    job.started_at = timezone.now()
    job.save(update_fields=["status", "attempts", "rows_done", "started_at"])
    return job


def _make(job: ExportJob, work: Work) -> None:
    with open_part(job) as part:
        written = write(Order.from_filters(job.order), part.target, progress=work.report)
        # Asked once more before anything has a name.
        work.write_down(written.row_count)
        job.file.name = part.publish()
    try:
        is_wanted = _finish(job, written)
    except BaseException:
        # Nobody knows of the file.
        delete_file(job)
        raise
    if not is_wanted:
        delete_file(job)


@transaction.atomic
def _finish(job: ExportJob, written: Written) -> bool:
    """Say that the file can be fetched, log it and write to the requester; False if cancelled."""
    now = timezone.now()
    is_wanted = ExportJob.objects.filter(pk=job.pk, status=ExportStatus.RUNNING).update(
        status=ExportStatus.READY,
        file=job.file.name,
        rows_total=written.row_count,
        rows_done=written.row_count,
        columns=written.columns,
        size=written.size,
        sha256=written.sha256,
        snapshot_at=written.snapshot_at,
        finished_at=now,
        expires_at=now + FILE_VALIDITY,
    )
    if not is_wanted:
        return False
    log_export(
        user=job.requested_by,
        kind=KIND,
        purpose=job.purpose,
        order=Order.from_filters(job.order),
        columns=written.columns,
        row_count=written.row_count,
        sha256=written.sha256,
    )
    tell_requester(job)
    return True


@transaction.atomic
def _fail(job_id: UUID, error: ExportError) -> None:
    job = ExportJob.objects.select_for_update().select_related("requested_by").get(pk=job_id)
    if job.is_open:
        _close(job, ExportStatus.FAILED, KIND_FAILED, error=error)


@transaction.atomic
def cancel_export(job_id: UUID) -> bool:
    """Cancel an export that waits or runs; False if it is over. Who makes it stops by itself."""
    job = ExportJob.objects.select_for_update().select_related("requested_by").get(pk=job_id)
    if not job.is_open:
        return False
    _close(job, ExportStatus.CANCELLED, KIND_CANCELLED)
    return True


def _close(job: ExportJob, status: ExportStatus, kind: str, *, error: str = "") -> None:
    """End the export without a file, and log it; the caller holds its row."""
    job.status = status
    job.error = error
    job.finished_at = timezone.now()
    job.save(update_fields=["status", "error", "finished_at"])
    log_export(
        user=job.requested_by,
        kind=kind,
        purpose=job.purpose,
        order=Order.from_filters(job.order),
        columns=[],
        row_count=job.rows_done,
        sha256="",
    )


@transaction.atomic
def retry_export(job_id: UUID) -> bool:
    """Begin an export anew that failed; False if it did not."""
    is_failed = ExportJob.objects.filter(pk=job_id, status=ExportStatus.FAILED).update(
        status=ExportStatus.WAITING,
        error="",
        attempts=0,
        rows_done=0,
        started_at=None,
        finished_at=None,
    )
    if is_failed:
        send_later(job_id)
    return bool(is_failed)


def look_after_exports() -> None:
    """Do what nobody else does: late or twice it does the same.

    Exports that wait, or lost their maker, are sent to a worker again; files past their time are
    deleted, and so is what a dead maker left.
    """
    expire_exports(timezone.now())
    if count := sweep_files():
        logger.warning("%d files were left by exports that were stopped", count)
    held = locks_held()
    for job in ExportJob.objects.filter(status__in=OPEN).only("pk"):
        if job.lock not in held:
            send_later(job.pk)


def expire_exports(now: datetime) -> int:
    """Delete the files whose time is over; return how many. Their rows and the log stay."""
    count = 0
    for job in ExportJob.objects.expired_at(now):
        # The file first: if we die in between, the next scan finds the row again.
        delete_file(job)
        count += ExportJob.objects.filter(pk=job.pk, status=ExportStatus.READY).update(
            status=ExportStatus.EXPIRED, file=""
        )
    return count
