"""A web server under test: started as ``make run`` does, with its processor time and memory."""

from __future__ import annotations

import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from portal.core.local.processes import free_port, last_lines, spawn, stop, wait_until

TICKS = os.sysconf("SC_CLK_TCK")


class WebServer:
    """``command`` (what follows ``python``) in a process of its own; ``{port}`` is filled in."""

    def __init__(self, command: Sequence[str]) -> None:
        self.port = free_port()
        self.command = [sys.executable, *(part.format(port=self.port) for part in command)]
        self.log = Path(os.environ["VAR_DIR"]) / f"web-{self.port}.log"

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self.process = spawn(self.command, output=log, env=os.environ)
        if not wait_until(self._answers, seconds=60, pause=0.2):
            stop(self.process, signal.SIGTERM, patience=5)
            raise RuntimeError(f"The server did not answer:\n{last_lines(self.log)}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        stop(self.process, signal.SIGTERM, patience=8)

    def _answers(self) -> bool:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/livez", headers={"Host": "localhost"}
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - our own
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def workers(self) -> list[int]:
        """Return the processes that serve: all below the one that we started."""
        children: dict[int, list[int]] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(path.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(path.parent.name))
        found, waiting = [], [self.process.pid]
        while waiting:
            below = children.get(waiting.pop(), [])
            found += below
            waiting += below
        # multiprocessing's tracker of shared resources serves nobody.
        return [pid for pid in found if b"resource_tracker" not in _read(pid, "cmdline")]

    def processor_seconds(self) -> float:
        """Return what the workers have used of the processors since they began."""
        fields = (_read(pid, "stat").rpartition(b")")[2].split() for pid in self.workers())
        return sum(int(field[11]) + int(field[12]) for field in fields if field) / TICKS

    def memory(self) -> dict[str, float]:
        """Return MB per worker: its own share (PSS), and all that it sees (RSS). Linux only."""
        workers = self.workers()
        totals = {"Pss": 0, "Rss": 0}
        for pid in workers:
            for line in _read(pid, "smaps_rollup").decode().splitlines():
                name, _, rest = line.partition(":")
                if name in totals:
                    totals[name] += int(rest.split()[0])
        return {
            f"{name.lower()}_mb_per_worker": round(kilobytes / 1024 / max(len(workers), 1), 1)
            for name, kilobytes in totals.items()
        }

    def peak_megabytes(self) -> float:
        """Return the most memory (RSS) that any worker has had so far. Linux only."""
        lines = (line for pid in self.workers() for line in _read(pid, "status").splitlines())
        peaks = [int(line.split()[1]) for line in lines if line.startswith(b"VmHWM")]
        return max(peaks, default=0) / 1024


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
