"""How far an export is, in words."""

from datetime import datetime

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from feedback.models import ExportJob, ExportStatus

MINUTE = 60  # seconds
# Per cent between two words to whoever listens to the page.
SPOKEN_STEP = 10


def number(value: int) -> str:
    """Return ``value`` as people read it: 150,000."""
    return number_format(value, use_l10n=True, force_grouping=True)


def progress_text(job: ExportJob, now: datetime) -> str:
    """Return the line under the progress bar: rows done and how long that took."""
    if job.status == ExportStatus.WAITING:
        return _("Waiting for its turn: about %(rows)s rows.") % {"rows": number(job.rows_total)}
    if job.status != ExportStatus.RUNNING or job.started_at is None:
        return _("%(rows)s rows") % {"rows": number(job.rows_done)}
    return _("%(done)s of about %(total)s rows (%(percent)d %%), for %(time)s.") % {
        "done": number(job.rows_done),
        "total": number(job.rows_total),
        "percent": job.percent,
        "time": duration((now - job.started_at).total_seconds()),
    }


def announcement(job: ExportJob, now: datetime) -> str:
    """Return what is said aloud: the state, and each further tenth of the work."""
    state = job.state_at(now)
    if state != ExportStatus.RUNNING:
        return _("The export: %(state)s") % {"state": state.label}
    return _("The export: %(percent)d %% done") % {
        "percent": job.percent // SPOKEN_STEP * SPOKEN_STEP
    }


def duration(seconds: float) -> str:
    """Return so many seconds in words: "75 s" is "1 min 15 s"."""
    whole = max(0, round(seconds))
    if whole < MINUTE:
        return ngettext("%(n)d second", "%(n)d seconds", whole) % {"n": whole}
    return _("%(minutes)d min %(seconds)d s") % {
        "minutes": whole // MINUTE,
        "seconds": whole % MINUTE,
    }
