"""What `make run` says when a port, a service or a password is not what it expects."""

import io
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.core.local import __main__ as local
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
