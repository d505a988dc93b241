"""The browser of the tests: the system's Chromium, driven by Playwright.

python -m portal.core.local.chromium     install it where we may, or say loudly that it is missing
"""

from __future__ import annotations

import sys

from .programs import Program

CHROMIUM = Program(
    variable="CHROMIUM",
    names=("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    package="chromium",
    missing=(
        "No Chromium on this machine: ALL BROWSER TESTS WILL BE SKIPPED. Install the package "
        "chromium, or name a browser in CHROMIUM, to run them."
    ),
)
find_chromium = CHROMIUM.find
ensure_chromium = CHROMIUM.ensure
main = CHROMIUM.main


if __name__ == "__main__":
    sys.exit(main())
