"""Keeps the processes of `make run` alive, and writes what they say into one log.

One thread and no event loop: Linux would take the end of a helper thread for the death of the
parent, and a fork beside running threads is not safe.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Protocol, TextIO

from .processes import LocalServiceError, kill_group, spawn

COLOURS = {"web": 36, "worker": 33, "beat": 35, "mail": 32, "run": 1}
WIDTH = 8
# Of run.log, in bytes; one older file of that size is kept beside it.
LARGEST = 5_000_000
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
# A child that dies more often than this within two minutes will not get better by itself.
RESTARTS = 5
RESTART_WINDOW = 120.0


class StopRequested(Exception):  # noqa: N818 - it is no error
    """Somebody asked to stop (Ctrl-C, SIGTERM, the terminal was closed)."""


class Log:
    """One line of plain text per line: coloured names on a terminal, times in the file."""

    def __init__(self, path: Path, stream: TextIO | None = None, *, largest: int = LARGEST) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self.largest = largest
        self.stream = stream or sys.stdout
        self.is_coloured = self.stream.isatty() and "NO_COLOR" not in os.environ
        self._file = self._new_file()

    def _new_file(self) -> TextIO:
        if self.path.exists():
            self.path.replace(self.path.with_name(self.path.name + ".1"))
        self._size = 0
        return self.path.open("a", encoding="utf-8", errors="replace", buffering=1)

    def line(self, name: str, text: str) -> None:
        # Where a child would begin a line or colour one, somebody's input may do the same.
        plain = CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", COLOUR.sub("", text))
        self._write(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {name:<{WIDTH}} {plain}\n")
        label = f"{name:<{WIDTH}}│"
        if self.is_coloured:
            label = f"\x1b[{COLOURS.get(name, 34)}m{label}\x1b[0m"
        self._print(f"{label} {plain}")

    def block(self, lines: Sequence[str]) -> None:
        """Something to be read as a whole: without a name before each line."""
        for text in ["", *lines, ""]:
            self._write(text + "\n")
            self._print(text)

    def _write(self, line: str) -> None:
        size = len(line.encode(errors="replace"))
        if self._size and self._size + size > self.largest:
            self._file.close()
            self._file = self._new_file()
        self._size += size
        self._file.write(line)

    def _print(self, text: str) -> None:
        with contextlib.suppress(OSError):  # the terminal is gone; the file goes on
            print(text, file=self.stream, flush=True)

    def close(self) -> None:
        self._file.close()


class Service(Protocol):
    def start(self) -> object: ...
    def is_running(self) -> bool: ...
    def stop(self, *, patience: float = ...) -> None: ...


class Child:
    """A process whose output goes to the log."""

    def __init__(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], cwd: Path
    ) -> None:
        self.name = name
        self.command = command
        self.env = env
        self.cwd = cwd
        self.process: subprocess.Popen[bytes] | None = None
        self.rest = b""

    def start(self) -> None:
        self.process = spawn(self.command, env=self.env, cwd=self.cwd, output=subprocess.PIPE)
        if self.process.stdout is not None:
            os.set_blocking(self.process.stdout.fileno(), False)

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, *, patience: float = 0) -> None:
        """End the whole group at once; the polite way is Supervisor.end."""
        if self.process is not None:
            kill_group(self.process.pid)
            self.process.wait()


class Supervisor:
    """Starts, watches, restarts and stops services; `pump` is its heartbeat."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.stop_requests = 0
        self.services: dict[str, Service] = {}
        self._deaths: dict[str, list[float]] = {}
        self._due: dict[str, float] = {}
        self._selector = selectors.DefaultSelector()

    def catch_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request_stop)

    def _request_stop(self, *_arguments: object) -> None:
        self.stop_requests += 1

    # --- starting ---------------------------------------------------------------------------------

    def start(self, name: str, service: Service) -> None:
        """Start a service and watch it from now on."""
        self._raise_if_stopped()
        self._start(name, service)
        self.services[name] = service

    def _start(self, name: str, service: Service) -> None:
        service.start()
        if isinstance(service, Child) and service.process and service.process.stdout:
            self._selector.register(service.process.stdout, selectors.EVENT_READ, service)

    def step(self, child: Child) -> None:
        """Run a command to its end. Raises LocalServiceError when it fails."""
        self._raise_if_stopped()
        self._start(child.name, child)
        try:
            while child.is_running():
                self.pump()
                self._raise_if_stopped()
        finally:
            child.stop()
            self._read(child)
        if child.process is not None and child.process.returncode != 0:
            raise LocalServiceError(
                f"{' '.join(child.command[1:])} failed: the lines above say why."
            )

    def wait_for(self, url: str, *, host: str, seconds: float) -> None:
        """Wait until `url` answers, with whatever is no error of its own; watch everything."""
        end = time.monotonic() + seconds
        request = urllib.request.Request(url, headers={"Host": host})  # noqa: S310 - our own
        # A proxy of the environment knows nothing of this machine's own addresses.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while True:
            try:
                with opener.open(request, timeout=5):
                    return
            except urllib.error.HTTPError as error:
                # An owner's ALLOWED_HOSTS may refuse ours; the server is there all the same.
                if error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                    return
            except OSError:
                pass
            if time.monotonic() > end:
                raise LocalServiceError(
                    f"{url} does not answer after {seconds:.0f} s: see {self.log.path}."
                )
            self.watch_once()

    # --- watching ---------------------------------------------------------------------------------

    def watch(self) -> None:
        """Watch until somebody asks to stop (StopRequested) or a service cannot be kept alive."""
        while True:
            self.watch_once()

    def watch_once(self) -> None:
        self.pump()
        self._raise_if_stopped()
        for name, service in self.services.items():
            if name in self._due:
                if time.monotonic() >= self._due[name]:
                    del self._due[name]
                    self._start(name, service)
                    self.log.line("run", f"{name} was started again")
            elif not service.is_running():
                self._note_death(name, service)

    def _note_death(self, name: str, service: Service) -> None:
        how = ""
        if isinstance(service, Child):
            self._read(service)
            if service.process is not None:
                how = f" ({_explain(service.process.returncode)})"
        service.stop()  # its own children may have outlived it
        now = time.monotonic()
        deaths = [at for at in self._deaths.get(name, []) if now - at < RESTART_WINDOW]
        self._deaths[name] = [*deaths, now]
        if len(deaths) >= RESTARTS:
            raise LocalServiceError(
                f"{name} died {len(deaths) + 1} times in two minutes{how}: "
                f"the lines above and {self.log.path} say why."
            )
        delay = min(2.0 ** len(deaths) / 2, 8.0)
        self._due[name] = now + delay
        self.log.line("run", f"{name} died{how}; starting it again in {delay:g} s")

    def pump(self, seconds: float = 0.1) -> None:
        """Pass on what the children have said; wait at most `seconds` for it."""
        if not self._selector.get_map():
            time.sleep(seconds)
            return
        for key, _events in self._selector.select(seconds):
            self._read(key.data)

    def _read(self, child: Child) -> None:
        pipe = child.process.stdout if child.process else None
        if pipe is None or pipe.closed:
            return
        while True:
            try:
                data = os.read(pipe.fileno(), 65536)
            except BlockingIOError:
                return
            *lines, child.rest = (child.rest + data).split(b"\n")
            if not data and child.rest:
                lines, child.rest = [*lines, child.rest], b""
            for line in lines:
                if text := line.decode(errors="replace").rstrip():
                    self.log.line(child.name, text)
            if not data:
                self._selector.unregister(pipe)
                pipe.close()
                return

    def _raise_if_stopped(self) -> None:
        if self.stop_requests:
            raise StopRequested

    # --- stopping ---------------------------------------------------------------------------------

    def end(self, *names: str, patience: float) -> None:
        """Ask these services to end, together; kill those that do not within `patience` seconds.

        A second request to stop (Ctrl-C again) takes the patience away.
        """
        chosen = {name: self.services.pop(name) for name in names if name in self.services}
        children = {name: one for name, one in chosen.items() if isinstance(one, Child)}
        for child in children.values():
            if child.is_running() and child.process is not None:
                child.process.terminate()
        end = time.monotonic() + patience
        while any(child.is_running() for child in children.values()):
            if time.monotonic() > end or self.stop_requests > 1:
                break
            self.pump()
        for name, child in children.items():
            if child.is_running():
                self.log.line("run", f"{name} did not end in time and was killed")
            child.stop()
            self._read(child)
        for name, service in chosen.items():
            if name not in children:
                service.stop(patience=0.1 if self.stop_requests > 1 else patience)


def _explain(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
