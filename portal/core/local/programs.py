"""Programs of the system that tests need: found, installed where we may, or missed loudly."""
# ruff: noqa: T201 - a command speaks through print

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from .bootstrap import apt_install


@dataclass(frozen=True, slots=True)
class Program:
    """One program. ``variable``: the environment may name it; ``names``: what it is called on PATH.

    ``package`` is Debian's. ``missing``: what is said aloud where it cannot be had.
    """

    variable: str
    names: tuple[str, ...]
    package: str
    missing: str

    def find(self) -> Path | None:
        """Return the program that the environment names, or the first on PATH, or None."""
        given = os.environ.get(self.variable)
        for name in (given,) if given else self.names:
            found = shutil.which(name)
            if found:
                return Path(found)
        return None

    def ensure(self) -> Path | None:
        """As find(), after installing the package where we may (root on Debian)."""
        found = self.find()
        if found is None and self.variable not in os.environ and apt_install(self.package):
            found = self.find()
        return found

    def main(self) -> int:
        if self.ensure() is None:
            print(f"\n!!! {self.missing}\n", file=sys.stderr, flush=True)
        # Not an error here: under CI=true the skipped tests themselves fail the run.
        return 0
