"""The outbox, with one commit for each message, against one raw smtplib connection.

Both give the same message to the same server (``mail_sink.py``), in turns. The outbox is what a
portal runs: a Celery worker with four processes, woken by Redis, each row in flight before its
message and recorded after it, on a server with fsync and synchronous commit. Raw is a loop around
``smtplib.SMTP.sendmail`` that keeps no record of anything. The server offers PIPELINING, as Postfix
does: the outbox takes it up (one round trip less for each message), smtplib cannot.

``MAIL_DELIVERIES``: how many are planned in one statement, sent at last with the processes' memory
compared to that after the first 10,000, and asked about by the progress page (default 100,000;
1,000,000 takes half an hour). ``MAIL_SENT``: how many of them are sent (default: all if
``MAIL_DELIVERIES`` is given, else 20,000).
"""

from __future__ import annotations

import os
import signal
import smtplib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.core.local.postgres import ROLE
from portal.core.local.processes import free_port, last_lines, spawn, stop, wait_until

from .harness import Result, median, portal_of_its_own, progress, staff_browser

if TYPE_CHECKING:
    from portal.mail.models import Mailing

PROCESSES = 4
ROUNDS, MESSAGES = 5, 4_000
QUICK_ROUNDS, QUICK_MESSAGES = 1, 60
DELIVERIES, SENT, FIRST = 100_000, 20_000, 10_000
QUICK_DELIVERIES, QUICK_FIRST = 500, 100
STREAM = "article_updates"
PLANNING_LIMIT, PROGRESS_LIMIT, MEMORY_LIMIT = 30, 100, 120  # seconds, milliseconds, MB
SIZE = 31_000  # bytes of a message, about

MAKE_SUBSCRIBERS = """
    WITH made AS (
        INSERT INTO mail_subscriber (
            public_id, email, language, time_zone, created_at, confirmed_at
        )
        SELECT gen_random_uuid(), 'reader' || number || '@hospital.example', 'en-gb', '',
            now(), now()
        FROM generate_series(1, %s) AS number
        RETURNING id
    )
    INSERT INTO mail_consent (subscriber_id, stream, is_granted, wording, wording_hash, recorded_at)
    SELECT id, 'article_updates', true, 'E-mail me.', repeat('0', 64), now() FROM made
"""


