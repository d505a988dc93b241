"""Finding out what became of deliveries that are ``unknown``. Nothing here sends by itself."""

from collections.abc import Iterable
from enum import Enum

from django.db import transaction
from django.utils import timezone

from .models import Delivery, DeliveryQuerySet, MailEvent
from .references import deliveries_named

State = Delivery.State

BATCH_SIZE = 1000


class Finding(Enum):
    """What is known now: it arrived; it did not; it did not, and is to be sent again."""

    ARRIVED = "arrived"
    LOST = "lost"
    SEND_AGAIN = "send_again"


@transaction.atomic
def settle(deliveries: DeliveryQuerySet, finding: Finding, *, resolution: str) -> int:
    """Settle those of ``deliveries`` that are unknown; return how many (3 statements per 1,000).

    Nothing is sent again of a mailing that is cancelled or past its deadline: such stay unknown.
    ``resolution``: a ``Delivery.Resolution``, how it was found out. It is written down, too, as a
    report about each of them.
    """
    now = timezone.now()
    unknown = deliveries.filter(state=State.UNKNOWN).select_for_update(of=("self",))
    if finding is Finding.SEND_AGAIN:
        unknown = unknown.whose_mailing(cancelled_at=None, deadline_at__gt=now)
    ids = list(unknown.order_by("pk").values_list("pk", flat=True))
    changes: dict[Finding, dict[str, object]] = {
        Finding.ARRIVED: {"state": State.SENT, "finished_at": now},
        Finding.LOST: {
            "state": State.FAILED,
            "reason": Delivery.Reason.NOT_DELIVERED,
            "finished_at": now,
        },
        # Without a worker: should the one that sent it be alive after all, its answer comes too
        # late.
        Finding.SEND_AGAIN: {
            "state": State.PENDING,
            "worker": None,
            "next_attempt_at": now,
            "finished_at": None,
            # What becomes of it is another answer; the report keeps what was found out.
            "resolution": "",
        },
    }
    has_arrived = finding is Finding.ARRIVED
    kind = MailEvent.Kind.DELIVERED if has_arrived else MailEvent.Kind.NOT_DELIVERED
    for start in range(0, len(ids), BATCH_SIZE):
        batch = ids[start : start + BATCH_SIZE]
        Delivery.objects.filter(pk__in=batch).update(
            **{"reason": "", "resolution": resolution, **changes[finding]}
        )
        MailEvent.objects.bulk_create(
            MailEvent(
                delivery_id=pk, kind=kind, source=resolution, occurred_at=now, recorded_at=now
            )
            for pk in batch
        )
    return len(ids)


def settle_by_log(findings: Iterable[tuple[str, Finding]]) -> dict[Finding, int]:
    """Settle unknown deliveries by what a relay's log says; return how many, by finding.

    ``findings``: (Message-ID, what happened), in the log's order: the last word on a message
    counts. Messages that are not ours, or not unknown, are left as they are.
    """
    last = dict(findings)
    settled = dict.fromkeys(Finding, 0)
    message_ids = list(last)
    for start in range(0, len(message_ids), BATCH_SIZE):
        named = deliveries_named(message_ids[start : start + BATCH_SIZE])
        for finding in Finding:
            ids = [pk for message_id, pk in named.items() if last[message_id] is finding]
            if ids:
                settled[finding] += settle(
                    Delivery.objects.filter(pk__in=ids),
                    finding,
                    resolution=Delivery.Resolution.RELAY_LOG,
                )
    return settled
