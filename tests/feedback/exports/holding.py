"""Hold an export where a test wants it, by locks in the database."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from django.db import connection
from django.db.models import Model

from feedback.models import ExportJob
from tests.fixtures_mail import wait_until

LOCK_RESPONSES = "LOCK TABLE feedback_response IN ACCESS EXCLUSIVE MODE"
# Others may read, not write. Whoever waits for a table gets it in turn, which is not so of a row.
LOCK_EXPORTS = "LOCK TABLE feedback_exportjob IN EXCLUSIVE MODE"


@contextmanager
def other_connection() -> Iterator[psycopg.Connection]:
    """Yield a connection of its own to the test's database; what it holds ends with the block."""
    params = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    with psycopg.connect(**{name: params[name] for name in names if name in params}) as other:
        yield other


def is_running(job: ExportJob) -> bool:
    return ExportJob.objects.get(pk=job.pk).status == "running"


def waiting_for(model: type[Model]) -> int:
    """Return how many wait for the table of ``model``."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [model._meta.db_table],
        )
        return cursor.fetchone()[0]


@contextmanager
def responses_locked() -> Iterator[None]:
    """Let nobody read responses until the end of the block."""
    with other_connection() as other:
        other.execute(LOCK_RESPONSES)
        yield


@contextmanager
def held_in_the_middle(job: ExportJob, start: Callable[[], Any]) -> Iterator[Any]:
    """Have ``start`` start an export, and hold it after it has said how far it is.

    Yields what ``start`` returns. At its first word the export waits for us. Our second lock stands
    behind it in the queue: its first word is committed, and it waits for us again at the next,
    before the file has its name.
    """
    with ExitStack() as stack:
        first, second = (stack.enter_context(other_connection()) for _ in range(2))
        with responses_locked():
            # Not before: an export that is fast would have said all its words.
            started = start()
            wait_until(lambda: is_running(job), 60, "the start of the export")
            first.execute(LOCK_EXPORTS)
        wait_until(lambda: waiting_for(ExportJob) == 1, 60, "the first word of the export")
        with ThreadPoolExecutor(1) as pool:
            locking = pool.submit(second.execute, LOCK_EXPORTS)
            wait_until(lambda: waiting_for(ExportJob) == 2, 60, "the second lock")
            first.commit()
            locking.result(60)
        wait_until(lambda: waiting_for(ExportJob) == 1, 60, "the second word of the export")
        yield started
