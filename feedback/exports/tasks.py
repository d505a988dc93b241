"""What Celery carries about exports; what is to be done stands in the database."""

import logging
from uuid import UUID

from celery import shared_task
from django.db import transaction

logger = logging.getLogger(__name__)

# Seconds after which the scan has asked again: messages do not pile up before a busy worker.
MESSAGE_VALIDITY = 60


@shared_task(name="feedback.exports.tasks.make_export")
def make_export(job_id: str) -> None:
    """Make the file of one export. Run twice, or by two workers, it makes one."""
    from . import jobs

    jobs.make_export(UUID(job_id))


@shared_task(name="feedback.exports.tasks.look_after_exports")
def look_after_exports() -> None:
    """Send to work what was left, delete what is over."""
    from . import jobs

    jobs.look_after_exports()


def send_later(job_id: UUID) -> None:
    """Have a worker make the export's file after this transaction's commit.

    A Redis that is away costs about a second and no export: the beat's scan finds what waits.
    """

    def send() -> None:
        try:
            make_export.apply_async(
                (str(job_id),), expires=MESSAGE_VALIDITY, retry_policy={"max_retries": 0}
            )
        except Exception:  # noqa: BLE001 - whatever the broker's client raises means "not there"
            logger.warning("No worker could be told of an export; the next scan sends it")

    transaction.on_commit(send, robust=True)
