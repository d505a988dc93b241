"""The steps of a delivery: pending → claimed → in_flight → its end. Each is one short transaction.

A row that is claimed has not reached the mail server and may be given back. A row in flight may
have: if its worker dies it becomes ``unknown`` and is never sent again by itself.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections, transaction
from django.db.models import Q
from django.utils import timezone
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus

from portal.core.clock import clocks_agree

from .events import record_refusal
from .models import Delivery, DeliveryQuerySet, Sending
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


@contextmanager
def by_index() -> Iterator[None]:
    """Let PostgreSQL find every row by an index while in the block, whatever it believes.

    Until it has looked at the tables again, it thinks that a mailing that was just planned has a
    row or two. It sorts all of it for each batch (300 ms for 100,000 rows, not 1), and a plan that
    it keeps for a prepared statement reads the whole table for each message. It is to keep one from
    the first time on: by itself it makes five before it does, or one each time.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SET enable_sort = off; SET enable_seqscan = off;"
            " SET plan_cache_mode = force_generic_plan"
        )
    try:
        yield
    finally:
        # A connection that is lost has forgotten it.
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("RESET enable_sort; RESET enable_seqscan; RESET plan_cache_mode")


@transaction.atomic
def claim_deliveries(*, worker: int, limit: int) -> list[Delivery]:
    """Take up to ``limit`` due deliveries for ``worker``; no other worker gets the same ones."""
    due = (
        Delivery.objects.due_at(timezone.now())
        .select_related("subscriber")
        .select_for_update(skip_locked=True, of=("self",))
    )
    deliveries = list(due[:limit])
    Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries]).update(
        state=State.CLAIMED, worker=worker
    )
    return deliveries


def release_claims(*, worker: int) -> int:
    """Give back what ``worker`` has claimed and not begun; return how many."""
    return _give_back(Delivery.objects.filter(worker=worker, state=State.CLAIMED))


