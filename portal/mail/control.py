"""What editors and operators do with a mailing that is planned: each takes effect at once.

A worker looks at the mailing before each message, so nothing more goes out after the answer.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from .models import Delivery, Mailing
from .sending import pause, trust_this_database
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


def pause_all() -> bool:
    """Send nothing at all, account mail included; False if everything is paused already."""
    return pause()


@transaction.atomic
def resume_all(*, cancel_before: datetime | None = None) -> int:
    """Trust this database and go on sending; return how many mailings were cancelled.

    ``cancel_before``: what was planned before it and is still open is not sent any more.
    """
    cancelled = 0
    if cancel_before is not None:
        cancelled = open_mailings(before=cancel_before).update(cancelled_at=timezone.now())
    trust_this_database()
    wake_workers()
    return cancelled


def open_mailings(*, before: datetime | None = None) -> QuerySet[Mailing]:
    """Return what is not cancelled and still has deliveries to be sent, planned ``before``."""
    deliveries = Delivery.objects.filter(mailing=OuterRef("pk"), state__in=Delivery.OPEN)
    mailings = Mailing.objects.filter(Exists(deliveries), cancelled_at=None)
    return mailings if before is None else mailings.filter(created_at__lt=before)
