"""One run of a worker: what is due, over one connection to the mail server."""

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from .message import ComposedMailing
from .models import Delivery, Mailing
from .outbox import (
    Accepted,
    by_index,
    claim_deliveries,
    close_what_is_over,
    give_up,
    record_answer,
    recover_dead_workers,
    release_claims,
    start_delivery,
)
from .pace import Turns, take_turns
from .relay import Answer, Relay, RelayUnavailableError, Verdict, open_relay
from .sending import may_send, may_send_batch, note_end_of_run
from .streams import Stream, get_stream

logger = logging.getLogger(__name__)

BATCH_SIZE = 100
# Seconds between attempts to record an answer after the database went away.
RECORDING_PAUSES = (0.5, 1, 2, 4)


class PooledConnectionError(Exception):
    """A pooler hands sessions of the database around: locks, which we live by, stay anywhere."""


@contextmanager
def sign_of_life() -> Iterator[int]:
    """Hold an advisory lock while in the block; yields its number, the worker's name.

    On a connection of its own: Celery closes Django's after each task, and whoever dies, however
    suddenly, loses the lock with the connection. No clock is involved. PooledConnectionError where
    a connection to the database is not a session of its own.
    """
    own_connection = connection.copy()
    number = secrets.randbits(63)
    try:
        with own_connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [number])
            _ensure_held(cursor, number)
        yield number
    finally:
        own_connection.close()


def _ensure_held(own: CursorWrapper, number: int) -> None:
    """Ask in a second statement whether the lock is still ours.

    A pooler in transaction mode lends sessions of the server, each for a transaction, and first of
    all the one that it got back last. So Django's connection has a transaction meanwhile: else we
    would get the same session again, as long as nobody else wants one.
    """
    with transaction.atomic(), connection.cursor() as other:
        other.execute("SELECT 1")
        own.execute(
            """
            SELECT EXISTS (
                SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
                AND (classid::bigint << 32 | objid::bigint) = %s
            )
            """,
            [number],
        )
        if not own.fetchone()[0]:
            # Left behind, the locks of many attempts would fill the server's memory for them.
            other.execute("SELECT pg_advisory_unlock(%s)", [number])
            raise PooledConnectionError


@dataclass(frozen=True, slots=True)
class Outcome:
    """``sent_count``: messages that the mail server has accepted; ``is_cut_off``: its time was up.

    Then more may be due, and the next run should begin at once.
    """

    sent_count: int = 0
    is_cut_off: bool = False


def deliver_everything_due() -> int:
    """Send what is due; return the number of messages that the mail server has accepted."""
    return deliver_due().sent_count


def deliver_due(*, seconds: float = float("inf")) -> Outcome:
    """Send what is due, until the batch in which ``seconds`` are over, or its middle if it is slow.

    Several runs at once share the work. A mail server that is away ends the run: what was
    claimed is given back, and the next scan tries again.
    """
    if not may_send():
        return Outcome()
    recover_dead_workers()
    close_what_is_over()
    if not Delivery.objects.due_at(timezone.now()).exists():
        return Outcome()
    try:
        with sign_of_life() as number, by_index():
            return _Run(number, seconds=seconds).make()
    except PooledConnectionError:
        logger.error(
            "No mail is sent: DATABASE_URL leads to a pooler in transaction mode (PgBouncer). Let "
            "workers connect to PostgreSQL itself, or by session mode."
        )
        return Outcome()


class _Run:
    def __init__(self, worker: int, *, seconds: float) -> None:
        self.worker = worker
        self.ends_at = time.monotonic() + seconds
        self.sent_count = 0
        self.is_cut_off = False
        # The answer that has not been recorded yet: it rides in the next row's commit.
        self.answer: tuple[Delivery, Answer, Stream] | None = None
        self.composed: dict[int, ComposedMailing] = {}

    def make(self) -> Outcome:
        try:
            with open_relay() as relay:
                self.deliver(relay)
        except RelayUnavailableError:
            logger.warning("The mail server is not available; the mail waits")
        finally:
            self.finish()
        return Outcome(self.sent_count, self.is_cut_off)

    def deliver(self, relay: Relay) -> None:
        while may_send_batch() and (turns := take_turns(limit=BATCH_SIZE, relay=relay.name)):
            deliveries = claim_deliveries(worker=self.worker, limit=turns.count)
            for delivery in deliveries:
                self.wait(turns)
                relay.ensure_open()
                self.deliver_one(delivery, relay)
                # A hundred answers, each of them slow, are hours.
                if time.monotonic() >= self.ends_at + settings.MAIL_REPLY_TIMEOUT:
                    break
            self.record()
            turns.give_back()
            if not deliveries:
                return
            if time.monotonic() >= self.ends_at:
                self.is_cut_off = True
                return

    def wait(self, turns: Turns) -> None:
        """Sleep until the next turn, with everything recorded that is known."""
        if turns.has_to_wait():
            self.record()
        turns.wait()

    def deliver_one(self, delivery: Delivery, relay: Relay) -> None:
        try:
            message = self.compose(delivery)
            content = message.for_delivery(delivery)
        except (LookupError, ValueError):
            logger.exception("Delivery %s cannot be built", delivery.pk)
            give_up(delivery, worker=self.worker, reason=Delivery.Reason.UNSENDABLE)
            return
        if self.start(delivery, message.stream):
            answer = relay.send(sender=message.sender, recipient=delivery.address, content=content)
            self.answer = (delivery, answer, message.stream)
            self.sent_count += answer.verdict is Verdict.ACCEPTED

    def start(self, delivery: Delivery, stream: Stream) -> bool:
        """Set the row in flight, and record in the same commit that the last one was accepted.

        Any other answer has effects of its own and is recorded before.
        """
        accepted = None
        if self.answer is not None:
            last, answer, _stream = self.answer
            if answer.verdict is Verdict.ACCEPTED:
                accepted = Accepted(last.pk, answer)
            else:
                self.record()
        is_ready = start_delivery(delivery, worker=self.worker, stream=stream, accepted=accepted)
        self.answer = None
        return is_ready

    def compose(self, delivery: Delivery) -> ComposedMailing:
        """Return the mailing's message, built once per run as long as mailings do not alternate."""
        if delivery.mailing_id not in self.composed:
            mailing = Mailing.objects.get(pk=delivery.mailing_id)
            self.composed = {mailing.pk: ComposedMailing(mailing, get_stream(mailing.stream))}
        return self.composed[delivery.mailing_id]

    def record(self) -> None:
        """Write down the last answer, which no other row's start can carry."""
        if self.answer is not None:
            delivery, answer, stream = self.answer
            record_answer(delivery, answer, worker=self.worker, stream=stream)
            self.answer = None

    def finish(self) -> None:
        """Record the last answer and give back what was not begun, even if the database restarts.

        Without this the answer is lost and the row becomes unknown, though we know it.
        """
        for pause in (*RECORDING_PAUSES, None):
            try:
                self.record()
                release_claims(worker=self.worker)
                note_end_of_run()
            except DatabaseError:
                if pause is None:
                    raise
                connection.close()
                time.sleep(pause)
            else:
                return
