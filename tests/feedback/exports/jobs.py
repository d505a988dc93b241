"""Exports in the background, in as few words as possible."""

import datetime

from django.urls import reverse
from django.utils import timezone

from portal.mail.models import Mailing

DAY = datetime.timedelta(days=1)
MOMENT = datetime.datetime(2026, 11, 1, 12, tzinfo=datetime.UTC)
SHA = "0" * 64


def ready(now=None, **fields):
    """Return the fields of an export whose file can be fetched."""
    now = now or timezone.now()
    return {
        "status": "ready",
        "file": "exports/x.csv",
        "size": 5,
        "sha256": SHA,
        "snapshot_at": now,
        "started_at": now,
        "finished_at": now,
        "expires_at": now + 7 * DAY,
        "attempts": 1,
        "rows_total": 10,
        "rows_done": 10,
        **fields,
    }


def mailings():
    """Return the mails about exports: what is published is announced, too."""
    return Mailing.objects.filter(stream="exports")


def page(job, name="job"):
    return reverse(f"admin:feedback_export_{name}", args=[job.pk])


def over(status, **fields):
    now = timezone.now()
    return {"status": status, "started_at": now, "finished_at": now, "attempts": 1, **fields}
