"""How far a mailing is: figures that always add up to its candidates."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Count, Q
from django.utils import timezone

from .models import Delivery

# The rate is that of the last minutes: what was slow an hour ago says nothing of now.
RATE_OVER = timedelta(minutes=5)


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
    """Return the progress of each of the mailings (2 queries)."""
    outcomes = {"open": Delivery.OPEN} | {state.value: (state,) for state in Delivery.FINAL}
    deliveries = Delivery.objects.filter(mailing__in=mailing_ids).order_by()
    counted = deliveries.values("mailing").annotate(
        **{name: Count("pk", filter=Q(state__in=states)) for name, states in outcomes.items()}
    )
    lately = deliveries.filter(
        state=Delivery.State.SENT, finished_at__gt=timezone.now() - RATE_OVER
    ).values("mailing")
    rates = dict(lately.annotate(n=Count("pk")).values_list("mailing", "n"))
    minutes = RATE_OVER / timedelta(minutes=1)
    found = dict.fromkeys(mailing_ids, Progress())
    for row in counted:
        counts = {name: row[name] for name in outcomes}  # type: ignore[literal-required]
        found[row["mailing"]] = Progress(counts, rates.get(row["mailing"], 0) / minutes)
    return found
