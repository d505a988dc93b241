"""What Celery carries: "look into the outbox". Losing all of Redis loses no mail."""

import logging

from celery import shared_task
from django.conf import settings
from django.db import transaction

from .worker import deliver_due

logger = logging.getLogger(__name__)

# The last that Celery takes with Redis.
AFTER_ALL_OTHERS = 9


@shared_task(name="portal.mail.tasks.deliver_due_mail")
def deliver_due_mail() -> None:
    """Send everything that is due. Run twice, or by two workers, it does the same.

    A large mailing takes hours: after ``MAIL_RUN_SECONDS`` other tasks have their turn, then the
    next run goes on. Without Redis this one does.
    """
    while True:
        run = deliver_due(seconds=settings.MAIL_RUN_SECONDS)
        if run.sent_count:
            logger.info("The mail server has accepted %d messages", run.sent_count)
        if not run.is_cut_off or _publish(priority=AFTER_ALL_OTHERS):
            return


def wake_workers() -> None:
    """Have a worker look into the outbox after this transaction's commit.

    A Redis that is away costs about a second and no mail: the beat's scan finds what is due.
    """
    transaction.on_commit(_publish, robust=True)


def _publish(priority: int = 0) -> bool:
    try:
        # One attempt, as each may cost REDIS_TIMEOUT. (``retry=False`` would not do: then kombu
        # retries to connect by itself, for seconds.)
        deliver_due_mail.apply_async(
            # The beat's scan always waits for a worker that becomes free.
            expires=settings.TASK_EXPIRES,
            priority=priority,
            retry_policy={"max_retries": 0},
        )
    except Exception:  # noqa: BLE001 - whatever the broker's client raises means "not there"
        logger.warning("The workers could not be woken; the next scan sends what is due")
        return False
    return True
