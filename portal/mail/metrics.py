"""How the outbox does, in a few figures. The alarm: mail waits, and none goes out.

Whatever goes wrong (no worker, no beat, a mail server that is away, a forgotten pause of all mail),
what should be out is not, and the age of the oldest delivery that is due grows. A mail server that
puts off whatever it is given leaves nothing due: then it is the oldest of those that are put off.
A large mailing under a rate limit is old, too, but some of it goes out all the time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Exists, Q
from django.utils import timezone

from .models import Delivery, Sending

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Mail is looked for every half a minute: what is older than this is not being sent.
ALARM_AGE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Ages in seconds, 0 where there is nothing of the kind; ``last_sent_at``: None if never.

    What a person paused, cancelled or has yet to approve is neither due nor put off, and nothing is
    due before it was approved.
    """

    oldest_due_seconds: float
    due: int
    oldest_deferred_seconds: float
    deferred: int
    last_sent_at: datetime | None
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
        SELECT waiting.*,
            (SELECT max(finished_at) FROM mail_delivery WHERE state = 'sent'),
            (SELECT count(*) FROM mail_delivery WHERE state = 'unknown'),
            (SELECT count(*) FROM mail_delivery
                WHERE state = 'sent' AND finished_at > %(an_hour_ago)s),
            (SELECT count(DISTINCT worker) FROM mail_delivery JOIN pg_locks
                ON locktype = 'advisory' AND granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND (classid::bigint << 32 | objid::bigint) = worker
                WHERE state IN ('claimed', 'in_flight'))
        FROM (
            SELECT
                min(greatest(next_attempt_at, approved_at))
                    FILTER (WHERE next_attempt_at <= %(now)s),
                count(*) FILTER (WHERE next_attempt_at <= %(now)s),
                min(greatest(mail_delivery.created_at, approved_at))
                    FILTER (WHERE state = 'deferred'),
                count(*) FILTER (WHERE state = 'deferred')
            FROM mail_delivery JOIN mail_mailing ON mail_mailing.id = mailing_id
            WHERE state IN ('pending', 'deferred')
                AND approved_at IS NOT NULL AND paused_at IS NULL AND cancelled_at IS NULL
        ) AS waiting
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, {"now": now, "an_hour_ago": now - timedelta(hours=1)})
        oldest_due, due, oldest_deferred, deferred, last_sent_at, *counts = cursor.fetchone()
    unknown, sent, workers = counts
    return Metrics(
        oldest_due_seconds=(now - oldest_due).total_seconds() if oldest_due else 0.0,
        due=due,
        oldest_deferred_seconds=(now - oldest_deferred).total_seconds() if oldest_deferred else 0.0,
        deferred=deferred,
        last_sent_at=last_sent_at,
        unknown=unknown,
        sent_last_hour=sent,
        workers=workers,
        is_paused=Sending.objects.filter(paused_at__isnull=False).exists(),
    )


def is_late() -> bool:
    """Whether mail waits for longer than ``ALARM_AGE``, and none was sent meanwhile (1 query).

    Where some was sent, no row that waits is read.
    """
    before = timezone.now() - ALARM_AGE
    sent = Delivery.objects.filter(state=Delivery.State.SENT, finished_at__gt=before)
    waiting = Delivery.objects.filter(
        Q(next_attempt_at__lte=before) | Q(state=Delivery.State.DEFERRED, created_at__lte=before),
        state__in=[Delivery.State.PENDING, Delivery.State.DEFERRED],
        mailing__approved_at__lte=before,
        mailing__paused_at=None,
        mailing__cancelled_at=None,
    )
    return waiting.filter(~Exists(sent)).exists()


def prometheus_text(metrics: Metrics) -> str:
    """Return the figures in Prometheus' text format."""
    figures = (
        (
            "oldest_due_seconds",
            "Age of the oldest delivery that is due",
            metrics.oldest_due_seconds,
        ),
        ("due", "Deliveries that are due", metrics.due),
        (
            "oldest_deferred_seconds",
            "Age of the oldest delivery that the mail server puts off",
            metrics.oldest_deferred_seconds,
        ),
        ("deferred", "Deliveries that the mail server puts off", metrics.deferred),
        (
            "last_sent_timestamp_seconds",
            "When something was sent last, in Unix time; 0: never",
            metrics.last_sent_at.timestamp() if metrics.last_sent_at else 0,
        ),
        ("unknown", "Deliveries that may have arrived or not", metrics.unknown),
        ("sent_last_hour", "Deliveries sent within the last hour", metrics.sent_last_hour),
        ("workers", "Workers that are sending", metrics.workers),
        ("paused", "1 while nothing is sent at all", int(metrics.is_paused)),
    )
    return "".join(
        f"# HELP portal_mail_{name} {what}.\n# TYPE portal_mail_{name} gauge\n"
        f"portal_mail_{name} {value}\n"
        for name, what, value in figures
    )
