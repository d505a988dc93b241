"""A portal of its own to break: database, mail server, and workers that are real processes."""

from __future__ import annotations

import copy
import datetime
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psycopg
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from portal.core.local.processes import is_alive
from portal.mail.models import Consent, Delivery, Mailing, Subscriber
from portal.mail.services import plan_mailing
from tests.factories import SubscriberFactory
from tests.fixtures_mail import ROOT, CeleryWorker, wait_until

from .cluster import Cluster
from .evidence import assert_nothing_lost_nothing_twice, gather
from .holds import HOLDS, INSTALL
from .sink import Line, Seen, Sink, Stage

STREAM = "article_updates"
# Within so long after a recovery nothing due may be left.
RECOVERY = 60


def ports_of(pid: int) -> set[int]:
    """Return the local TCP ports of a process's connections."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):
            sockets.add(str(descriptor.readlink()))
    ports = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if f"socket:[{fields[9]}]" in sockets:
            ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


class World:
    """``unknown``: how many deliveries may be unknown after all that has happened to it so far."""

    def __init__(
        self,
        cluster: Cluster,
        home: Path,
        *,
        email_timeout: float = 2,
        is_pipelining: bool = True,
    ) -> None:
        self.cluster = cluster
        self.home = home
        self.email_timeout = email_timeout
        self.redis_url = f"{cluster.redis.url}/0"
        self.unknown = 0
        self.kills = 0
        self.random_moments = 0
        self.workers: list[int] = []
        self.celery: list[CeleryWorker] = []
        self.clock = home / "clock"
        self.sink = Sink(home / "sink.jsonl", is_pipelining=is_pipelining)
        self.log = home / "workers.log"
        self.database = ""
        self._planned = 0
        self._log_position = 0
        self._killing = threading.Lock()

    # --- begin and end ----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.clock.write_text("0")
        self.database = self.cluster.new_database()
        self._elsewhere = dict(connection.settings_dict)
        self._connect_to(self.url)
        with connection.cursor() as cursor:
            cursor.execute(INSTALL)
        self.sink.start()
        self._output = self.log.open("ab")
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            cwd=ROOT,
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            text=True,
            start_new_session=True,
        )
        return self

    def __exit__(self, *problem: object) -> None:
        for worker in self.celery:
            # Nobody waits for its farewell: it has been looked at.
            if worker.process.poll() is None:
                worker.kill()
        os.killpg(self._nursery.pid, signal.SIGKILL)
        self._nursery.communicate()
        self._output.close()
        self.sink.stop()
        connection.close()
        connection.settings_dict.update(self._elsewhere)
        self.cluster.drop_database(self.database)

    @property
    def url(self) -> str:
        return self.cluster.postgres.url_of(self.database)

    def _connect_to(self, url: str) -> None:
        connection.close()
        parts = urlsplit(url)
        connection.settings_dict.update(
            NAME=parts.path[1:],
            USER=parts.username,
            PASSWORD=parts.password,
            HOST=parts.hostname,
            PORT=parts.port,
        )

    def environment(self) -> dict[str, str]:
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "DATABASE_URL": self.url,
            "REDIS_URL": self.redis_url,
            "EMAIL_URL": self.sink.url,
            "CELERY_QUEUE": self.database,
            "MAIL_SCAN_SECONDS": "1",
            "FAULTS_CLOCK": str(self.clock),
            "FAULTS_EMAIL_TIMEOUT": str(self.email_timeout),
            "MAIL_REPLY_TIMEOUT": str(self.email_timeout),
        }

    def restore(self, dump: bytes) -> None:
        """Put an old state of the database in the place of this one, as after a disaster."""
        connection.close()
        self.cluster.drop_database(self.database)
        self.cluster.load(dump, self.cluster.postgres.create_database(self.database))

    # --- mail -------------------------------------------------------------------------------------

    def plan(self, recipients: int = 8, *, size: int = 0) -> Mailing:
        """Plan a mailing to so many readers, ``size`` bytes and some more, and commit."""
        self.subscribe(recipients - Subscriber.objects.count())
        readers = Subscriber.objects.order_by("pk").values_list("pk", flat=True)[:recipients]
        self._planned += 1
        self._log_position = self.log.stat().st_size
        mailing = plan_mailing(
            key=f"news:{self._planned}",
            stream=STREAM,
            subject=f"News {self._planned}",
            html="<p>News <a href='[[unsubscribe_url]]'>leave</a></p>",
            text="News\n" + "A line of text that is there for its length.\n" * (size // 45),
            language="en-gb",
            recipients=Subscriber.objects.consenting_to(STREAM).filter(pk__in=list(readers)),
            item_keys=[f"news:{self._planned}"],
            deadline_at=timezone.now() + datetime.timedelta(days=3),
        )
        assert mailing is not None
        return mailing

    def subscribe(self, count: int) -> None:
        """Have so many more readers, who all consent."""
        if count <= 0:
            return
        consent = SubscriberFactory().consents.get()
        others = Subscriber.objects.bulk_create(SubscriberFactory.build_batch(count - 1))
        copies = [copy.copy(consent) for _ in others]
        for reader, its_consent in zip(others, copies, strict=True):
            its_consent.pk, its_consent.subscriber = None, reader
        Consent.objects.bulk_create(copies)

    def states_of(self, *mailings: Mailing) -> dict[str, int]:
        """Return how many deliveries are in each state: of the mailings, or of all."""
        rows = Delivery.objects.filter(mailing__in=mailings) if mailings else Delivery.objects
        return Counter(rows.values_list("state", flat=True))

    def new_log(self) -> str:
        """Return what the workers have written since the last planning."""
        return self.log.read_text()[self._log_position :]

    def make_due(self) -> None:
        """Let the time until the next attempts be over."""
        Delivery.objects.filter(state="deferred").update(next_attempt_at=timezone.now())

    def settle(self, seconds: float = RECOVERY) -> None:
        """Wait until nothing is due or under way; AssertionError if that takes too long."""

        def is_done() -> bool:
            # In one statement: between two, a row could slip from one state into the other.
            due = Delivery.objects.due_at(timezone.now()).order_by().values("pk")
            taken = Q(state__in=["claimed", "in_flight"])
            return not Delivery.objects.filter(taken | Q(pk__in=due)).exists()

        try:
            wait_until(is_done, seconds)
        except AssertionError:
            raise AssertionError(
                f"left behind after {seconds} s: {self.states_of()}\n{self.log.read_text()[-3000:]}"
            ) from None

    def assert_sound(self) -> None:
        """Settle, then check everything that must be true after a fault."""
        self.settle()
        assert_nothing_lost_nothing_twice(gather(self.sink.seen), unknown=self.unknown)

    def seen_of(self, mailing: Mailing) -> list[Seen]:
        return [seen for seen in self.sink.seen() if seen.subject == mailing.subject]

    # --- processes --------------------------------------------------------------------------------

    def order(self, do: str, **arguments: Any) -> int:
        """Have the nursery make a process; return its number."""
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._nursery.stdin.flush()
        answer = self._nursery.stdout.readline()
        assert answer, self.log.read_text()
        return int(answer)

    def start_workers(self, count: int = 1) -> list[int]:
        started = [self.order("work") for _ in range(count)]
        self.workers += started
        return started

    def start_celery(self, workers: int = 0, beats: int = 0) -> None:
        """Start real Celery workers and beats, and wait until the workers are ready."""
        started = [self._start_celery("worker", "--concurrency=1") for _ in range(workers)]
        for _ in range(beats):
            self._start_celery("beat", f"--schedule={self.home / f'beat-{len(self.celery)}'}")
        for worker in started:
            worker.wait_until_ready()

    def _start_celery(self, kind: str, *options: str) -> CeleryWorker:
        number = len(self.celery)
        log = self.home / f"celery-{number}.log"
        command = [sys.executable, "-m", "celery", "-A", "portal", kind, "--loglevel=INFO"]
        if kind == "worker":
            command += ["--without-gossip", "--without-mingle"]
            command += [f"--hostname=w{number}@{self.database}"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, *options],
                cwd=ROOT,
                env=self.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.celery.append(CeleryWorker(process, log))
        return self.celery[-1]

    def kill(self, pid: int) -> None:
        """Kill -9: from now on one more delivery may be unknown."""
        with self._killing:
            if pid in self.workers:
                self.workers.remove(pid)
                self.unknown += 1
                self.kills += 1
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid), 10, "the death of a worker")

    def stop_workers(self) -> None:
        """End the workers when all has settled: none of them is doing anything."""
        for pid in self.workers:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(map(is_alive, self.workers)), 10, "the end of the workers")
        self.workers.clear()

    def pid_of(self, port: int) -> int:
        """Return which worker has the local TCP port."""
        for pid in self.workers:
            if port in ports_of(pid):
                return pid
        raise LookupError(f"no worker has port {port}")

    # --- where it happens -------------------------------------------------------------------------

    @contextmanager
    def kill_at(self, point: Stage | str, *, after: int = 0) -> Iterator[Callable[[], None]]:
        """Kill the worker that comes to ``point`` for the time ``after`` + 1.

        Yields a function that waits until it is dead.
        """
        if isinstance(point, str):
            with self.held(point) as ports:

                def wait() -> None:
                    wait_until(ports, 20, f"a worker at {point}")
                    self.kill(self.pid_of(ports()[0]))

                yield wait
            return
        is_dead = threading.Event()
        with self.at(point, lambda line: self._kill_once(line, is_dead), after=after):
            yield lambda: wait_until(is_dead.is_set, 20, f"a worker at {point}")

    def _kill_once(self, line: Line, is_dead: threading.Event) -> None:
        pid = self.pid_of(line.port)
        self.kill(pid)
        is_dead.set()

    @contextmanager
    def at(
        self, stage: Stage, do: Callable[[Line], str | None], *, after: int = 0, times: int = 1
    ) -> Iterator[list[Line]]:
        """Have the mail server ``do`` something at a stage, after so many times, so many times.

        Yields the list of the connections to which it was done.
        """
        lock = threading.Lock()
        asked: list[Line] = []
        done: list[Line] = []

        def handle(line: Line) -> str | None:
            with lock:
                asked.append(line)
                if not after < len(asked) <= after + times:
                    return None
                done.append(line)
            return do(line)

        self.sink.on[stage] = handle
        try:
            yield done
        finally:
            self.sink.on.pop(stage, None)

    @contextmanager
    def held(self, point: str) -> Iterator[Callable[[], list[int]]]:
        """Let no worker get past a point in the database (see holds.py) while in the block.

        Yields a function that returns the TCP ports of those that wait there.
        """
        with psycopg.connect(self.url, autocommit=True) as own:
            own.execute("SELECT pg_advisory_lock(%s)", [HOLDS[point].number])

            def ports() -> list[int]:
                rows = own.execute(
                    """
                    SELECT client_port FROM pg_locks JOIN pg_stat_activity USING (pid)
                    WHERE locktype = 'advisory' AND NOT granted AND objid = %s
                    AND datname = current_database() ORDER BY query_start
                    """,
                    [HOLDS[point].number],
                )
                return [row[0] for row in rows]

            yield ports
