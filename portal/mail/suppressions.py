"""Addresses that get no subscribed mail for a while or for good. Account mail is not affected."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from .models import Suppression

Reason = Suppression.Reason

# A stronger reason takes the place of a weaker one, never the other way round: who asked not to be
# written to stays left alone when a mailbox comes back.
_STRENGTH = {Reason.UNREACHABLE: 0, Reason.BOUNCE: 1, Reason.COMPLAINT: 2, Reason.REQUEST: 3}


@transaction.atomic
def suppress(*, address: str, reason: str, expires_at: datetime | None = None) -> Suppression:
    """Send ``address`` no subscribed mail until ``expires_at`` (None: for good) (3 to 4 queries).

    An entry that has expired begins anew. One that holds is only made stronger or longer.
    """
    Suppression.objects.bulk_create(
        [Suppression(address=address, reason=reason, expires_at=expires_at)], ignore_conflicts=True
    )
    entry = Suppression.objects.of_address(address).select_for_update().get()
    now = timezone.now()
    is_over = entry.expires_at is not None and entry.expires_at <= now
    is_stronger = _STRENGTH[Reason(reason)] > _STRENGTH[Reason(entry.reason)]
    is_longer = entry.expires_at is not None and (
        expires_at is None or expires_at > entry.expires_at
    )
    if is_over or is_stronger or (entry.reason == reason and is_longer):
        if is_over:
            entry.created_at = now
        if is_over or is_longer:
            entry.expires_at = expires_at
        entry.reason = reason
        entry.save(update_fields=["reason", "created_at", "expires_at"])
    return entry
