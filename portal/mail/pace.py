"""How fast a relay is given messages, by all workers together: a row says when the next may begin.

A worker takes turns by moving ``RelayPace.next_at`` on, in one UPDATE: each is handed out once,
and nothing is locked while it waits for its own. Turns are taken before deliveries are claimed, and
only near ones: a claim is held for ``LONGEST_WAIT`` and ``HORIZON`` at most. Where the next turn is
further off, the run ends, and the scan comes back. For that, a relay that was idle may be given up
to ``BURST`` messages at once. So in any minute no more than ``per_minute + BURST`` are begun, and,
where workers are held up, for each of them what would have been begun in ``HORIZON``.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F
from django.utils import timezone

from .models import RelayPace
from .relay import open_relay

BURST = 10
# How far off a turn may be that a worker waits for.
LONGEST_WAIT = timedelta(seconds=5)
# Turns are taken for so long at a time.
HORIZON = timedelta(seconds=0.5)
MINUTE = timedelta(minutes=1)


def relay_name() -> str:
    """Return the name under which the relay of the settings has its pace."""
    return open_relay().name


@dataclass
class Turns:
    """Leave to begin ``count`` messages, the first at ``first_at`` (seconds, monotonic clock).

    ``interval``: seconds between two; 0: no limit.
    """

    relay: str
    count: int
    first_at: float = 0.0
    interval: float = 0.0
    used: int = 0

    def _seconds_left(self) -> float:
        if not self.interval:
            return 0.0
        return self.first_at + self.used * self.interval - time.monotonic()

    def has_to_wait(self) -> bool:
        return self._seconds_left() > 0

    def wait(self) -> None:
        """Sleep until the next turn and use it."""
        if (seconds := self._seconds_left()) > 0:
            time.sleep(seconds)
        self.used += 1

    def give_back(self) -> None:
        """Leave the turns that were not used to others (1 query, none without a limit)."""
        unused = self.count - self.used
        if self.interval and unused > 0:
            self.count = self.used
            RelayPace.objects.filter(relay=self.relay).update(
                next_at=F("next_at") - timedelta(seconds=self.interval) * unused
            )


def take_turns(*, limit: int, relay: str) -> Turns | None:
    """Return up to ``limit`` turns, or None where none is near (2 queries, 1 without a limit)."""
    pace = RelayPace.objects.filter(relay=relay, per_minute__isnull=False)
    per_minute = pace.values_list("per_minute", flat=True).first()
    if per_minute is None:
        return Turns(relay, limit)
    interval = MINUTE / per_minute
    count = max(1, min(limit, HORIZON // interval))
    now = timezone.now()
    clock = time.monotonic()
    next_at = _move_on(relay, now, interval, count)
    if next_at is None:
        return None
    seconds = (next_at - count * interval - now).total_seconds()
    return Turns(relay, count, clock + seconds, interval.total_seconds())


def _move_on(relay: str, now: datetime, interval: timedelta, count: int) -> datetime | None:
    """Take ``count`` turns; return the moment after the last, None if the first is too far off.

    A moment that no worker can have set is from before a clock was put back: then it is now.
    """
    statement = """
        UPDATE mail_relaypace SET next_at = %(length)s + CASE
            WHEN next_at > %(impossible)s THEN %(now)s
            ELSE greatest(next_at, %(earliest)s)
        END
        WHERE relay = %(relay)s AND per_minute IS NOT NULL
            AND (next_at <= %(latest)s OR next_at > %(impossible)s)
        RETURNING next_at
    """
    latest = now + LONGEST_WAIT
    values: dict[str, Any] = {
        "relay": relay,
        "now": now,
        "length": count * interval,
        "earliest": now - BURST * interval,
        "latest": latest,
        # A minute is the longest interval; a rate may just have been raised.
        "impossible": latest + HORIZON + 2 * MINUTE,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row: tuple[datetime] | None = cursor.fetchone()
    return row[0] if row else None


def set_pace(relay: str, per_minute: int | None) -> None:
    """Give ``relay`` no more than ``per_minute`` messages a minute from now on; None: no limit."""
    RelayPace.objects.update_or_create(
        relay=relay, defaults={"per_minute": per_minute, "next_at": timezone.now()}
    )
