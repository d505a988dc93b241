"""Who works on an export: a sign of life, and how far the work is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from feedback.models import ExportJob, ExportStatus

# Seconds between two words on how far the work is, which also ask whether it was cancelled.
REPORT_SECONDS = 0.5


class ExportCancelledError(Exception):
    """Nobody wants the file any more."""


class Work:
    """The work on one export, on a connection that holds the export's lock."""

    def __init__(self, job: ExportJob, own_connection: BaseDatabaseWrapper) -> None:
        self.job = job
        self.connection = own_connection
        self.reported_at = 0.0

    def report(self, rows_done: int) -> None:
        """Say how many rows are written, as often as ``REPORT_SECONDS`` allow.

        Raises ``ExportCancelledError`` if the export is no longer being made.
        """
        now = time.monotonic()
        if now - self.reported_at >= REPORT_SECONDS:
            self.reported_at = now
            self.write_down(rows_done)

    def write_down(self, rows_done: int) -> None:
        """Do so now. It is committed at once, whatever the transaction is that reads the rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(
                "UPDATE feedback_exportjob SET rows_done = %s WHERE id = %s AND status = %s",
                [rows_done, self.job.pk, ExportStatus.RUNNING],
            )
            if cursor.rowcount == 0:
                raise ExportCancelledError


@contextmanager
def work_on(job: ExportJob) -> Iterator[Work | None]:
    """Hold the export's lock while in the block; None if somebody else holds it.

    On a connection of its own: whoever dies, however suddenly, loses the lock with it. No clock is
    involved.
    """
    own_connection = connection.copy()
    try:
        with own_connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [job.lock])
            is_ours = cursor.fetchone()[0]
        yield Work(job, own_connection) if is_ours else None
    finally:
        own_connection.close()


def locks_held() -> set[int]:
    """Return the numbers of all advisory locks in this database (1 query)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT classid::bigint << 32 | objid::bigint FROM pg_locks
            WHERE locktype = 'advisory' AND objsubid = 1 AND granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """
        )
        return {number for (number,) in cursor.fetchall()}
