"""Answers that are sent through the whole stack against pgbench's single-row transactions.

What is sent is a POST of the form as a browser sends it: the gate's cookie, the CSRF cookie and its
token, the four statements; each by a reader who has not answered before, so each makes a row. The
web server has as many workers as `make run`; the clients are processes of their own. The other side
is one INSERT of such a row per transaction, by pgbench with two clients, on the same server with
the same durability (fsync, synchronous commit).
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

import psycopg

from portal.core.local.postgres import ROLE, EmbeddedPostgres, find_binaries
from portal.core.local.processes import unprivileged_account
from portal.core.local.web import web_command

from .harness import Result, median, portal_of_its_own, progress
from .web import WebServer

CUSTOMERS_ARTICLE = "late-failure-after-car-t-cell-therapy"
CLIENTS = 8  # browsers at once, each a process that waits for its answer before it sends again
DATABASE_CLIENTS = 2
ROUNDS, SECONDS = 5, 4.0
QUICK_ROUNDS, QUICK_SECONDS = 1, 0.5
# A round ends early where they are used up.
READERS_PER_SECOND = 1500
WARM_UP = 1.0  # seconds

MAKE_READERS = """
    INSERT INTO attestation_reader (id, profession, specialty, country, created_at)
    SELECT unnest(%s::uuid[]), 'physician', 'haematology', 'GB', now()
"""
TABLE = """
    CREATE TABLE single_row (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        reader_id uuid NOT NULL,
        article_id bigint NOT NULL,
        levels smallint[] NOT NULL,
        submitted_at timestamptz NOT NULL
    )
