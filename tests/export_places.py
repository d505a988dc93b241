"""The gallery's pages of exports: ordering one, and each state of one."""

from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone

from feedback.exports.logs import KIND, log_export
from feedback.exports.mails import MAIL_KEY_PREFIX, tell_requester
from feedback.exports.orders import Order
from feedback.models import ExportJob
from portal.accounts.models import User
from portal.demo.users import STAFF
from portal.mail.models import Mailing
from tests.places import DESK_LEAD, DESK_STAFF, Place

ROWS = 250_000


def export_places() -> list[Place]:
    """The order, the list, an export in each state, the mail, and the log."""
    user = User.objects.get(email=STAFF.email)
    order = reverse("admin:feedback_export")
    jobs = {state: _job(user, state, fields) for state, fields in _states(timezone.now()).items()}
    tell_requester(jobs["ready"])
    mailing = Mailing.objects.get(key=f"{MAIL_KEY_PREFIX}{jobs['ready'].pk}")
    log = log_export(
        user=user,
        kind=KIND,
        purpose="Renewal of the grant",
        order=Order(),
        columns=["respondent", "article_id"],
        row_count=ROWS,
        sha256="0" * 64,
    )
    return [
        Place("desk-export", order, DESK_STAFF),
        Place("desk-export-error", order, DESK_STAFF, press="Count the rows", status=400),
        Place("desk-exports", reverse("admin:feedback_exports"), DESK_STAFF),
        *(
            Place(
                f"desk-export-{state}",
                reverse("admin:feedback_export_job", args=[job.pk]),
                DESK_STAFF,
            )
            for state, job in jobs.items()
        ),
        Place("mail-export-ready", "/mail/export-ready/", html=mailing.html),
        Place("desk-export-logs", reverse("admin:core_exportlog_changelist"), DESK_LEAD),
        Place("desk-export-log", reverse("admin:core_exportlog_change", args=[log.pk]), DESK_LEAD),
    ]


def _job(user: User, state: str, fields: dict[str, object]) -> ExportJob:
    return ExportJob.objects.create(
        requested_by=user,
        purpose="Renewal of the grant",
        order=Order().as_filters(),
        status=state,
        rows_total=ROWS,
        **fields,
    )


def _states(now: datetime) -> dict[str, dict[str, object]]:
    begun = {"started_at": now - timedelta(seconds=75), "attempts": 1}
    over = begun | {"finished_at": now}
    made = over | {
        "rows_done": ROWS,
        "size": 12_345_678,
        "sha256": "0123456789abcdef" * 4,
        "snapshot_at": now,
    }
    return {
        "waiting": {},
        "running": begun | {"rows_done": 80_000},
        "ready": made | {"file": "exports/none.zip", "expires_at": now + timedelta(days=7)},
        "failed": over | {"error": "storage"},
        "cancelled": over,
        "expired": made | {"expires_at": now - timedelta(hours=1)},
    }
