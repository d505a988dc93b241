"""Finding out what became of deliveries that are ``unknown``. Nothing here sends by itself."""

from enum import Enum

from django.utils import timezone

from .models import Delivery, DeliveryQuerySet

State = Delivery.State


class Finding(Enum):
    """What is known now: it arrived; it did not; it did not, and is to be sent again."""

    ARRIVED = "arrived"
    LOST = "lost"
    SEND_AGAIN = "send_again"


def settle(deliveries: DeliveryQuerySet, finding: Finding, *, resolution: str) -> int:
    """Settle those of ``deliveries`` that are unknown; return how many (1 statement).

    ``resolution``: a ``Delivery.Resolution``, how it was found out.
    """
    unknown = deliveries.filter(state=State.UNKNOWN)
    now = timezone.now()
    if finding is Finding.ARRIVED:
        return unknown.update(state=State.SENT, reason="", resolution=resolution, finished_at=now)
    if finding is Finding.LOST:
        return unknown.update(
            state=State.FAILED,
            reason=Delivery.Reason.NOT_DELIVERED,
            resolution=resolution,
            finished_at=now,
        )
    return unknown.update(
        state=State.PENDING,
        reason="",
        resolution=resolution,
        worker=None,
        next_attempt_at=now,
        finished_at=None,
    )
