"""The steps of a delivery: pending → claimed → in_flight → its end. Each is one short transaction.

A row that is claimed has not reached the mail server and may be given back. A row in flight may
have: if its worker dies it becomes ``unknown`` and is never sent again by itself.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from .events import record_refusal
from .models import Delivery, DeliveryQuerySet
from .relay import Answer, Verdict
from .streams import Stream

logger = logging.getLogger(__name__)

State = Delivery.State
Reason = Delivery.Reason

# How long to wait after the first, second, … refusal for now; the last one repeats.
BACK_OFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
)


@transaction.atomic
def claim_deliveries(*, worker: int, limit: int) -> list[Delivery]:
    """Take up to ``limit`` due deliveries for ``worker``; no other worker gets the same ones."""
    now = timezone.now()
    due = (
        Delivery.objects.due_at(now)
        .select_related("subscriber")
        .select_for_update(skip_locked=True, of=("self",))
    )
    deliveries = list(due[:limit])
    Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries]).update(
        state=State.CLAIMED, worker=worker
    )
    return deliveries


def release_claims(*, worker: int) -> None:
    """Give back what ``worker`` has claimed and not begun."""
    Delivery.objects.filter(worker=worker, state=State.CLAIMED).update(
        state=State.PENDING, worker=None
    )


def start_delivery(delivery: Delivery, *, worker: int, stream: Stream) -> bool:
    """Set a claimed row in flight, if it is still ours and still wanted; commit before SMTP.

    What is not wanted any more becomes ``skipped``: an opt-out takes effect with the next unsent
    message. A paused mailing's row is given back.
    """
    now = timezone.now()
    ours = Delivery.objects.filter(pk=delivery.pk, worker=worker, state=State.CLAIMED)
    ready = ours.whose_mailing(paused_at=None, cancelled_at=None)
    if stream.needs_consent:
        ready = ready.still_wanted(stream.key, now)
    if ready.update(state=State.IN_FLIGHT, attempts=F("attempts") + 1, started_at=now):
        delivery.attempts += 1
        return True
    ours.whose_mailing(paused_at__isnull=False, cancelled_at=None).update(
        state=State.PENDING, worker=None
    )
    skipped: dict[str, DeliveryQuerySet] = {
        Reason.CANCELLED: ours.whose_mailing(cancelled_at__isnull=False),
    }
    if stream.needs_consent:
        skipped[Reason.SUPPRESSED] = ours.with_consent(stream.key)
        skipped[Reason.OPTED_OUT] = ours
    for reason, rows in skipped.items():
        rows.update(state=State.SKIPPED, reason=reason, finished_at=now)
    return False


def give_up(delivery: Delivery, *, worker: int, reason: str) -> None:
    """Fail a claimed row that cannot be sent at all."""
    Delivery.objects.filter(pk=delivery.pk, worker=worker, state=State.CLAIMED).update(
        state=State.FAILED, reason=reason, finished_at=timezone.now()
    )


def record_answer(delivery: Delivery, answer: Answer, *, worker: int, stream: Stream) -> None:
    """Write down what the mail server said of a row in flight.

    A row that was declared unknown meanwhile, because this worker seemed dead, is corrected.
    """
    now = timezone.now()
    rows = Delivery.objects.filter(
        pk=delivery.pk, worker=worker, state__in=[State.IN_FLIGHT, State.UNKNOWN]
    )
    if answer.verdict is Verdict.DEFERRED:
        _defer(delivery, rows, answer, now)
        return
    states = {
        Verdict.ACCEPTED: (State.SENT, ""),
        Verdict.REFUSED: (State.FAILED, Reason.REFUSED),
        Verdict.UNKNOWN: (State.UNKNOWN, ""),
    }
    state, reason = states[answer.verdict]
    is_recorded = rows.update(
        state=state,
        reason=reason,
        smtp_code=answer.code,
        provider_id=answer.provider_id,
        finished_at=now,
    )
    if is_recorded and answer.verdict is Verdict.REFUSED:
        record_refusal(delivery, answer, stream=stream)


def _defer(delivery: Delivery, rows: DeliveryQuerySet, answer: Answer, now: datetime) -> None:
    wait = BACK_OFF[min(delivery.attempts, len(BACK_OFF)) - 1]
    rows.whose_mailing(deadline_at__lte=now + wait).update(
        state=State.FAILED, reason=Reason.TOO_LATE, smtp_code=answer.code, finished_at=now
    )
    rows.whose_mailing(deadline_at__gt=now + wait).update(
        state=State.DEFERRED,
        worker=None,
        smtp_code=answer.code,
        next_attempt_at=now + wait,
        finished_at=None,
    )


def recover_dead_workers() -> None:
    """Settle the rows of workers that died: in flight → unknown, claimed → pending.

    A worker lives as long as it holds its advisory lock. Who gets the lock knows that the worker
    is dead, and that nobody else is settling its rows.
    """
    taken = Delivery.objects.filter(state__in=[State.CLAIMED, State.IN_FLIGHT])
    for worker in taken.values_list("worker", flat=True).order_by().distinct():
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [worker])
                is_dead = cursor.fetchone()[0]
            if not is_dead or worker is None:
                continue
            # The worker stays on the row: should it be alive after all, its answer still counts.
            unknown_count = Delivery.objects.filter(worker=worker, state=State.IN_FLIGHT).update(
                state=State.UNKNOWN, finished_at=timezone.now()
            )
            release_claims(worker=worker)
        logger.warning("A mail worker died; %d deliveries are unknown", unknown_count)


def close_what_is_over() -> None:
    """End the open rows of cancelled mailings, and those past their mailing's deadline."""
    now = timezone.now()
    waiting = Delivery.objects.filter(state__in=[State.PENDING, State.DEFERRED])
    over: list[tuple[dict[str, Any], str, str]] = [
        ({"cancelled_at__isnull": False}, State.SKIPPED, Reason.CANCELLED),
        ({"deadline_at__lte": now}, State.FAILED, Reason.TOO_LATE),
    ]
    for condition, state, reason in over:
        rows = waiting.whose_mailing(**condition)
        rows.update(state=state, reason=reason, finished_at=now)
