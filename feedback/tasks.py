"""What Celery's beat asks for."""

import logging

import redis
from celery import shared_task

from .impressions import store_impressions
from .tallies import refresh

logger = logging.getLogger(__name__)


@shared_task(name="feedback.tasks.store_impressions")
def store_impressions_so_far() -> None:
    """Write the impressions of this month and the last down. Run twice, or late, it does the same.

    While Redis is away there is nothing to read; the beat asks again.
    """
    try:
        store_impressions()
    except redis.RedisError:
        logger.warning("Redis is away: impressions are written down later")


@shared_task(name="feedback.tasks.refresh_tallies")
def refresh_tallies() -> None:
    """Count anew what has changed. Run twice, by two beats, or late, it does the same."""
    articles = refresh()
    if articles:
        logger.info("The answers about %d articles were counted anew", articles)