"""
INSERT = """\
INSERT INTO single_row (reader_id, article_id, levels, submitted_at) \
VALUES (gen_random_uuid(), 1, ARRAY[4, 4, 5, 3]::smallint[], now());
"""


def run(*, quick: bool = False) -> Result:
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if quick else (ROUNDS, SECONDS)
    with portal_of_its_own() as postgres, WebServer(web_command("{port}")) as server:
        with psycopg.connect(postgres.url) as connection:
            connection.execute(TABLE)
        submissions = Submissions(postgres, server)
        progress("warming up")
        submissions.take(min(WARM_UP, seconds))
        rates, singles, used = [], [], []
        for number in range(1, rounds + 1):
            progress(f"round {number} of {rounds}: answers")
            before, sent = server.processor_seconds(), submissions.sent
            rate = submissions.take(seconds)
            busy = server.processor_seconds() - before
            used.append(busy / max(submissions.sent - sent, 1) * 1e6)
            rates.append(rate)
            progress(f"round {number} of {rounds}: pgbench")
            singles.append(single_rows(postgres, seconds))
        times = sorted(1000 * one for one in submissions.latencies)
        return Result(
            name="survey",
            ratio=median([rate / one for rate, one in zip(rates, singles, strict=True)]),
            against="single-row INSERT transactions per second, pgbench with 2 clients",
            figures={
                "answers_per_second": median(rates, 0),
                "single_rows_per_second": median(singles, 0),
                "clients": CLIENTS,
                "rounds": rounds,
                "sent": submissions.sent,
                "saved": submissions.saved(),
                "p50_ms": round(times[len(times) // 2], 1),
                "p95_ms": round(times[len(times) * 95 // 100], 1),
                "server_microseconds": median(used, 0),
            },
        )


class Submissions:
    """Readers who each send their answers once, through ``server``."""

    def __init__(self, postgres: EmbeddedPostgres, server: WebServer) -> None:
        self.postgres, self.port = postgres, server.port
        self.path, self.csrf_cookie, self.body = _form()
        self.readers: list[uuid.UUID] = []
        self.sent = 0
        self.latencies: list[float] = []  # seconds

    def take(self, seconds: float) -> float:
        """Have ``CLIENTS`` processes send for ``seconds``; return the answers saved per second."""
        with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
            processes = []
            for number in range(CLIENTS):
                path = Path(directory) / f"{number}.json"
                path.write_text(json.dumps(self._order(seconds)))
                command = [sys.executable, "-m", "benchmarks.survey", str(path)]
                processes.append(subprocess.Popen(command, stdout=subprocess.PIPE))
            found = [json.loads(process.communicate()[0]) for process in processes]
        self.sent += sum(sample["sent"] for sample in found)
        self.latencies += [one for sample in found for one in sample["latencies"]]
        return sum(float(len(sample["latencies"]) / sample["seconds"]) for sample in found)

    def saved(self) -> int:
        """Return how many responses of our readers there are."""
        from feedback.models import Response

        return Response.objects.filter(reader__in=self.readers).count()

    def _order(self, seconds: float) -> dict[str, object]:
        readers = [uuid.uuid4() for _ in range(int(READERS_PER_SECOND * seconds / CLIENTS) + 50)]
        self.readers += readers
        with self.postgres.connect_as_superuser(ROLE) as connection:
            connection.execute(MAKE_READERS, [readers])
        requests = [self._request(reader) for reader in readers]
        return {"port": self.port, "seconds": seconds, "requests": requests}

    def _request(self, reader_id: uuid.UUID) -> str:
        from django.conf import settings
        from django.http import HttpResponse

        from portal.attestation.cookie import AttestedReader, set_cookie
        from portal.attestation.models import current_statement

        response = HttpResponse()
        set_cookie(response, AttestedReader(reader_id, current_statement().number))
        declared = response.cookies[settings.ATTESTATION_COOKIE_NAME].value
        cookies = "; ".join(
            (
                f"{settings.CSRF_COOKIE_NAME}={self.csrf_cookie}",
                f"{settings.ATTESTATION_COOKIE_NAME}={declared}",
            )
        )
        lines = [
            f"POST {self.path} HTTP/1.1",
            "Host: localhost",
            "Origin: http://localhost",
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Accept: text/html",
            "Accept-Language: en-GB,en;q=0.8",
            f"Cookie: {cookies}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(self.body)}",
        ]
        return "\r\n".join(lines) + "\r\n\r\n" + self.body


def _form() -> tuple[str, str, str]:
    """Return where the form is sent to, the CSRF cookie and the body, as the page says."""
    from django.conf import settings
    from django.test import Client
    from django.urls import reverse

    from portal.attestation.models import current_statement

    browser = Client(headers={"host": "localhost"})
    declaration = {"is_healthcare_professional": "on", "statement": current_statement().number}
    browser.post(reverse("gate"), declaration)
    page = browser.get(reverse("article", args=[CUSTOMERS_ARTICLE])).content.decode()
    fields = dict(re.findall(r'<input type="hidden"\s+name="(\w+)"\s+value="([^"]*)"', page))
    keys = dict.fromkeys(re.findall(r'name="(level-\w+)"', page))
    fields |= dict(zip(keys, "4543", strict=True))
    address = reverse("respond", args=[CUSTOMERS_ARTICLE])
    return address, browser.cookies[settings.CSRF_COOKIE_NAME].value, urlencode(fields)


def single_rows(postgres: EmbeddedPostgres, seconds: float) -> float:
    """Return pgbench's transactions per second, each an INSERT of one row."""
    program = find_binaries(account=unprivileged_account()) / "pgbench"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(INSERT)
        script.flush()
        command = [program, "--no-vacuum", f"--file={script.name}", f"--time={max(1, seconds):.0f}"]
        clients = [f"--client={DATABASE_CLIENTS}", f"--jobs={DATABASE_CLIENTS}"]
        said = subprocess.run(
            [*command, *clients, postgres.url], capture_output=True, text=True, check=True
        ).stdout
    found = re.search(r"^tps = ([\d.]+)", said, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"pgbench did not say how fast it was:\n{said}")
    return float(found[1])


# --- in a process of its own ----------------------------------------------------------------------


def send(port: int, seconds: float, requests: Sequence[str]) -> dict[str, object]:
    """Send one of ``requests`` after another for ``seconds``, each after the answer to the last."""
    connection, latencies, sent = _connect(port), [], 0
    began = time.perf_counter()
    end = began + seconds
    for request in requests:
        started = time.perf_counter()
        if started >= end:
            break
        connection.sendall(request.encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            received = connection.recv(65536)
            if not received:
                raise RuntimeError("The server hung up")
            answer += received
        sent += 1
        now = time.perf_counter()
        if not answer.startswith(b"HTTP/1.1 303") or b"/feedback/thanks/" not in answer:
            raise RuntimeError(f"The server answered {answer[:300]!r}")
        if now < end:
            latencies.append(now - started)
    connection.close()
    taken = min(time.perf_counter() - began, seconds)
    return {"latencies": latencies, "sent": sent, "seconds": taken}


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


if __name__ == "__main__":
    json.dump(send(**json.loads(Path(sys.argv[1]).read_text())), sys.stdout)
