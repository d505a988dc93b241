"""Directories for one run of the tests, which are also cleared after a run that was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from .postgres import stop_leftover
from .processes import NAME, Account, private_directory, shared_root

PREFIX = f"{NAME}-test-"


class ScratchDirectory:
    """A private directory that exists while its owner lives.

    The owner holds a lock in it. Whoever comes next removes the directories whose lock is free.
    """

    def __init__(self, account: Account) -> None:
        # As root the servers run as another user, who cannot enter every temporary directory.
        self.root = shared_root() if account.is_other else Path(tempfile.gettempdir())
        self.mode = 0o711 if account.is_other else 0o700
        self.path = Path()
        self._lock = -1

    def make(self) -> Path:
        self.sweep()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self.root)).resolve()
        self.path.chmod(self.mode)
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self.path

    def remove(self) -> None:
        if self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1

    def sweep(self) -> list[Path]:
        """Remove what killed runs left behind, with the servers in it; return what was removed."""
        removed = []
        for path in self.root.glob(f"{PREFIX}*"):
            try:
                if path.lstat().st_uid != os.geteuid():
                    continue
                private_directory(path)
                lock = os.open(path / "lock", os.O_RDWR)
            except (OSError, RuntimeError):
                # Not ours, gone meanwhile, or so young that its lock has yet to be made.
                continue
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            else:
                stop_leftover(path / "postgres" / "data")
                shutil.rmtree(path, ignore_errors=True)
                removed.append(path)
            finally:
                os.close(lock)
        return removed
