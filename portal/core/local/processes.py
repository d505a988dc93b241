"""Users, ports, directories and children: what the embedded services have in common."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
NAME = "medical-education-portal"


class LocalServiceError(RuntimeError):
    """A local service cannot start or stop; the message is one line that says what to do."""


@dataclass(frozen=True)
class Account:
    """The user that a service runs as; `None` everywhere means "the one who asked"."""

    name: str | None = None
    uid: int | None = None
    gid: int | None = None

    @property
    def is_other(self) -> bool:
        return self.uid is not None

    def own(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def unprivileged_account() -> Account:
    """The account for servers: our own, or an existing one without rights when we are root.

    PostgreSQL refuses to run as root. `nobody` exists on nearly every system; where it does not,
    any other user without rights will do. No user is ever created.
    """
    if os.geteuid() != 0:
        return Account()
    users = [entry for entry in pwd.getpwall() if entry.pw_uid != 0 and entry.pw_gid != 0]
    users.sort(key=lambda entry: (entry.pw_name != "nobody", -entry.pw_uid))
    if not users:
        raise LocalServiceError(
            "PostgreSQL does not run as root and this system has no other user: create one."
        )
    return Account(users[0].pw_name, users[0].pw_uid, users[0].pw_gid)


def private_directory(path: Path, *, mode: int = 0o700, account: Account | None = None) -> Path:
    """Make `path` (not its parents), or check that the one which is there is ours.

    A name that can be guessed in a directory that others may write to could have been planted:
    a link, a stranger's directory or one that others may write to is refused, never repaired.
    """
    account = account or Account()
    owners = {os.geteuid()} | ({account.uid} if account.uid is not None else set())
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners or found.st_mode & 0o022:
            raise LocalServiceError(
                f"{path} is not a directory that belongs to us alone: look at it and remove it."
            ) from None
    else:
        path.chmod(mode)  # mkdir() subtracts the umask, which may be 077
        account.own(path)
    return path


def shared_root() -> Path:
    """Root only: the directory in which an unprivileged user can reach its binaries and data.

    The checkout may lie under /root, which nobody else may enter, and opening parents to the
    world is no way out. /var/lib is writable by root alone and is not swept like /tmp.
    """
    for parent in (Path("/var/lib"), Path("/var/tmp")):  # noqa: S108 - checked by private_directory
        if parent.is_dir() and os.access(parent, os.W_OK) and parent.stat().st_mode & stat.S_IXOTH:
            return private_directory(parent / NAME, mode=0o711)
    raise LocalServiceError("Neither /var/lib nor /var/tmp can be written to: make one of them so.")


def copy_once(sources: Sequence[Path], *, root: Path, below: Path, key: str) -> Path:
    """Copy files and folders, keeping their place under `below`, to `root/key`; return that path.

    The copy becomes visible under its name only when it is complete.
    """
    target = root / key
    if target.is_dir():
        return private_directory(target, mode=0o755)
    unfinished = root / f".{key}.{os.getpid()}"
    shutil.rmtree(unfinished, ignore_errors=True)
    for source in sources:
        place = unfinished / source.relative_to(below)
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, symlinks=True, ignore=shutil.ignore_patterns("*.a"))
        else:
            shutil.copy2(source, place)
    for path in [unfinished, *unfinished.rglob("*")]:
        if not path.is_symlink():
            is_program = path.is_dir() or path.parent.name == "bin"
            path.chmod(0o755 if is_program else 0o644)
    try:
        unfinished.rename(target)
    except OSError:
        # Another process finished the same copy first.
        shutil.rmtree(unfinished, ignore_errors=True)
    return private_directory(target, mode=0o755)


def free_port(*, wanted: int | None = None, tries: int = 100) -> int:
    """A free TCP port on 127.0.0.1: the first from `wanted` on, or any."""
    candidates = range(wanted, min(wanted + tries, 65536)) if wanted else (0,)
    for candidate in candidates:
        port = _bound_port(socket.AF_INET, "127.0.0.1", candidate)
        # A browser that is sent to "localhost" tries ::1 first: somebody else there would answer.
        if port and (not wanted or _bound_port(socket.AF_INET6, "::1", port)):
            return port
    raise LocalServiceError(f"No free port from {wanted} on: set PORT to another number.")


def _bound_port(family: socket.AddressFamily, host: str, port: int) -> int:
    """The port that could be bound for a moment, or 0 if it is taken."""
    try:
        with socket.socket(family) as probe:
            # As the servers do, so that connections in TIME_WAIT do not count as taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except OSError as error:
        is_taken = error.errno in (errno.EADDRINUSE, errno.EACCES)
        # Without IPv6 on this machine nobody can be there.
        return 0 if is_taken or family == socket.AF_INET else port


def _death_signal(number: int) -> Callable[[], None] | None:
    """What a child runs before exec so that it gets signal `number` when its parent dies.

    Beside other threads only what takes no lock is safe there: two system calls, made ready here.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arm() -> None:
        prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return arm


def spawn(
    command: Sequence[str | os.PathLike[str]],
    *,
    account: Account | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    output: int | IO[bytes] = subprocess.DEVNULL,
    death_signal: int = signal.SIGTERM,
    umask: int = -1,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches only the one who supervises.

    Call it from the main thread: Linux takes the death of the thread for that of the parent.
    """
    account = account or Account()
    other = account.is_other
    return subprocess.Popen(  # noqa: S603 - our own commands
        [os.fspath(part) for part in command],
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(env) if env is not None else None,
        cwd=cwd,
        umask=umask,
        start_new_session=True,
        user=account.uid if other else None,
        group=account.gid if other else None,
        extra_groups=[] if other else None,
        preexec_fn=_death_signal(death_signal),  # noqa: PLW1509 - see there
    )


def stop(process: subprocess.Popen[bytes], number: int, *, patience: float) -> int:
    """Send signal `number`, wait, kill the whole group when patience ends; return the exit code."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            kill_group(process.pid)
    return process.wait()


def kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


def command_of(pid: int) -> str:
    """The command line of a process, or an empty string."""
    try:
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )
    except OSError:
        pass
    try:  # systems without /proc; and small images have /proc but no ps
        command = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
        asked = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    except FileNotFoundError:
        return ""
    return asked.stdout.decode(errors="replace").strip()


def wait_until(condition: Callable[[], bool], *, seconds: float, pause: float = 0.02) -> bool:
    """Ask until the answer is yes or the time is over; return the last answer."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def last_lines(path: Path, count: int = 12) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""
