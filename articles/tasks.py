"""What Celery's beat asks for; what is due stands in the database."""

import logging

from celery import shared_task

from .reference_import.rechecking import recheck_references
from .services import publish_due_articles

logger = logging.getLogger(__name__)


@shared_task(name="articles.tasks.publish_scheduled_articles")
def publish_scheduled_articles() -> None:
    """Publish what is due. Run twice, by two workers, or late, it does the same."""
    versions = publish_due_articles()
    if versions:
        logger.info("%d scheduled articles are published", len(versions))


@shared_task(name="articles.tasks.recheck_references")
def recheck_stored_references() -> None:
    """Ask what became of the sources whose turn it is; what is found stands on the desk."""
    found = recheck_references()
    if found:
        logger.info("%d references have been corrected or retracted", found)
