"""`make run` watches over its processes: what dies is started again, or everything stops."""

import io
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.core.local.processes import LocalServiceError, is_alive, wait_until
from portal.core.local.supervisor import RESTARTS, Child, Log, StopRequested, Supervisor


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(Log(tmp_path / "run.log", io.StringIO()))
    yield made
    made.end(*list(made.services), patience=0)
    made.log.close()


def child(name: str, code: str, tmp_path: Path) -> Child:
    return Child(name, [sys.executable, "-c", code], env=dict(os.environ), cwd=tmp_path)


def until(supervisor: Supervisor, text: str, *, seconds: float = 10) -> str:
    end = time.monotonic() + seconds
    while text not in supervisor.log.path.read_text() and time.monotonic() < end:
        supervisor.watch_once()
    return supervisor.log.path.read_text()


def test_a_child_that_dies_is_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    one = child("web", "import time; print('hello', flush=True); time.sleep(60)", tmp_path)
    supervisor.start("web", one)
    until(supervisor, "hello")
    assert one.process is not None
    first = one.process.pid
    os.kill(first, signal.SIGKILL)
    log = until(supervisor, "web was started again")
    assert "web died (SIGKILL); starting it again in 0.5 s" in log
    assert one.process.pid != first


def test_a_child_that_always_dies_stops_everything(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The waits are what takes time here: let the clock of the back-off run.
    clock = iter(range(0, 100_000, 5))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock) / 10)
    supervisor.start("web", child("web", "raise SystemExit('no luck')", tmp_path))
    with pytest.raises(LocalServiceError, match=f"web died {RESTARTS + 1} times"):
        supervisor.watch()
    monkeypatch.undo()
    assert supervisor.log.path.read_text().count("no luck") == RESTARTS + 1


def test_a_step_that_fails_says_so(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.step(child("setup", "print('fine')", tmp_path))
    with pytest.raises(LocalServiceError, match="failed: the lines above say why"):
        supervisor.step(child("setup", "raise SystemExit('the reason')", tmp_path))
    log = supervisor.log.path.read_text()
    assert "fine" in log
    assert "the reason" in log


def test_stubborn_children_are_killed_with_their_own(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('grandchild', grandchild.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    supervisor.start("worker", child("worker", code, tmp_path))
    log = until(supervisor, "grandchild")
    pid = int(re.findall(r"grandchild (\d+)", log)[0])
    supervisor.end("worker", patience=0.2)
    assert "worker did not end in time and was killed" in supervisor.log.path.read_text()
    assert wait_until(lambda: not is_alive(pid), seconds=5)


def test_a_request_to_stop_ends_the_watch(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start("web", child("web", "import time; time.sleep(60)", tmp_path))
    supervisor._request_stop()
    with pytest.raises(StopRequested):
        supervisor.watch()
