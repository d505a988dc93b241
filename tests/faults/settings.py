"""The portal's settings with a clock and a patience that a test can set, for its workers alone.

``FAULTS_CLOCK`` names a file with the seconds by which this machine's clock is wrong; what it says
counts at once, so that a clock can also jump in the middle of a run.
"""

import datetime
import os
from pathlib import Path

from django.utils import timezone

_true_now = timezone.now


def _wrong_now() -> datetime.datetime:
    seconds = Path(os.environ["FAULTS_CLOCK"]).read_text() or "0"
    return _true_now() + datetime.timedelta(seconds=float(seconds))


if "FAULTS_CLOCK" in os.environ:
    # Before the models are imported: their fields' defaults hold the function itself.
    timezone.now = _wrong_now

from portal.settings import *  # noqa: E402, F403

# The real one in `make soak`; a test should not wait so long for it.
EMAIL_TIMEOUT = float(os.environ.get("FAULTS_EMAIL_TIMEOUT", EMAIL_TIMEOUT))  # noqa: F405
