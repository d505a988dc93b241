"""What `make run` says when a port, a service or a password is not what it expects."""

import io
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from portal.core.local import __main__ as local
from portal.core.local.given import check_given
from portal.core.local.processes import LocalServiceError
from portal.core.local.supervisor import Log, Supervisor


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[local.Launcher]:
    """A launcher with data of its own, PostgreSQL and Redis given, the mailbox not."""
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.setenv(name, "given")
    monkeypatch.setenv("EMAIL_URL", "")
    made = local.Launcher(local.CHECKOUT)
    made.log = Log(tmp_path / "run.log", io.StringIO())
    made.supervisor = Supervisor(made.log)
    yield made
    made.supervisor.end("mail", patience=1)
    made.log.close()


def said(launcher: local.Launcher) -> list[str]:
    """The lines of the log without their times."""
    return [line[20:] for line in launcher.log.path.read_text().splitlines()]


def test_another_port_of_the_mail_is_said_aloud(
    launcher: local.Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        monkeypatch.setattr(local, "MAIL_PORT", taken)
        launcher._start_services()
    used = re.search(r":(\d+)/", launcher.mail_url)
    assert used
    line = f"run      port {taken} is taken by another program: mail is shown at {used[1]} instead"
    assert line in said(launcher)


DATABASE_HINT = "correct the variable, or remove it to use the database that is started here."
REDIS_HINT = "correct the variable, or remove it to use the Redis that is started here."


@pytest.mark.parametrize(
    ("database_url", "redis_url", "sentences"),
    [
        (
            "mysql://u:secret@localhost/portal",
            "http://localhost/0",
            [
                "DATABASE_URL must be of the form postgres://user:password@host:5432/name: "
                + DATABASE_HINT,
                "REDIS_URL must be of the form redis://:password@host:6379/0: " + REDIS_HINT,
            ],
        ),
        (
            "postgres://u:secret@localhost:54x/portal",
            "redis://:secret@localhost:63x/0",
            [
                "DATABASE_URL must be of the form postgres://user:password@host:5432/name: "
                + DATABASE_HINT,
                "REDIS_URL must be of the form redis://:password@host:6379/0: " + REDIS_HINT,
            ],
        ),
        (
            "postgres://u:secret@[localhost/portal",
            "redis://[localhost/0",
            [
                "DATABASE_URL must be of the form postgres://user:password@host:5432/name: "
                + DATABASE_HINT,
                "REDIS_URL must be of the form redis://:password@host:6379/0: " + REDIS_HINT,
            ],
        ),
        (
            "postgres://u:secret@localhost",
            "redis://localhost/nought",
            [
                "DATABASE_URL must be of the form postgres://user:password@host:5432/name: "
                + DATABASE_HINT,
                "REDIS_URL must be of the form redis://:password@host:6379/0: " + REDIS_HINT,
            ],
        ),
        (
            "postgres://u:secret@127.0.0.1:9/portal",
            "redis://:secret@127.0.0.1:9/0",
            [
                "The PostgreSQL of DATABASE_URL cannot be used (connection failed: "
                'connection to server at "127.0.0.1", port 9 failed: Connection refused): '
                "start the server, " + DATABASE_HINT,
                "The Redis of REDIS_URL cannot be used (Error 111 connecting to 127.0.0.1:9. "
                "Connection refused.): start the server, " + REDIS_HINT,
            ],
        ),
    ],
)
def test_given_services_that_cannot_be_used(
    database_url: str, redis_url: str, sentences: list[str]
) -> None:
    with pytest.raises(LocalServiceError) as raised:
        check_given(database_url=database_url, redis_url=redis_url)
    assert str(raised.value).splitlines() == sentences


def test_given_services_that_never_answer_are_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        begun = time.monotonic()
        with pytest.raises(LocalServiceError) as raised:
            check_given(
                database_url=f"postgres://u:secret@127.0.0.1:{port}/portal",
                redis_url=f"redis://127.0.0.1:{port}/0",
            )
        assert time.monotonic() - begun < 2.5
    database, redis = str(raised.value).splitlines()
    assert database == (
        "The PostgreSQL of DATABASE_URL cannot be used (it does not answer): start the server, "
        + DATABASE_HINT
    )
    assert redis == (
        "The Redis of REDIS_URL cannot be used (it does not answer): start the server, "
        + REDIS_HINT
    )


def test_given_services_that_refuse_their_password() -> None:
    database = urlsplit(os.environ["DATABASE_URL"])
    redis = urlsplit(os.environ["REDIS_URL"])
    with pytest.raises(LocalServiceError) as raised:
        check_given(
            database_url=database._replace(
                netloc=f"{database.username}:guessed@{database.hostname}:{database.port}"
            ).geturl(),
            redis_url=redis._replace(netloc=f":guessed@{redis.hostname}:{redis.port}").geturl(),
        )
    first, second = str(raised.value).splitlines()
    assert "DATABASE_URL cannot be used (connection failed: connection to server at" in first
    assert "password authentication failed" in first
    assert "REDIS_URL cannot be used (invalid username-password pair" in second
    assert "guessed" not in first + second


def test_given_services_that_answer_are_used() -> None:
    url = os.environ["DATABASE_URL"]
    check_given(
        database_url=f"{url}?application_name=check&server_side_binding=true",
        redis_url=os.environ["REDIS_URL"],
    )
    check_given(database_url="", redis_url="")


def test_make_run_ends_at_once_without_a_traceback(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgres://127.0.0.1:9/none", "REDIS_URL": "redis:/"}
    run = subprocess.run(
        [sys.executable, "-m", "portal.core.local"],
        env={**os.environ, **given, "EMAIL_URL": "", "VAR_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        cwd=local.CHECKOUT,
    )
    assert run.returncode == 1
    assert run.stderr == ""
    assert [line.partition(" ")[0] for line in run.stdout.splitlines()] == ["run"] * 4
    first, second = run.stdout.splitlines()[:2]
    assert "The PostgreSQL of DATABASE_URL cannot be used" in first
    assert "REDIS_URL must be of the form" in second


WORDS = {"editor@demo.example": "one", "staff@demo.example": "two"}


@pytest.mark.parametrize(
    ("sign_ins", "database_url", "lines"),
    [
        (
            list(WORDS),
            "",
            [
                "  Sign in with",
                "    editor@demo.example  one",
                "    staff@demo.example   two",
                "  (random, made on the first start: demo_users.json)",
            ],
        ),
        (
            ["staff@demo.example"],
            "given",
            [
                "  Sign in with",
                "    staff@demo.example   two",
                "  (random, made on the first start: demo_users.json)",
                "  (the other users of DATABASE_URL have the passwords that were set there)",
            ],
        ),
        (
            [],
            "given",
            ["  (the users of DATABASE_URL have the passwords that were set there)"],
        ),
        ([], "", ["  (no demo user is left: sign in as somebody you know)"]),
    ],
)
def test_only_sign_ins_that_work_are_announced(
    launcher: local.Launcher, sign_ins: list[str], database_url: str, lines: list[str]
) -> None:
    launcher.given["DATABASE_URL"] = database_url
    launcher.demo_users = WORDS
    launcher.sign_ins = sign_ins
    launcher.checkout = launcher.var
    assert launcher._sign_in_lines() == lines