# The parameters of the statements below, in the order in which the server gets them; the last two
# belong to streams that need consent.
_PARAMETERS = ("pk", "worker", "now", "accepted", "code", "provider_id", "stream", "local_date")
# One statement, so one commit and one round trip: what the server said of the row before, and the
# next row in flight. All conditions stand in the UPDATE itself. Where it has to wait for the row,
# PostgreSQL looks again at the row's own columns (is it still ours?), but at the other tables as
# they were when the statement began. An opt-out that commits during such a wait comes too late, as
# does one a moment later; only workers and scans lock these rows, for milliseconds.
_START = """
    WITH recorded AS (
        UPDATE mail_delivery
        SET state = 'sent', reason = '', smtp_code = %(code)s, provider_id = %(provider_id)s,
            finished_at = %(now)s
        WHERE id = %(accepted)s AND worker = %(worker)s AND state IN ('in_flight', 'unknown')
    )
    UPDATE mail_delivery AS delivery
    SET state = 'in_flight', attempts = attempts + 1, started_at = %(now)s
    WHERE delivery.id = %(pk)s AND worker = %(worker)s AND state = 'claimed'
        AND EXISTS (
            SELECT FROM mail_mailing
            WHERE mail_mailing.id = delivery.mailing_id AND approved_at IS NOT NULL
                AND paused_at IS NULL AND cancelled_at IS NULL AND deadline_at > %(now)s
        )
        AND NOT EXISTS (SELECT FROM mail_sending WHERE paused_at IS NOT NULL)
"""
_START_IF_WANTED = (
    _START  # noqa: S608 - both are constants
    + """
        AND EXISTS (
            SELECT FROM mail_subscriber
            WHERE mail_subscriber.id = delivery.subscriber_id AND confirmed_at IS NOT NULL
                AND (
                    paused_until IS NULL OR paused_until <= %(local_date)s OR EXISTS (
                        SELECT FROM mail_mailing
                        WHERE mail_mailing.id = delivery.mailing_id AND is_sent_despite_pause
                    )
                )
                AND (
                    SELECT is_granted FROM mail_consent
                    WHERE mail_consent.subscriber_id = mail_subscriber.id
                        AND mail_consent.stream = %(stream)s
                    ORDER BY mail_consent.id DESC LIMIT 1
                )
        )
        AND NOT EXISTS (
            SELECT FROM mail_suppression
            WHERE lower(mail_suppression.address) = lower(delivery.address)
                AND (expires_at IS NULL OR expires_at > %(now)s)
        )
"""
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The row that the mail server took last, not recorded yet."""

    pk: int
    answer: Answer


# What each connection has been told once.
_prepared: WeakKeyDictionary[psycopg.Connection[Any], dict[str, bytes]] = WeakKeyDictionary()


def start_delivery(
    delivery: Delivery, *, worker: int, stream: Stream, accepted: Accepted | None = None
) -> bool:
    """Set a claimed row in flight, if it is still ours and still wanted; commit before SMTP.

    Records ``accepted`` in the same statement, whatever becomes of the row. An opt-out takes effect
    with the next unsent message: what is not wanted any more becomes ``skipped``, what has to wait
    is given back. 1 query where the row is ready.
    """
    now = timezone.now()
    parameters = {
        "pk": delivery.pk,
        "worker": worker,
        "now": now,
        "accepted": accepted and accepted.pk,
        "code": accepted and accepted.answer.code,
        "provider_id": accepted.answer.provider_id if accepted else "",
    }
    if stream.needs_consent:
        parameters |= {"stream": stream.key, "local_date": delivery.subscriber.local_date(now)}
    statement = _START_IF_WANTED if stream.needs_consent else _START
    if _execute_prepared(statement, parameters):
        delivery.attempts += 1
        return True
    _set_aside(delivery, worker=worker, stream=stream, now=now)
    return False


def _execute_prepared(statement: str, parameters: dict[str, Any]) -> int:
    """Execute ``statement``, planned once in ``by_index``; return how many rows it changed.

    Django binds parameters on its own side, so PostgreSQL would plan each one anew: that takes
    longer than the change. A cursor of psycopg's takes longer than the rest of our work; so this
    is what one does at last. Neither knows that a transaction may have to begin first: as the first
    statement of an atomic block it would commit by itself, so there it is refused.
    """
    database = connections[DEFAULT_DB_ALIAS]
    database.ensure_connection()
    session = database.connection
    if database.in_atomic_block and session.pgconn.transaction_status == TransactionStatus.IDLE:
        raise transaction.TransactionManagementError("The transaction has not begun")
    values = [parameters[name] for name in _PARAMETERS if name in parameters]
    with database.wrap_database_errors:
        name = _prepare(session, statement)
        result = session.pgconn.exec_prepared(
            name, [None if value is None else str(value).encode() for value in values]
        )
        if result.status != ExecStatus.COMMAND_OK:
            raise error_from_result(result)
    return result.command_tuples or 0


def _prepare(session: psycopg.Connection[Any], statement: str) -> bytes:
    """Return the name under which ``session`` knows ``statement``."""
    names = _prepared.setdefault(session, {})
    if statement not in names:
        name = f"outbox_{len(names)}".encode()
        places = {name: f"${number}" for number, name in enumerate(_PARAMETERS, 1)}
        result = session.pgconn.prepare(name, (statement % places).encode())
        if result.status != ExecStatus.COMMAND_OK:
            raise error_from_result(result)
        names[statement] = name
    return names[statement]


def _set_aside(delivery: Delivery, *, worker: int, stream: Stream, now: datetime) -> None:
    """Settle a claimed row that cannot be sent now: for good, or until its mailing goes on."""
    ours = Delivery.objects.filter(pk=delivery.pk, worker=worker, state=State.CLAIMED)
    _finish(ours.whose_mailing(cancelled_at__isnull=False), State.SKIPPED, Reason.CANCELLED, now)
    # A clock that is ahead says so of everything.
    if clocks_agree():
        _finish(ours.whose_mailing(deadline_at__lte=now), State.FAILED, Reason.TOO_LATE, now)
    waits = Q(paused_at__isnull=False) | Q(approved_at=None)
    _give_back(ours.whose_mailing(waits))
    if Sending.objects.filter(paused_at__isnull=False).exists():
        _give_back(ours)
    if stream.needs_consent:
        day = delivery.subscriber.local_date(now)
        reasons = {
            Reason.OPTED_OUT: ours.without_consent(stream.key),
            Reason.SUPPRESSED: ours.to_suppressed_addresses(now),
            Reason.PAUSED: ours.to_paused_subscribers(day).whose_mailing(
                is_sent_despite_pause=False
            ),
        }
        for reason, rows in reasons.items():
            _finish(rows, State.SKIPPED, reason, now)
    # Whatever stood in the way has gone meanwhile.
    _give_back(ours)


def _finish(rows: DeliveryQuerySet, state: str, reason: str, now: datetime) -> None:
    rows.update(state=state, reason=reason, finished_at=now)


def _give_back(rows: DeliveryQuerySet) -> int:
    return rows.update(state=State.PENDING, worker=None)


def give_up(delivery: Delivery, *, worker: int, reason: str) -> None:
    """Fail a claimed row that cannot be sent at all."""
    Delivery.objects.filter(pk=delivery.pk, worker=worker, state=State.CLAIMED).update(
        state=State.FAILED, reason=reason, finished_at=timezone.now()
    )


@transaction.atomic
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
    if clocks_agree():
        rows.whose_mailing(deadline_at__lte=now + wait).update(
            state=State.FAILED, reason=Reason.TOO_LATE, smtp_code=answer.code, finished_at=now
        )
    # What is in flight still waits, and is ended by a scan if its time is over.
    rows.filter(state__in=[State.IN_FLIGHT, State.UNKNOWN]).update(
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
            released_count = release_claims(worker=worker)
        # Nothing, if it came to its end just now, or another run was quicker.
        if unknown_count or released_count:
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
