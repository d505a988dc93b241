"""Where the services of a checkout keep their data between two runs."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from pathlib import Path

from .postgres import stop_leftover
from .processes import private_directory, shared_root, unprivileged_account

KEY = re.compile(r"[0-9a-f]{16}")


def home_of(var: Path, service: str) -> Path:
    """`var/<service>`, or for root a directory outside that an unprivileged user can reach.

    `var/outside` holds the name of that directory. Who removes `var` to begin anew gets an empty
    database, as everywhere else, and the old one is removed too. A copy of a checkout gets its own.
    """
    account = unprivileged_account()
    if not account.is_other:
        return var / service
    root = shared_root()
    note = var / "outside"
    key = note.read_text().strip() if note.exists() else ""
    if not KEY.fullmatch(key) or _belongs_to_another(root / key, var):
        key = secrets.token_hex(8)
    place = private_directory(root / key, mode=0o711)
    _owner_file(place).write_text(os.fspath(var.resolve()))
    note.write_text(key + "\n")
    for other in root.iterdir():
        if KEY.fullmatch(other.name) and other != place and _owner(other) == var.resolve():
            remove_home(other)
    return place / service


def remove_home(place: Path) -> None:
    """Remove a directory of services, with a server that still runs in it."""
    stop_leftover(place / "postgres" / "data")
    shutil.rmtree(place, ignore_errors=True)


def _owner_file(place: Path) -> Path:
    return place / "var"


def _owner(place: Path) -> Path | None:
    try:
        return Path(_owner_file(place).read_text())
    except OSError:
        return None


def _belongs_to_another(place: Path, var: Path) -> bool:
    """Whether the checkout that made the directory is still there and still names it."""
    owner = _owner(place)
    if owner is None or owner == var.resolve():
        return False
    try:
        return (owner / "outside").read_text().strip() == place.name
    except OSError:
        return False  # it was moved: to here
