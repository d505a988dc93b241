"""What editors and operators do with a mailing that is planned: each takes effect at once.

A worker looks at the mailing before each message, so nothing more goes out after the answer.
"""

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from .models import Mailing
from .tasks import wake_workers

if TYPE_CHECKING:
    from portal.accounts.models import User


@transaction.atomic
def approve_mailing(mailing: Mailing, *, user: "User") -> bool:
    """Let a mailing go out that waits for somebody to look at it; False if it did not wait."""
    approved = Mailing.objects.filter(pk=mailing.pk, approved_at=None, cancelled_at=None).update(
        approved_at=timezone.now(), approved_by=user
    )
    wake_workers()
    return bool(approved)


def pause_mailing(mailing: Mailing) -> bool:
    """Send no more of it for now; False if it is paused or cancelled already."""
    running = Mailing.objects.filter(pk=mailing.pk, paused_at=None, cancelled_at=None)
    return bool(running.update(paused_at=timezone.now()))


@transaction.atomic
def resume_mailing(mailing: Mailing) -> bool:
    """Go on with what is still open; False if it is not paused. Nobody gets it twice."""
    paused = Mailing.objects.filter(pk=mailing.pk, paused_at__isnull=False, cancelled_at=None)
    resumed = paused.update(paused_at=None)
    wake_workers()
    return bool(resumed)


@transaction.atomic
def cancel_mailing(mailing: Mailing) -> bool:
    """Send no more of it for good: what is open becomes ``skipped``. False if it was cancelled."""
    cancelled = Mailing.objects.filter(pk=mailing.pk, cancelled_at=None).update(
        cancelled_at=timezone.now()
    )
    # A worker's scan ends the open rows.
    wake_workers()
    return bool(cancelled)
