"""Settling unknown deliveries in bulk: by the mail server's log, or by a person's word."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from django.db import transaction

from .models import Delivery, DeliveryQuerySet, Mailing
from .reconcile import Finding, settle
from .references import deliveries_named
from .tasks import wake_workers

Resolution = Delivery.Resolution

# Message-IDs that are looked up at once.
CHUNK = 1000

WORDS = {
    Finding.ARRIVED: "arrived: they count as sent",
    Finding.LOST: "did not arrive: they count as failed",
    Finding.SEND_AGAIN: "are sent again: whoever got it all the same gets it twice",
}


@dataclass
class Summary:
    """What is found, or was: deliveries by finding, and how many were unknown before."""

    unknown: int
    counts: dict[Finding, int] = field(default_factory=dict)

    @property
    def settled(self) -> int:
        return sum(self.counts.values())

    def lines(self) -> list[str]:
        """Return the summary in words, one line for each outcome."""
        lines = [f"{self.unknown:,} unknown"]
        lines += [f"{count:,} {WORDS[finding]}" for finding, count in self.counts.items() if count]
        if self.unknown > self.settled:
            lines.append(f"{self.unknown - self.settled:,} stay unknown")
        return lines


@transaction.atomic
def reconcile_by_hand(mailing: Mailing, finding: Finding, *, does_it: bool) -> Summary:
    """Settle all unknown deliveries of ``mailing`` alike; without ``does_it`` only count them."""
    unknown = Delivery.objects.filter(mailing=mailing, state=Delivery.State.UNKNOWN)
    summary = Summary(unknown.count())
    summary.counts[finding] = summary.unknown
    if does_it:
        summary.counts[finding] = settle(unknown, finding, resolution=Resolution.HAND)
        wake_workers()
    return summary


@transaction.atomic
def reconcile_by_log(lines: Iterable[str], *, mailing: Mailing | None, does_it: bool) -> Summary:
    """Settle unknown deliveries (of ``mailing``, or all) as the mail server's log says.

    What the log does not mention stays unknown. 3 queries per ``CHUNK`` of its findings.
    """
    from .relay_log import findings

    unknown = Delivery.objects.filter(state=Delivery.State.UNKNOWN)
    if mailing is not None:
        unknown = unknown.filter(mailing=mailing)
    summary = Summary(unknown.count())
    # A later line about the same message says more: what was put off arrived after all.
    known: dict[int, Finding] = {}
    for chunk in _chunks(findings(lines)):
        known |= _of_unknown(unknown, chunk)
    for finding in Finding:
        ids = [pk for pk, found in known.items() if found is finding]
        if not ids:
            continue
        summary.counts[finding] = len(ids)
        if does_it:
            rows = unknown.filter(pk__in=ids)
            summary.counts[finding] = settle(rows, finding, resolution=Resolution.RELAY_LOG)
    return summary


def _of_unknown(unknown: DeliveryQuerySet, found: dict[str, Finding]) -> dict[int, Finding]:
    named = deliveries_named(found)
    still = set(unknown.filter(pk__in=named.values()).values_list("pk", flat=True))
    return {pk: found[reference] for reference, pk in named.items() if pk in still}


def _chunks(found: Iterator[tuple[str, Finding]]) -> Iterator[dict[str, Finding]]:
    while chunk := dict(islice(found, CHUNK)):
        yield chunk
