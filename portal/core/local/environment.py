"""What the processes of the portal are told: .env, secrets that are made once, addresses."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path

DEMO_USERS = (
    "editor@demo.example",
    "reviewer@demo.example",
    "staff@demo.example",
    "lead@demo.example",
    "admin@demo.example",
)
# Without those that are taken for one another when they are read aloud or typed.
LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
# In a child's environment: whose child it is, so that a later start can find what was left over.
MARK = "PORTAL_RUN"


def read_env_file(path: Path) -> dict[str, str]:
    """KEY=VALUE lines as django-environ reads them for the settings; {} if there is no file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    values = {}
    for line in lines:
        match = re.fullmatch(r"(?:export )?([A-Za-z_0-9]+)=(.*)", line)
        if match:
            name, value = match.groups()
            if quoted := re.fullmatch(r"'(.*)'", value):
                value = quoted[1]
            if quoted := re.fullmatch(r'"(.*)"', value):
                value = re.sub(r"\\(.)", _unescape, quoted[1])
            values[name] = value
    return values


def _unescape(match: re.Match[str]) -> str:
    return match[0] if match[1] in "rnt" else match[1]


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; it is there as a whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(path)


def kept_secrets(path: Path, lengths: Mapping[str, int]) -> dict[str, str]:
    """Random values by name, made once and kept in `path`; `lengths` in characters.

    Raises ValueError, naming the file, when what it holds is not what we wrote.
    """
    kept: dict[str, str] = {}
    if path.exists():
        try:
            kept = json.loads(path.read_text())
            if not all(isinstance(value, str) for value in kept.values()):
                raise TypeError
        except (ValueError, TypeError, AttributeError):
            raise ValueError(f"{path} is damaged: remove it to get new values.") from None
    missing = {name: _random_text(length) for name, length in lengths.items() if name not in kept}
    if missing:
        kept |= missing
        write_private(path, json.dumps(kept, indent=2) + "\n")
    return kept


def _random_text(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def write_shell_file(path: Path, values: Mapping[str, str]) -> None:
    """The addresses of the running services, for `set -a; . var/local.env` in another terminal."""
    lines = [f"{name}={shlex.quote(value)}" for name, value in sorted(values.items())]
    write_private(path, "\n".join(lines) + "\n")


def mark_of(var: Path) -> str:
    return hashlib.sha256(os.fsencode(var.resolve())).hexdigest()[:16]


def leftover_processes(mark: str) -> list[int]:
    """Processes that an earlier run of this checkout started and did not live to stop.

    Only where there is /proc; elsewhere the list is empty and a leftover shows as a taken port.
    """
    wanted = f"{MARK}={mark}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def static_fingerprint(checkout: Path) -> str:
    """Changes when collectstatic has something to do: our files, the packages', the settings."""
    digest = hashlib.sha256()
    for pattern in ("static", "*/static", "*/*/static"):
        for folder in sorted(checkout.glob(pattern)):
            if checkout / "var" in folder.parents or checkout / ".venv" in folder.parents:
                continue
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    found = path.stat()
                    digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    for name in ("requirements/local.txt", "portal/settings.py"):
        if (checkout / name).exists():
            digest.update((checkout / name).read_bytes())
    return digest.hexdigest()
