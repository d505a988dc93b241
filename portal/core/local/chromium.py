"""The browser of the tests: the system's Chromium, driven by Playwright.

python -m portal.core.local.chromium     install it where we may, or say loudly that it is missing
"""
# ruff: noqa: T201 - a command speaks through print

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from .bootstrap import apt_install

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find_chromium() -> Path | None:
    """The browser that CHROMIUM names, or the first on PATH, or None."""
    given = os.environ.get("CHROMIUM")
    for name in (given,) if given else PROGRAMS:
        found = shutil.which(name)
        if found:
            return Path(found)
    return None


def ensure_chromium() -> Path | None:
    """As find_chromium(), after installing the package where we may (root on Debian)."""
    found = find_chromium()
    if found is None and "CHROMIUM" not in os.environ and apt_install("chromium"):
        found = find_chromium()
    return found


def main() -> int:
    if ensure_chromium() is None:
        print(
            "\n!!! No Chromium on this machine: ALL BROWSER TESTS WILL BE SKIPPED. Install the "
            "package chromium, or name a browser in CHROMIUM, to run them.\n",
            file=sys.stderr,
            flush=True,
        )
    # Not an error here: under CI=true the skipped tests themselves fail the run.
    return 0


if __name__ == "__main__":
    sys.exit(main())
