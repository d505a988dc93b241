"""A process that has everything imported and makes workers of itself in milliseconds.

Reads one JSON object a line, {"do": "work"} or the name of another function here and its arguments;
forks, and answers with the child's number. Each child is a process of its own with connections of
its own, as a worker of Celery is: it can be killed and stopped like any other.
"""

import json
import logging
import os
import signal
import sys
import time
from typing import Any

import django

logger = logging.getLogger("tests.faults")


def work() -> None:
    """Look into the outbox again and again, as Celery's workers do when beat wakes them."""
    from django.db import connections

    from portal.mail.worker import deliver_everything_due

    parent = os.getppid()
    while os.getppid() == parent:
        try:
            deliver_everything_due()
        except Exception:
            # A task that fails ends; the next one is a new attempt.
            logger.exception("A run failed")
            connections.close_all()
            time.sleep(0.3)
        time.sleep(0.1)


def wake() -> None:
    """Tell the workers that there is something to do."""
    from django.db import transaction

    from portal.mail.tasks import wake_workers

    with transaction.atomic():
        wake_workers()


def publish(*, article: int, pause: float = 0, broker: str = "") -> None:
    """Publish an article; ``pause``: seconds between the last statement and COMMIT.

    ``broker``: the URL of another Redis.
    """
    from django.db import transaction

    from articles.models import Article
    from articles.services import publish_article
    from portal.celery import app

    if broker:
        app.conf.broker_url = broker
    with transaction.atomic():
        publish_article(article=Article.objects.get(pk=article), user=None)
        sys.stderr.write("before COMMIT\n")
        sys.stderr.flush()
        time.sleep(pause)


def main() -> None:
    django.setup()
    # Imported once, for all children.
    import articles.services  # noqa: F401
    import portal.mail.worker  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    jobs = {"work": work, "wake": wake, "publish": publish}
    for line in iter(sys.stdin.readline, ""):
        order: dict[str, Any] = json.loads(line)
        job = jobs[order.pop("do")]
        child = os.fork()
        if not child:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            code = 1
            try:
                job(**order)
                code = 0
            except BaseException:
                logger.exception("%s failed", job.__name__)
            finally:
                os._exit(code)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
