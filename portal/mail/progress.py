"""How far a mailing is: figures that always add up to its candidates."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from .models import DeliveryCount
from .models.counting import OUTCOME_OF_STATE

# The rate is that of the last minutes: what was slow an hour ago says nothing of now.
RATE_OVER = timedelta(minutes=5)
# Of a fast mailing, the last messages say it.
RATE_SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class Progress:
    """Deliveries of one mailing by outcome; ``per_minute``: sent of late."""

    counts: dict[str, int] = field(default_factory=dict)
    per_minute: float = 0.0

    @property
    def open(self) -> int:
        return self.counts.get("open", 0)

    @property
    def sent(self) -> int:
        return self.counts.get("sent", 0)

    @property
    def failed(self) -> int:
        return self.counts.get("failed", 0)

    @property
    def skipped(self) -> int:
        return self.counts.get("skipped", 0)

    @property
    def unknown(self) -> int:
        return self.counts.get("unknown", 0)

    @property
    def candidates(self) -> int:
        return sum(self.counts.values())

    @property
    def percent(self) -> float:
        """How many of a hundred are done with, whatever became of them; 100 of none."""
        return 100 - 100 * self.open / self.candidates if self.candidates else 100.0

    @property
    def time_left(self) -> timedelta | None:
        """None where nothing was sent of late."""
        if not self.open:
            return timedelta()
        return timedelta(minutes=self.open / self.per_minute) if self.per_minute else None


def progress_of(mailing_ids: Collection[int]) -> dict[int, Progress]:
    """Return the progress of each of the mailings (2 queries, whatever their size)."""
    found: dict[int, dict[str, int]] = {pk: {} for pk in mailing_ids}
    counted = DeliveryCount.objects.filter(mailing__in=mailing_ids).order_by()
    totals = counted.values_list("mailing", "outcome").annotate(total=Sum("n"))
    for pk, outcome, total in totals:
        found[pk][outcome] = total
    rates = _rates(mailing_ids)
    return {pk: Progress(counts, rates.get(pk, 0.0)) for pk, counts in found.items()}


def _rates(mailing_ids: Collection[int]) -> dict[int, float]:
    """Return the messages a minute of the mailings that went out of late (1 query).

    By the moments of the last messages alone: a fast mailing sends more in a minute than a page
    should count.
    """
    now = timezone.now()
    statement = """
        SELECT mailing, count(*), min(finished_at)
        FROM unnest(%s::bigint[]) AS mailing
        CROSS JOIN LATERAL (
            SELECT finished_at FROM mail_delivery
            WHERE mailing_id = mailing AND state = 'sent' AND finished_at > %s
            ORDER BY finished_at DESC
            LIMIT %s
        ) AS lately
        GROUP BY mailing
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(mailing_ids), now - RATE_OVER, RATE_SAMPLE])
        return {pk: _rate(count, now - since) for pk, count, since in cursor.fetchall()}


def _rate(count: int, over: timedelta) -> float:
    # A sample that is full says by itself how long it took; a few messages need time to say much.
    shortest = timedelta(seconds=1) if count == RATE_SAMPLE else timedelta(minutes=1)
    return count * (timedelta(minutes=1) / max(over, shortest))


def counts_differ() -> set[int]:
    """Return the mailings whose counts are not those of their deliveries: none, ever (1 query).

    Counts every delivery there is: for tests, and for whoever doubts.
    """
    statement = f"""
        SELECT DISTINCT mailing_id FROM (
            SELECT mailing_id, {OUTCOME_OF_STATE} AS outcome, 1 AS n FROM mail_delivery
            UNION ALL
            SELECT mailing_id, outcome, -n FROM mail_deliverycount
        ) AS compared
        GROUP BY mailing_id, outcome
        HAVING sum(n) <> 0
    """  # noqa: S608 - ours
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return {mailing for (mailing,) in cursor.fetchall()}
