"""What must be true after every fault: nothing is lost, nothing is there twice, the sum adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone

from portal.mail.models import Delivery, Mailing
from portal.mail.progress import progress_of

from .sink import Seen

OPEN = frozenset(Delivery.OPEN)
# What the mail server may have: sent and unknown, and what is being sent right now.
MAY_HAVE_ARRIVED = frozenset({"sent", "unknown", "in_flight"})


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery: to whom, of which mailing (by its subject), and where it stands."""

    address: str
    subject: str
    state: str
    is_due: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """``candidates``: of each mailing; ``shown``: what its progress says, by outcome."""

    seen: Sequence[Seen]
    rows: Sequence[Row]
    candidates: Mapping[str, int]
    shown: Mapping[str, Mapping[str, int]]


@transaction.atomic
def gather(look: Callable[[], Sequence[Seen]]) -> Evidence:
    """Read the outbox, then ``look`` at the mail server; each mailing has a subject of its own.

    All of one moment: a worker that comes back from a stop may still correct an unknown.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    due = set(Delivery.objects.due_at(timezone.now()).values_list("pk", flat=True))
    rows = [
        Row(address, subject, state, pk in due)
        for pk, address, subject, state in Delivery.objects.values_list(
            "pk", "address", "mailing__subject", "state"
        )
    ]
    mailings = list(Mailing.objects.all())
    progress = progress_of([mailing.pk for mailing in mailings])
    return Evidence(
        seen=look(),
        rows=rows,
        candidates={mailing.subject: mailing.candidate_count for mailing in mailings},
        shown={mailing.subject: progress[mailing.pk].counts for mailing in mailings},
    )


def assert_nothing_lost_nothing_twice(evidence: Evidence, *, unknown: int) -> None:
    """Check what must be true when all has recovered; ``unknown``: how many may be, at most.

    One for each connection that was in use at each crash, and for each time that the mail server
    broke off after the end of a message.
    """
    complaints = [*_twice(evidence.seen), *_lost(evidence), *_sums(evidence)]
    states = Counter(row.state for row in evidence.rows)
    if states["unknown"] > unknown:
        complaints.append(f"{states['unknown']} are unknown, at most {unknown} may be")
    assert not complaints, "\n".join([*complaints[:12], f"states: {dict(states)}"])


def _twice(seen: Sequence[Seen]) -> Iterable[str]:
    for what in ("message_id", "address"):
        counts = Counter((item.subject, getattr(item, what)) for item in seen)
        for key, count in counts.items():
            if count > 1:
                yield f"{what} {count} times at the mail server: {key}"


def _lost(evidence: Evidence) -> Iterable[str]:
    arrived = {(item.subject, item.address) for item in evidence.seen}
    rows = {(row.subject, row.address): row for row in evidence.rows}
    for key in arrived - rows.keys():
        yield f"arrived and is planned nowhere: {key}"
    for key, row in rows.items():
        if row.state == "sent" and key not in arrived:
            yield f"sent and never arrived: {key}"
        if key in arrived and row.state not in MAY_HAVE_ARRIVED:
            yield f"arrived and is {row.state}: {key}"
        if row.is_due or row.state in {"claimed", "in_flight"}:
            yield f"left behind, {row.state}: {key}"


def _sums(evidence: Evidence) -> Iterable[str]:
    for subject, candidates in evidence.candidates.items():
        counts = Counter(
            "open" if row.state in OPEN else row.state
            for row in evidence.rows
            if row.subject == subject
        )
        if counts.total() != candidates:
            yield f"{subject}: {candidates} candidates, but {dict(counts)}"
        shown = {outcome: n for outcome, n in evidence.shown[subject].items() if n}
        if shown != dict(counts):
            yield f"{subject}: shown as {shown}, but {dict(counts)}"
