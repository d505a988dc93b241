"""What Celery's beat asks for; what is due stands in the database."""

import logging

from celery import shared_task

from .tallies import refresh

logger = logging.getLogger(__name__)


@shared_task(name="feedback.tasks.refresh_tallies")
def refresh_tallies() -> None:
    """Count anew what has changed. Run twice, by two beats, or late, it does the same."""
    articles = refresh()
    if articles:
        logger.info("The answers about %d articles were counted anew", articles)
