"""How the outbox does, in a few figures. The alarm is the age of the oldest delivery that is due.

Whatever goes wrong (no worker, no beat, a mail server that is away, a forgotten pause of all mail),
what should be out is not, and that age grows.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from .models import Delivery, Sending

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Mail is looked for every half a minute: what is older than this is not being sent.
ALARM_AGE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Metrics:
    """``oldest_due_seconds``: 0 where nothing is due. Of paused mailings nothing is due."""

    oldest_due_seconds: float
    due: int
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
        SELECT due.oldest, due.n,
            (SELECT count(*) FROM mail_delivery WHERE state = 'unknown'),
            (SELECT count(*) FROM mail_delivery
                WHERE state = 'sent' AND finished_at > %(an_hour_ago)s),
            (SELECT count(DISTINCT worker) FROM mail_delivery JOIN pg_locks
                ON locktype = 'advisory' AND granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND (classid::bigint << 32 | objid::bigint) = worker
                WHERE state IN ('claimed', 'in_flight'))
        FROM (
            SELECT min(next_attempt_at) AS oldest, count(*) AS n
            FROM mail_delivery JOIN mail_mailing ON mail_mailing.id = mailing_id
            WHERE state IN ('pending', 'deferred') AND next_attempt_at <= %(now)s
                AND approved_at IS NOT NULL AND paused_at IS NULL AND cancelled_at IS NULL
        ) AS due
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, {"now": now, "an_hour_ago": now - timedelta(hours=1)})
        oldest, due, unknown, sent, workers = cursor.fetchone()
    return Metrics(
        oldest_due_seconds=(now - oldest).total_seconds() if oldest else 0.0,
        due=due,
        unknown=unknown,
        sent_last_hour=sent,
        workers=workers,
        is_paused=Sending.objects.filter(paused_at__isnull=False).exists(),
    )


def is_late() -> bool:
    """Whether mail waits that should be out for ``ALARM_AGE`` (1 query, by index)."""
    return Delivery.objects.due_at(timezone.now() - ALARM_AGE).exists()


def prometheus_text(metrics: Metrics) -> str:
    """Return the figures in Prometheus' text format."""
    figures = (
        (
            "oldest_due_seconds",
            "Age of the oldest delivery that is due",
            metrics.oldest_due_seconds,
        ),
        ("due", "Deliveries that are due", metrics.due),
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
