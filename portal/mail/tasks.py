"""What Celery carries: "look into the outbox". Losing all of Redis loses no mail."""

import logging

from celery import shared_task
from django.db import transaction

from .worker import deliver_everything_due

logger = logging.getLogger(__name__)


@shared_task(name="portal.mail.tasks.deliver_due_mail")
def deliver_due_mail() -> None:
    """Send everything that is due. Run twice, or by two workers, it does the same."""
    count = deliver_everything_due()
    if count:
        logger.info("The mail server has accepted %d messages", count)


def wake_workers() -> None:
    """Have a worker look into the outbox after this transaction's commit.

    A Redis that is away costs about a second and no mail: the beat's scan finds what is due.
    """
    transaction.on_commit(_publish, robust=True)


def _publish() -> None:
    try:
        # One attempt, as each may cost REDIS_TIMEOUT. (``retry=False`` would not do: then kombu
        # retries to connect by itself, for seconds.)
        deliver_due_mail.apply_async(expires=60, retry_policy={"max_retries": 0})
    except Exception:  # noqa: BLE001 - whatever the broker's client raises means "not there"
        logger.warning("The workers could not be woken; the next scan sends what is due")
