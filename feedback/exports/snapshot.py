"""One view of the database for as long as a file takes, and the key of its pseudonyms."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.conf import settings
from django.db import connection
from psycopg import Connection, Cursor, IsolationLevel

SORT_MEMORY = "64MB"  # on the database server; what is larger goes to its disk
BLOCK_SIZE = 64  # bytes in a block of SHA-256, as HMAC pads its key


@contextmanager
def open_snapshot() -> Iterator[Cursor]:
    """Open a cursor in a REPEATABLE READ READ ONLY transaction on a connection of its own.

    Not the thread's connection: a server may run another request in this thread between two
    chunks, and its queries would wait for the end of the COPY for ever.
    """
    own = connection.copy()
    # A server may also ask for the next chunk in another thread.
    own.inc_thread_sharing()
    try:
        own.ensure_connection()
        database: Connection = own.connection
        database.isolation_level = IsolationLevel.REPEATABLE_READ
        database.read_only = True
        with database.transaction(), Cursor(database) as cursor:
            yield cursor
    finally:
        own.close()


def prepare(cursor: Cursor) -> datetime:
    """Make the snapshot ready for a file under a new key; return when it was taken."""
    taken_at = _set_plan(cursor)
    set_key(cursor, secrets.token_bytes(BLOCK_SIZE))
    return taken_at


def set_key(cursor: Cursor, key: bytes) -> None:
    """Give the transaction the two padded halves of an HMAC's key.

    ``psycopg.Cursor`` sends them as parameters beside the statement, so that the key stands in no
    SQL text, and so in neither the server's log nor its statistics. (COPY takes no parameters.)
    """
    inner = bytes(byte ^ 0x36 for byte in key)
    outer = bytes(byte ^ 0x5C for byte in key)
    cursor.execute(
        "SELECT set_config('portal.export_inner_key', %s, true),"
        " set_config('portal.export_outer_key', %s, true)",
        [inner.hex(), outer.hex()],
    )


def _set_plan(cursor: Cursor) -> datetime:
    """Tell the planner, for this transaction, what it cannot know of a million responses.

    All that is joined to them is small: it is hashed, or they would be sorted for each join. They
    are sorted once. Days are those of the house.
    """
    cursor.execute(
        "SELECT now(), set_config('enable_mergejoin', 'off', true),"
        " set_config('enable_nestloop', 'off', true),"
        " set_config('jit', 'off', true),"
        " set_config('work_mem', %s, true),"
        " set_config('TimeZone', %s, true)",
        [SORT_MEMORY, settings.TIME_ZONE],
    )
    [taken_at, *_] = cursor.fetchone() or [None]
    assert isinstance(taken_at, datetime)  # noqa: S101 - now() is never NULL
    return taken_at
