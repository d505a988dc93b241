"""How the outbox does, in a few figures. The alarm: mail waits, and none of its kind goes out.

Whatever goes wrong (no worker, no beat, a mail server that is away, a forgotten pause of all mail),
what should be out is not, and the age of the oldest delivery that is due grows. A mail server that
puts off whatever it is given leaves nothing due: then it is the oldest of those that are put off.
A large mailing under a rate limit is old, too, but some of it goes out all the time.

Account mail and updates (``PRIORITIES``) come from separate addresses, and a mail server may refuse
one of them: what goes out of one says nothing of the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Exists, Q
from django.utils import timezone

from .models import Delivery, DeliveryQuerySet, Sending
from .streams import PRIORITIES

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Mail is looked for every half a minute: what is older than this is not being sent.
ALARM_AGE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits of one priority, and when something of it went out last (None: never).

    Ages in seconds, 0 where there is nothing of the kind. What a person paused, cancelled or has
    yet to approve is neither due nor put off, and nothing is due before it was approved.
    """

    oldest_due_seconds: float
    due: int
    oldest_deferred_seconds: float
    deferred: int
    last_sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Metrics:
    """``waiting``: by priority."""

    waiting: dict[int, Waiting]
    unknown: int
    sent_last_hour: int
    workers: int
    is_paused: bool


def measure() -> Metrics:
    """Return the figures of this moment (2 queries).

    Each count reads a partial index of just what it counts, so they cost what is due, unknown or
    sent within the hour, and not what was ever sent.
    """
    now = timezone.now()
    statement = """
        SELECT priority,
            coalesce(extract(epoch FROM %(now)s - oldest_due), 0)::float, coalesce(due, 0),
            coalesce(extract(epoch FROM %(now)s - oldest_deferred), 0)::float,
            coalesce(deferred, 0),
            (SELECT max(finished_at) FROM mail_delivery
                WHERE state = 'sent' AND mail_delivery.priority = kinds.priority),
            (SELECT count(*) FROM mail_delivery
                WHERE state = 'sent' AND mail_delivery.priority = kinds.priority
                AND finished_at > %(an_hour_ago)s),
            (SELECT count(*) FROM mail_delivery WHERE state = 'unknown'),
            (SELECT count(DISTINCT worker) FROM mail_delivery JOIN pg_locks
                ON locktype = 'advisory' AND granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND (classid::bigint << 32 | objid::bigint) = worker
                WHERE state IN ('claimed', 'in_flight'))
        FROM unnest(%(priorities)s::int[]) AS kinds (priority) LEFT JOIN (
            SELECT
                priority,
                min(greatest(next_attempt_at, approved_at))
                    FILTER (WHERE next_attempt_at <= %(now)s) AS oldest_due,
                count(*) FILTER (WHERE next_attempt_at <= %(now)s) AS due,
                min(greatest(mail_delivery.created_at, approved_at))
                    FILTER (WHERE state = 'deferred') AS oldest_deferred,
                count(*) FILTER (WHERE state = 'deferred') AS deferred
            FROM mail_delivery JOIN mail_mailing ON mail_mailing.id = mailing_id
            WHERE state IN ('pending', 'deferred')
                AND approved_at IS NOT NULL AND paused_at IS NULL AND cancelled_at IS NULL
            GROUP BY priority
        ) AS waiting USING (priority)
    """
    values: dict[str, Any] = {
        "now": now,
        "an_hour_ago": now - timedelta(hours=1),
        "priorities": list(PRIORITIES),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    # The last two are the same in each row.
    unknown, workers = rows[0][-2:]
    return Metrics(
        waiting={priority: Waiting(*figures[:5]) for priority, *figures in rows},
        unknown=unknown,
        sent_last_hour=sum(row[6] for row in rows),
        workers=workers,
        is_paused=Sending.objects.filter(paused_at__isnull=False).exists(),
    )


def is_late() -> bool:
    """Whether mail waits for longer than ``ALARM_AGE``, and none like it was sent (1 query).

    Where some was sent, no row that waits is read.
    """
    before = timezone.now() - ALARM_AGE
    # One after the other: as one condition on the row, all that waits would be read.
    first, *others = (_late_of(priority, before) for priority in PRIORITIES)
    return first.union(*others, all=True).exists()


def _late_of(priority: int, before: datetime) -> DeliveryQuerySet:
    like_it = Delivery.objects.filter(priority=priority)
    sent = like_it.filter(state=Delivery.State.SENT, finished_at__gt=before)
    return like_it.filter(
        ~Exists(sent),
        Q(next_attempt_at__lte=before) | Q(state=Delivery.State.DEFERRED, created_at__lte=before),
        state__in=[Delivery.State.PENDING, Delivery.State.DEFERRED],
        mailing__approved_at__lte=before,
        mailing__paused_at=None,
        mailing__cancelled_at=None,
    )


def prometheus_text(metrics: Metrics) -> str:
    """Return the figures in Prometheus' text format; those of what waits, for each priority."""

    def of_each(figure: Callable[[Waiting], float]) -> dict[str, float]:
        return {
            f'{{priority="{priority}"}}': figure(waiting)
            for priority, waiting in metrics.waiting.items()
        }

    figures: tuple[tuple[str, str, dict[str, float]], ...] = (
        (
            "oldest_due_seconds",
            "Age of the oldest delivery that is due",
            of_each(lambda waiting: waiting.oldest_due_seconds),
        ),
        ("due", "Deliveries that are due", of_each(lambda waiting: waiting.due)),
        (
            "oldest_deferred_seconds",
            "Age of the oldest delivery that the mail server puts off",
            of_each(lambda waiting: waiting.oldest_deferred_seconds),
        ),
        (
            "deferred",
            "Deliveries that the mail server puts off",
            of_each(lambda waiting: waiting.deferred),
        ),
        (
            "last_sent_timestamp_seconds",
            "When something was sent last, in Unix time; 0: never",
            of_each(
                lambda waiting: waiting.last_sent_at.timestamp() if waiting.last_sent_at else 0
            ),
        ),
        ("unknown", "Deliveries that may have arrived or not", {"": metrics.unknown}),
        ("sent_last_hour", "Deliveries sent within the last hour", {"": metrics.sent_last_hour}),
        ("workers", "Workers that are sending", {"": metrics.workers}),
        ("paused", "1 while nothing is sent at all", {"": int(metrics.is_paused)}),
    )
    return "".join(
        f"# HELP portal_mail_{name} {what}.\n# TYPE portal_mail_{name} gauge\n"
        + "".join(f"portal_mail_{name}{label} {value}\n" for label, value in values.items())
        for name, what, values in figures
    )
