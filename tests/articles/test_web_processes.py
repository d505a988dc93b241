"""What one process publishes, corrects or withdraws, each web process shows within 2 seconds."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import urllib3
from django.test import Client
from django.urls import reverse

from articles.services import publish_article, withdraw_article
from portal.attestation.models import current_statement
from portal.core.local.processes import spawn, stop
from portal.core.local.web import web_command
from tests.factories import approved_article, publish
from tests.fixtures_mail import free_port, wait_until, worker_environment

LIMIT = 2.0


@dataclass(frozen=True)
class WebProcess:
    """A server of one process, and the cookies of a reader who has attested."""

    port: int
    cookies: str

    def get(self, path: str) -> tuple[int, str]:
        with urllib3.PoolManager(retries=False, timeout=10) as pool:
            answer = pool.request(
                "GET", f"http://127.0.0.1:{self.port}{path}", headers={"Cookie": self.cookies}
            )
        return answer.status, answer.data.decode()

    def is_up(self) -> bool:
        try:
            return self.get("/livez")[0] == 200
        except urllib3.exceptions.HTTPError:
            return False


def attested_cookies() -> str:
    client = Client()
    declaration = {"is_healthcare_professional": "on", "statement": current_statement().number}
    client.post(reverse("gate"), declaration)
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


@pytest.fixture
def web_processes(settings, tmp_path) -> Iterator[list[WebProcess]]:
    """Two servers, started as ``make run`` starts them, but each of one process."""
    cookies = attested_cookies()
    processes, servers = [], []
    for number in range(2):
        port = free_port()
        command = web_command(port)
        command[command.index("--workers") + 1] = "1"
        with (tmp_path / f"web-{number}.log").open("wb") as log:
            processes.append(
                spawn([sys.executable, *command], output=log, env=worker_environment(settings))
            )
        servers.append(WebProcess(port, cookies))
    try:
        for server in servers:
            wait_until(server.is_up, 60, "the start of a web server")
        yield servers
    finally:
        for process in processes:
            stop(process, signal.SIGTERM, patience=8)


def seconds_until(condition: Callable[[], bool]) -> float:
    started = time.monotonic()
    wait_until(condition, 10, "the change on every web process")
    return time.monotonic() - started


@pytest.mark.django_db(transaction=True)
def test_each_web_process_shows_a_change_within_two_seconds(web_processes):
    article = approved_article(title="On every process")
    path = article.get_absolute_url()

    def everywhere(status: int, text: str) -> Callable[[], bool]:
        def check() -> bool:
            answers = [server.get(path) for server in web_processes]
            return all(answer[0] == status and text in answer[1] for answer in answers)

        return check

    # Each process has answered, and remembers what it answered.
    assert everywhere(404, "")()
    publish_article(article=article, user=None)
    assert seconds_until(everywhere(200, "The body of it.")) < LIMIT

    section = article.sections.get(position=1)
    section.body = "<p>The mended body. [@halpern]</p>"
    section.save()
    publish(article, kind="correction", notice="The body was wrong.")
    assert seconds_until(everywhere(200, "The body was wrong.")) < LIMIT
    assert everywhere(200, "The mended body.")()

    withdraw_article(article=article, user=None, reason="It was made up.")
    assert seconds_until(everywhere(410, "It was made up.")) < LIMIT
    assert [server.get(path)[1].count("mended") for server in web_processes] == [0, 0]