def run(*, quick: bool = False) -> Result:
    rounds, messages = (QUICK_ROUNDS, QUICK_MESSAGES) if quick else (ROUNDS, MESSAGES)
    first = QUICK_FIRST if quick else FIRST
    deliveries, sent = (QUICK_DELIVERIES, QUICK_DELIVERIES) if quick else _sizes()
    with portal_of_its_own() as postgres, sink(), workers() as worker:
        progress(f"making {deliveries:,} subscribers")
        with postgres.connect_as_superuser(ROLE) as connection:
            connection.execute(MAKE_SUBSCRIBERS, [deliveries])
        analyse()
        outbox, raw = [], []
        send(plan("warm-up", first=0, count=messages // 10))
        for number in range(1, rounds + 1):
            progress(f"round {number} of {rounds}: outbox")
            mailing = plan(f"round:{number}", first=0, count=messages)
            outbox.append(send(mailing))
            progress(f"round {number} of {rounds}: raw")
            raw.append(send_raw(mailing, messages))
        progress(f"memory: {first:,} deliveries")
        send(plan("memory", first=0, count=first))
        memory = {first: worker.memory()}
        progress(f"planning {deliveries:,} deliveries")
        began = time.perf_counter()
        large = plan("large", first=0, count=deliveries)
        planning = time.perf_counter() - began
        progress(f"memory: {sent:,} deliveries")
        rate_of_large = send(large, count=sent)
        memory[sent] = worker.memory()
        progress("the progress page")
        figures = progress_page(large)
        return Result(
            name="mail",
            ratio=median([ours / other for ours, other in zip(outbox, raw, strict=True)]),
            against="messages per second of one raw smtplib connection",
            figures={
                "outbox_per_second": median(outbox, 0),
                "raw_per_second": median(raw, 0),
                "processes": PROCESSES,
                "rounds": rounds,
                "messages": messages,
                "message_bytes": len(message_of(large)),
                "planned": deliveries,
                "planning_seconds": round(planning, 2),
                "planning_limit_seconds": PLANNING_LIMIT,
                "large_per_second": round(rate_of_large),
                "mb_per_process": {size: round(most, 1) for size, most in memory.items()},
                "memory_limit_mb": MEMORY_LIMIT,
                "memory_growth": round(memory[sent] / memory[first] - 1, 3),
                "progress_limit_ms": PROGRESS_LIMIT,
                **figures,
            },
        )


def _sizes() -> tuple[int, int]:
    given = os.environ.get("MAIL_DELIVERIES")
    deliveries = int(given or DELIVERIES)
    return deliveries, min(deliveries, int(os.environ.get("MAIL_SENT") or given or SENT))


# --- what is sent ---------------------------------------------------------------------------------


def plan(key: str, *, first: int, count: int) -> Mailing:
    """Plan a mailing to the ``count`` subscribers after the ``first``, as publishing does."""
    from django.utils import timezone

    from portal.mail.models import Subscriber
    from portal.mail.services import plan_mailing

    chosen = Subscriber.objects.order_by("pk")[first : first + count]
    paragraphs = "".join(
        f"<p>{number}: What was found, how sure it is, and what it means for practice.</p>"
        for number in range(SIZE // 2 // 110)
    )
    mailing = plan_mailing(
        key=f"benchmark:{key}",
        stream=STREAM,
        subject="New article",
        html="<!doctype html><html lang='en-gb'><head><style>p { margin: 0 0 1em }</style></head>"
        f"<body>{paragraphs}<p>[[funding]]</p><p><a href='[[preferences_url]]'>Your choices</a> "
        "<a href='[[unsubscribe_url]]'>Unsubscribe</a></p></body></html>",
        text=paragraphs + "\n[[funding]]\n[[preferences_url]]\n[[unsubscribe_url]]\n",
        language="en-gb",
        recipients=Subscriber.objects.consenting_to(STREAM).filter(
            pk__gte=chosen[0].pk, pk__lt=chosen[0].pk + count
        ),
        item_keys=[f"benchmark:{key}"],
        deadline_at=timezone.now() + timedelta(days=3),
    )
    if mailing is None or mailing.candidate_count != count:
        raise RuntimeError(f"The mailing {key} was not planned for {count} recipients")
    return mailing


def message_of(mailing: Mailing) -> bytes:
    from portal.mail.message import ComposedMailing
    from portal.mail.streams import get_stream

    composed = ComposedMailing(mailing, get_stream(mailing.stream))
    return composed.for_delivery(mailing.deliveries.select_related("subscriber")[0])


# --- the two ways ---------------------------------------------------------------------------------


def send(mailing: Mailing, *, count: int | None = None) -> float:
    """Wake the workers; return the messages per second until ``count`` are recorded, or all."""
    from portal.mail.control import cancel_mailing
    from portal.mail.progress import progress_of
    from portal.mail.tasks import deliver_due_mail

    wanted = count or mailing.candidate_count
    began = time.perf_counter()
    for _process in range(PROCESSES):
        deliver_due_mail.delay()
    while (found := progress_of([mailing.pk])[mailing.pk]).sent < wanted:
        if found.failed or found.unknown or time.perf_counter() - began > 60 + wanted / 20:
            raise RuntimeError(f"Not everything was sent: {found.counts}")
        time.sleep(0.05)
    rate = found.sent / (time.perf_counter() - began)
    if found.open:
        cancel_mailing(mailing)
        wait_until(partial(_is_over, mailing), seconds=120, pause=0.2)
    return rate


def _is_over(mailing: Mailing) -> bool:
    from portal.mail.progress import progress_of

    return not progress_of([mailing.pk])[mailing.pk].open


def send_raw(mailing: Mailing, count: int) -> float:
    """Send the same message ``count`` times over one connection; return messages per second."""
    content = message_of(mailing)
    address, recipient = "updates@localhost", "reader1@hospital.example"
    port = int(os.environ["EMAIL_URL"].rpartition(":")[2])
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        smtp.ehlo()
        began = time.perf_counter()
        for _number in range(count):
            smtp.sendmail(address, [recipient], content)
        return count / (time.perf_counter() - began)


@contextmanager
def sink() -> Iterator[None]:
    """Run the mail server in a process of its own; everything that is sent goes to it."""
    from django.conf import settings

    port = free_port()
    process = spawn([sys.executable, "-m", "benchmarks.mail_sink", str(port)], env=os.environ)
    os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{port}"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    try:
        if not wait_until(partial(_answers, port), seconds=20, pause=0.1):
            raise RuntimeError("The mail server did not start")
        yield
    finally:
        stop(process, signal.SIGTERM, patience=5)


def _answers(port: int) -> bool:
    try:
        smtplib.SMTP("127.0.0.1", port, timeout=2).close()
    except OSError:
        return False
    return True


class Worker:
    """A Celery worker with ``PROCESSES`` processes, as ``make run`` starts one."""

    def __init__(self) -> None:
        self.log = Path(os.environ["VAR_DIR"]) / "celery.log"
        command = [sys.executable, "-m", "celery", "-A", "portal", "worker"]
        command += [f"--concurrency={PROCESSES}", "--without-gossip", "--without-mingle"]
        with self.log.open("wb") as log:
            self.process = spawn([*command, "--loglevel=INFO"], output=log, env=os.environ)
        if not wait_until(lambda: " ready." in self.log.read_text(), seconds=60, pause=0.2):
            self.stop()
            raise RuntimeError(f"The worker did not start:\n{last_lines(self.log)}")

    def stop(self) -> None:
        stop(self.process, signal.SIGTERM, patience=15)

    def memory(self) -> float:
        """Return the most memory (RSS, MB) that any process that sends has had. Linux only."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        peaks = [
            int(line.split()[1])
            for pid in children.read_text().split()
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith("VmHWM")
        ]
        return max(peaks) / 1024


@contextmanager
def workers() -> Iterator[Worker]:
    progress(f"starting a worker with {PROCESSES} processes")
    worker = Worker()
    try:
        yield worker
    finally:
        worker.stop()


# --- the progress page ----------------------------------------------------------------------------


def progress_page(mailing: Mailing) -> dict[str, float]:
    """Return how long the desk's page of ``mailing`` takes, with all of it sent a moment ago.

    By Django's test client in a process that lives, for staff, who see most. ``cold``: before the
    database has looked at the table again.
    """
    from django.utils import timezone

    from portal.mail.models import Mailing
    from portal.mail.progress import counts_differ, progress_of

    now = timezone.now()
    mailing.deliveries.exclude(state="sent").update(
        state="sent", reason="", started_at=now, attempts=1, finished_at=now
    )
    if counts_differ():
        raise RuntimeError("The counts differ from the deliveries")
    browser = staff_browser()
    other = Mailing.objects.exclude(pk=mailing.pk).latest("pk")
    timed(browser, other)  # compiles the templates
    cold = timed(browser, mailing)
    analyse()
    if progress_of([mailing.pk])[mailing.pk].sent != mailing.candidate_count:
        raise RuntimeError("The progress is not that of the mailing")
    times = [timed(browser, mailing) for _time in range(25)]
    return {"progress_ms": median(times), "progress_most_ms": max(times), "progress_cold_ms": cold}


def timed(browser: Any, mailing: Mailing) -> float:
    from django.urls import reverse

    began = time.perf_counter()
    answer = browser.get(reverse("admin:mail_mailing_change", args=[mailing.pk]))
    if answer.status_code != HTTPStatus.OK:
        raise RuntimeError(f"The page answered {answer.status_code}")
    return round((time.perf_counter() - began) * 1000, 2)


def analyse() -> None:
    """Do what autovacuum does by and by."""
    from django.db import connection

    with connection.cursor() as cursor:
        for table in ("mail_subscriber", "mail_consent", "mail_delivery", "mail_deliverycount"):
            cursor.execute(f"VACUUM (ANALYZE) {table}")
