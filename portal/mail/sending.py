"""Whether mail may go out at all: the clocks agree, nobody paused it, and no backup was restored.

A restored database believes unsent what was sent since its backup was made. It is found out in two
ways, both cheap enough for every batch:

- The row ``Sending`` keeps a fingerprint of the database that sent last: the cluster's system
  identifier, the object identifiers of the database and of the table of deliveries, and the
  cluster's time line. A dump restored anywhere, a copy, ``pg_upgrade``, recovery to a point in time
  and a promoted standby all change it. What any role may ask, so no privilege is needed.
- A snapshot of the whole disc comes back with the same fingerprint. But each batch has a number,
  and Redis remembers the last one: a database that is behind it went back. A Redis that is empty or
  away says nothing, and mail goes on. (A snapshot that holds Redis, too, cannot be told.)

Then nothing is claimed and nothing sent until ``manage.py mailings resume --all``.
"""

import logging
import time
import uuid
from dataclasses import dataclass
from functools import cache
from typing import Any

import redis
from django.conf import settings
from django.db import NotSupportedError, ProgrammingError, connection, transaction
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from portal.core.clock import clocks_agree

from .models import Sending

logger = logging.getLogger(__name__)

Reason = Sending.PauseReason

# A Redis that accepts and never answers costs a worker this …
REDIS_TIMEOUT = 0.2  # seconds
# … once in so long.
REDIS_REST = 30.0  # seconds

# One sorted set: each database's identity with the number of its last batch.
BATCHES_KEY = "portal:mail:batches"

_IDENTIFIERS = (
    "(SELECT oid FROM pg_database WHERE datname = current_database()), "
    "'mail_delivery'::regclass::oid"
)
_CLUSTER = (
    "(SELECT system_identifier FROM pg_control_system()), "
    "left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)"
)


def may_send() -> bool:
    """Whether a run may begin (3 queries). Logs why not."""
    if not clocks_agree():
        logger.error("No mail is sent: this machine and the database differ about the time")
        return False
    return _look(begins_batch=False)


def may_send_batch() -> bool:
    """Whether a worker may claim the next batch, which is counted (2 queries)."""
    # A clock may be put right, or wrong, in the middle of a long run.
    return clocks_agree() and _look(begins_batch=True)


def note_end_of_run() -> None:
    """Leave a mark that a backup made during the last batch does not have (1 query)."""
    _look(begins_batch=True)


def pause() -> bool:
    """Send nothing more, beginning with the next message; False if that is so already."""
    _known_state()
    running = Sending.objects.filter(paused_at=None)
    return bool(running.update(paused_at=timezone.now(), pause_reason=Reason.OPERATOR))


def trust_this_database() -> None:
    """Send from now on, and know this database as the one that does."""
    fields = {
        "database": _fingerprint(),
        # What Redis remembers of the database that this one was copied from counts no more.
        "identity": uuid.uuid4(),
        "batches": 0,
        "paused_at": None,
        "pause_reason": "",
    }
    Sending.objects.update_or_create(pk=1, defaults=fields)


# --- what the database says of itself -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _State:
    database: str
    identity: uuid.UUID
    batches: int
    is_paused: bool


def _look(*, begins_batch: bool) -> bool:
    # Redis first: what it remembers had been committed before, so a database that never went back
    # has it.
    remembered = _remembered()
    state = _next_batch() if begins_batch else _known_state()
    if state.is_paused:
        logger.warning("Sending is paused: `manage.py mailings resume --all` goes on")
        return False
    has_gone_back = remembered.get(str(state.identity), 0) > state.batches
    # Within a run the fingerprint stays: another database would be another connection, and that
    # ends the run.
    if has_gone_back or (not begins_batch and state.database != _fingerprint()):
        _pause_restored()
        return False
    if begins_batch:
        _remember(state)
    return True


def _known_state() -> _State:
    """Return the row; the first time, this database becomes the one that it knows."""
    row = Sending.objects.filter(pk=1).first()
    if row is None:
        Sending.objects.bulk_create([Sending(database=_fingerprint())], ignore_conflicts=True)
        row = Sending.objects.get(pk=1)
    return _State(row.database, row.identity, row.batches, row.paused_at is not None)


def _next_batch() -> _State:
    # Durable even where commits are not: otherwise a crash would look like a restored backup.
    statement = """
        UPDATE mail_sending SET batches = batches + 1 WHERE id = 1
        RETURNING database, identity, batches, paused_at IS NOT NULL,
            set_config('synchronous_commit', 'on', true)
    """
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return _known_state() if row is None else _State(*row[:4])


def _fingerprint() -> str:
    try:
        with transaction.atomic():
            return _ask(f"SELECT {_IDENTIFIERS}, {_CLUSTER}")
    except (ProgrammingError, NotSupportedError):
        # Some hosts of databases keep these functions to themselves.
        return _ask(f"SELECT {_IDENTIFIERS}")


def _ask(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return "/".join(map(str, cursor.fetchone()))


def _pause_restored() -> None:
    Sending.objects.filter(pk=1).update(paused_at=timezone.now(), pause_reason=Reason.RESTORED)
    logger.error(
        "No mail is sent: this database was restored or copied, and what it takes for unsent may "
        "have been sent. See docs/operators.md, then `manage.py mailings resume --all`."
    )


# --- what Redis remembers -------------------------------------------------------------------------


@cache
def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT,
        socket_connect_timeout=REDIS_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )


class _Rest:
    """Until when this process leaves a Redis alone that did not answer."""

    def __init__(self) -> None:
        self.until = 0.0

    def begin(self) -> None:
        self.until = time.monotonic() + REDIS_REST

    def is_on(self) -> bool:
        return time.monotonic() < self.until


_rest = _Rest()


def _remembered() -> dict[str, float]:
    """Return the last batch of each database, by identity; nothing if Redis is away."""
    if _rest.is_on():
        return {}
    try:
        # redis-py's types also know of clients that wait for nothing.
        found: Any = _client(settings.REDIS_URL).zrange(BATCHES_KEY, 0, -1, withscores=True)
    except redis.RedisError:
        _rest.begin()
        return {}
    return {member.decode(): score for member, score in found}


def _remember(state: _State) -> None:
    if _rest.is_on():
        return
    try:
        # "gt": workers that are overtaken on the way here put nothing back.
        _client(settings.REDIS_URL).zadd(BATCHES_KEY, {str(state.identity): state.batches}, gt=True)
    except redis.RedisError:
        _rest.begin()
