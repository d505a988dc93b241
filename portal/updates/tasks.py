"""What Celery's beat asks for: "look whose morning it is"."""

import logging

from celery import shared_task

from portal.core.clock import clocks_agree
from portal.mail.tasks import wake_workers

from .digests import plan_due_digests

logger = logging.getLogger(__name__)


@shared_task(name="portal.updates.tasks.plan_digests")
def plan_digests() -> None:
    """Plan the digests that are due. Run twice, or by two workers, it does the same."""
    # A clock that is ahead would end days that have not come yet.
    if not clocks_agree():
        logger.error("No digest is planned: this machine and the database differ about the time")
        return
    count = plan_due_digests()
    if count:
        logger.info("Planned %d digests", count)
        wake_workers()
