"""Real parts for tests about mail: an SMTP server that remembers, and Celery worker processes.

Both need committed data: ``@pytest.mark.django_db(transaction=True)`` for what a worker reads.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

ROOT = Path(__file__).resolve().parent.parent


def wait_until(condition: Callable[[], Any], seconds: float = 30, what: str = "condition") -> None:
    """Return as soon as ``condition()`` is true; AssertionError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(0.05)


@dataclass
class Received:
    """A message as the server got it."""

    sender: str
    recipients: list[str]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.content, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part is not None
        return part.get_content()

    @property
    def html(self) -> str:
        part = self.message.get_body(("html",))
        assert part is not None
        return part.get_content()


@dataclass
class SmtpSink:
    """An SMTP server on a port of its own. Tests set how it answers:

    ``rcpt_answers``, ``sender_answers``: per address; ``mail_answer``, ``data_answer``: for all
    (None: accepted);
    ``delay``: seconds between a message's end and the answer; ``delay_before``: between its sender
    and the answer to that; ``closes_after_data``: breaks the
    connection instead of answering; ``closes_after``: takes so many messages on one connection,
    then closes it with 421; ``takes_commands_at_once``: offers PIPELINING. ``received`` fills at
    the end of the message's data, before the answer: what stands there may have been delivered;
    then ``on_message`` is called.
    """

    received: list[Received] = field(default_factory=list)
    on_message: Callable[[], object] | None = None
    rcpt_answers: dict[str, str] = field(default_factory=dict)
    sender_answers: dict[str, str] = field(default_factory=dict)
    mail_answer: str | None = None
    data_answer: str | None = None
    delay: float = 0
    delay_before: float = 0
    closes_after_data: bool = False
    closes_after: int | None = None
    takes_commands_at_once: bool = False
    port: int = 0
    _controller: Controller | None = None

    def start(self) -> None:
        # 0 the first time: any free port; the same again after stop().
        controller = Controller(_Handler(self), hostname="127.0.0.1", port=self.port or free_port())
        controller.start()
        self.port = controller.port
        self._controller = controller

    def stop(self) -> None:
        """Be away: connections are refused until ``start()``."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    @property
    def message_ids(self) -> list[str]:
        return [item.message["Message-ID"] for item in self.received]

    @property
    def addresses(self) -> list[str]:
        return [address for item in self.received for address in item.recipients]

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


class _Handler:
    def __init__(self, sink: SmtpSink) -> None:
        self.sink = sink
        self.counts: dict[Session, int] = {}

    async def handle_EHLO(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        offers = ["250-PIPELINING"] if self.sink.takes_commands_at_once else []
        return [*responses[:-1], *offers, responses[-1]]

    # aiosmtpd's names. A handler of MAIL or RCPT must note the address itself.
    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.sink.delay_before:
            await asyncio.sleep(self.sink.delay_before)
        if self.sink.closes_after is not None:
            count = self.counts[session] = self.counts.get(session, 0) + 1
            if count > self.sink.closes_after:
                return "421 4.4.5 enough for one connection"
        if refusal := self.sink.sender_answers.get(address, self.sink.mail_answer):
            return refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.sink.rcpt_answers:
            return self.sink.rcpt_answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.sink.data_answer:
            return self.sink.data_answer
        content = envelope.original_content or b""
        self.sink.received.append(
            Received(envelope.mail_from or "", list(envelope.rcpt_tos), content)
        )
        if self.sink.on_message:
            self.sink.on_message()
        if self.sink.delay:
            await asyncio.sleep(self.sink.delay)
        if self.sink.closes_after_data:
            server.transport.abort()
        return "250 OK"


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def smtp_sink(settings: Any) -> Iterator[SmtpSink]:
    """A running SMTP server to which this process's outbox, and each worker, sends."""
    sink = SmtpSink()
    sink.start()
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    yield sink
    sink.stop()


@dataclass
class CeleryWorker:
    process: subprocess.Popen[bytes]
    log: Path

    def wait_until_ready(self) -> None:
        wait_until(
            lambda: " ready." in self.log.read_text() or self.process.poll() is not None,
            60,
            "the Celery worker's start",
        )
        assert self.process.poll() is None, self.log.read_text()

    def kill(self) -> None:
        """SIGKILL for the worker and its children at once, as when a machine dies."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()


def worker_environment(settings: Any) -> dict[str, str]:
    """Return the environment of a process that works on this test's database, Redis and queue."""
    database = urlsplit(os.environ["DATABASE_URL"])
    name = settings.DATABASES["default"]["NAME"]
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATABASE_URL": database._replace(path=f"/{name}").geturl(),
        "SITE_URL": settings.SITE_URL,
        "MAIL_SCAN_SECONDS": "1",
        "SCHEDULE_SCAN_SECONDS": "1",
        "EXPORT_SCAN_SECONDS": "1",
    }


StartWorker = Callable[..., CeleryWorker]


@pytest.fixture
def start_celery_worker(
    smtp_sink: SmtpSink, settings: Any, tmp_path: Path
) -> Iterator[StartWorker]:
    """Return a function that starts a real worker on the test's database and queue.

    It sends to ``smtp_sink``. With ``has_beat`` it also scans the outbox, every second.
    """
    workers: list[CeleryWorker] = []

    def start(*, has_beat: bool = False) -> CeleryWorker:
        environment = worker_environment(settings) | {"EMAIL_URL": smtp_sink.url}
        log = tmp_path / f"celery-{len(workers)}.log"
        command = [sys.executable, "-m", "celery", "-A", "portal", "worker", "--concurrency=1"]
        command += ["--without-gossip", "--without-mingle", "--loglevel=INFO"]
        command += [f"--hostname=w{len(workers)}-{os.getpid()}@test"]
        if has_beat:
            command += ["--beat", f"--schedule={tmp_path / f'beat-{len(workers)}'}"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        worker = CeleryWorker(process, log)
        workers.append(worker)
        worker.wait_until_ready()
        return worker

    yield start
    # All at once: a warm stop takes a second or two.
    stops = [threading.Thread(target=worker.stop) for worker in workers]
    for thread in stops:
        thread.start()
    for thread in stops:
        thread.join()


@pytest.fixture
def celery_worker(start_celery_worker: StartWorker) -> CeleryWorker:
    """One real Celery worker with beat, as `make run` has it."""
    return start_celery_worker(has_beat=True)
