"""The spreadsheet that tests open our files in: the system's LibreOffice, without a screen.

python -m portal.core.local.libreoffice     install it where we may, or say so
"""

from __future__ import annotations

import sys

from .programs import Program

LIBREOFFICE = Program(
    variable="SOFFICE",
    names=("soffice", "libreoffice"),
    package="libreoffice-calc-nogui",
    missing=(
        "No LibreOffice on this machine: ALL TESTS THAT OPEN FILES IN A SPREADSHEET WILL BE "
        "SKIPPED. Install the package libreoffice-calc-nogui, or name the program in SOFFICE, to "
        "run them."
    ),
)


if __name__ == "__main__":
    sys.exit(LIBREOFFICE.main())
