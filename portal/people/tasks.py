"""What Celery's beat asks for; who is due stands in the database."""

import logging

from celery import shared_task

from . import reminders

logger = logging.getLogger(__name__)


@shared_task(name="portal.people.tasks.look_after_disclosures")
def look_after_disclosures() -> None:
    """Remind whoever is due, and note what has been sent. Run twice, or late, it does the same."""
    reminders.note_sent_requests()
    if count := reminders.remind_of_disclosures():
        logger.info("%d people are reminded of their disclosures", count)
