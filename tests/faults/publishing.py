"""Whoever publishes an article is killed: its mails are planned, or it is not published."""

from __future__ import annotations

import socket
from collections.abc import Callable

from articles.models import Article
from portal.mail.models import Mailing, Subscriber
from portal.updates.streams import ARTICLE_UPDATES
from tests.factories import approved_article
from tests.fixtures_mail import wait_until

from .harness import World


def was_published(article: Article) -> tuple[bool, bool]:
    """Whether it was, and whether its mails are planned."""
    is_published = Article.objects.get(pk=article.pk).published_version_id is not None
    is_planned = Mailing.objects.filter(stream=ARTICLE_UPDATES.key, subject__endswith=article.title)
    return is_published, is_planned.exists()


def assert_all_were_told(article: Article, world: World) -> None:
    world.assert_sound()
    told = [seen for seen in world.sink.seen() if seen.subject.endswith(article.title)]
    assert len(told) == Subscriber.objects.count() > 0
    world.stop_workers()


def killed_before_commit(world: World) -> None:
    """After the planning, before its COMMIT: neither."""
    world.subscribe(5)
    article = approved_article()
    log_position = world.log.stat().st_size
    pid = world.order("publish", article=article.pk, pause=60)
    wait_until(
        lambda: b"before COMMIT" in world.log.read_bytes()[log_position:], 20, "the last statement"
    )
    world.kill(pid)
    world.start_workers()
    world.assert_sound()
    assert was_published(article) == (False, False)
    # And the next attempt is as if there had been none.
    world.order("publish", article=article.pk)
    wait_until(lambda: was_published(article) == (True, True), 20, "the publishing")
    assert_all_were_told(article, world)


def killed_before_the_wake_up(world: World) -> None:
    """After the COMMIT, while Redis accepts and does not answer, which takes a second: both."""
    world.subscribe(5)
    article = approved_article()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        pid = world.order(
            "publish",
            article=article.pk,
            broker=f"redis://127.0.0.1:{listener.getsockname()[1]}/0",
        )
        wait_until(lambda: was_published(article)[0], 20, "the COMMIT")
        world.kill(pid)
    assert was_published(article) == (True, True)
    world.start_workers()
    assert_all_were_told(article, world)


PUBLISHING_FAULTS: list[Callable[[World], None]] = [killed_before_commit, killed_before_the_wake_up]
