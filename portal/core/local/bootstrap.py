"""Make `.venv` and install the pinned packages into it. Standard library only.

`make` runs this file with the system's Python, before anything else is there:

    python3 portal/core/local/bootstrap.py local|dev
"""
# ruff: noqa: S603, T201 - a command that speaks through print and runs what it names itself

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
OLDEST = (3, 11)


class SetupError(Exception):
    """Set-up cannot go on; the message is one line that says what to do."""


def say(text: str) -> None:
    print(f"set-up: {text}", flush=True)


def main(name: str) -> int:
    os.chdir(CHECKOUT)
    try:
        with OneAtATime():
            python = make_environment(Path(".venv"))
            install(python, Path("requirements") / f"{name}.txt", Path(".venv"))
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("\nset-up: stopped; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


class OneAtATime:
    """Two commands at once must not install into the same environment."""

    def __enter__(self) -> None:
        Path("var").mkdir(mode=0o700, exist_ok=True)
        self.lock = os.open("var/setup.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another command is setting up; waiting for it …")
            fcntl.flock(self.lock, fcntl.LOCK_EX)

    def __exit__(self, *_error: object) -> None:
        os.close(self.lock)


def make_environment(place: Path) -> Path:
    """Make the virtual environment unless a working one is there; return its Python."""
    python = place / "bin" / "python"
    if _works(python):
        return python
    say(f"making {place} with Python {sys.version.split()[0]} …")
    ensure_venv_module()
    made = _ask(sys.executable, "-m", "venv", "--clear", os.fspath(place))
    if made.returncode != 0 or not _works(python):
        print(made.stdout + made.stderr, file=sys.stderr)
        raise SetupError("the virtual environment could not be made: see above.")
    return python


def _works(python: Path) -> bool:
    question = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
    try:
        return _ask(os.fspath(python), "-c", question).returncode == 0
    except OSError:
        return False


def _ask(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def ensure_venv_module() -> None:
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    question = [sys.executable, "-c", "import ensurepip, venv"]
    if _ask(*question).returncode == 0:
        return
    for candidate in (package, "python3-venv"):
        if apt_install(candidate) and _ask(*question).returncode == 0:
            return
    raise SetupError(
        f"this Python lacks venv: install the package {package} (Debian, Ubuntu: as root, "
        f"apt-get install {package}) and run the same command again."
    )


def install(python: Path, requirements: Path, place: Path) -> None:
    """Install the pinned packages, unless this very file was installed to its end before."""
    stamp = place / f".installed-{requirements.stem}"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text().strip() == wanted:
        return
    stamp.unlink(missing_ok=True)
    count = sum("==" in line for line in requirements.read_text().splitlines())
    say(f"installing {count} pinned packages from {requirements} …")
    started = time.monotonic()
    command = [os.fspath(python), "-m", "pip", "install", "--require-hashes", "--no-input"]
    # The file names everything. If pip resolved it again, an extra ("coverage[toml]") would make it
    # prefer a release that is newer than the pinned one, and then refuse that for its missing hash.
    command += ["--no-deps", "--disable-pip-version-check", "-r", os.fspath(requirements)]
    lines = _run_pip(command, count)
    if lines is not None:
        print("\n".join(lines[-15:]), file=sys.stderr)
        raise SetupError(_advice("\n".join(lines), requirements))
    # Written last: an interrupted installation is taken up again.
    stamp.write_text(wanted + "\n")
    say(f"installed in {time.monotonic() - started:.0f} s")


def _run_pip(command: list[str], count: int) -> list[str] | None:
    """Run pip with a line of progress; return what it said if it failed, else None."""
    lines: list[str] = []
    seen = 0
    is_terminal = sys.stdout.isatty()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pip:
        for line in pip.stdout or ():
            lines.append(line.rstrip())
            message = ""
            if line.startswith(("Collecting ", "Requirement already satisfied: ")):
                seen += 1
                if is_terminal or seen % 20 == 0:
                    message = f"{seen} of {count} packages looked up"
            elif line.startswith("Installing collected packages"):
                message = "unpacking …"
            if message and is_terminal:
                print(f"\rset-up: {message:<40}", end="", flush=True)
            elif message:
                say(message)
    if is_terminal and seen:
        print(flush=True)
    return lines if pip.returncode != 0 else None


def _advice(output: str, requirements: Path) -> str:
    if "DO NOT MATCH THE HASHES" in output:
        return (
            f"a package is not the one that {requirements} was made with; do not use it, and ask "
            "the owner of your package index."
        )
    if "No space left" in output:
        return "the disk is full: make room (about 1 GB) and run the same command again."
    if any(sign in output for sign in ("No matching distribution", "Connection", "Retrying")):
        return (
            "the package index does not answer or lacks a package: check the network and pip's "
            "configuration (pip config list), then run the same command again."
        )
    return "pip failed: see the lines above, then run the same command again."


def apt_install(package: str) -> bool:
    """Install a Debian package when we may: as root, with apt-get. Start no service from it."""
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None:
        return False
    say(f"installing the package {package} …")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with NoServices():
        for arguments in (["update", "-q"], ["install", "-y", "-q", package]):
            if arguments[0] == "install" or not _knows(package):
                done = subprocess.run(
                    [apt, *arguments],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if done.returncode != 0:
                    print((done.stdout + done.stderr)[-2000:], file=sys.stderr)
                    say(f"the package {package} could not be installed: see above.")
                    return False
    return True


def _knows(package: str) -> bool:
    """Whether the lists of packages are here; in a small image they are not."""
    cache = shutil.which("apt-cache")
    if cache is None:
        return False
    shown = _ask(cache, "show", package)
    return shown.returncode == 0 and bool(shown.stdout.strip())


class NoServices:
    """Debian starts a server when its package is installed, unless this file forbids it."""

    path = Path("/usr/sbin/policy-rc.d")

    def __enter__(self) -> None:
        self.is_ours = False
        try:
            with self.path.open("x") as file:
                self.is_ours = True
                file.write("#!/bin/sh\nexit 101\n")
            self.path.chmod(0o755)
        except OSError:
            pass  # there is one already, and it is the owner's business

    def __exit__(self, *_error: object) -> None:
        if self.is_ours:
            self.path.unlink(missing_ok=True)


if __name__ == "__main__":
    if sys.version_info < OLDEST or sys.argv[1:] not in (["local"], ["dev"]):
        sys.exit("usage: python3 (3.11 or newer) portal/core/local/bootstrap.py local|dev")
    sys.exit(main(sys.argv[1]))
