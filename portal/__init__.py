"""The site: who comes in, who pays, who is told.

The Celery application is imported here so that ``@shared_task`` finds it in every process.
"""

from .celery import app as celery_app

__all__ = ["celery_app"]
