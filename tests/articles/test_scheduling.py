"""Articles that come out by themselves: once, late rather than never, and never blocked ones."""

import datetime
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from articles.models import Article, ArticleVersion
from articles.services import publish_due_articles, schedule_article, withdraw_article
from articles.signals import article_published
from tests.factories import approve, approved_article, published_article, sign_by
from tests.fixtures_mail import wait_until

HOUR = datetime.timedelta(hours=1)


def due_article(**options):
    """Return an article whose scheduled time has just passed."""
    article = approved_article()
    schedule_article(article=article, user=None, scheduled_for=timezone.now() + HOUR, **options)
    Article.objects.filter(pk=article.pk).update(scheduled_for=timezone.now())
    return article


@pytest.mark.django_db
def test_it_comes_out_when_its_time_has_come_and_not_before():
    article = approved_article()
    schedule_article(article=article, user=None, scheduled_for=timezone.now() + HOUR)
    assert publish_due_articles() == []
    Article.objects.update(scheduled_for=timezone.now() - 30 * HOUR)  # as after a stopped worker
    [version] = publish_due_articles()
    assert publish_due_articles() == []
    article.refresh_from_db()
    assert (article.status, article.published_version) == ("published", version)
    assert (article.scheduled_for, version.published_by) == (None, None)
    # Late, it is dated when it came out.
    assert timezone.now() - version.published_at < HOUR


@pytest.mark.django_db
def test_the_past_is_no_schedule():
    article = approved_article()
    with pytest.raises(ValueError, match="past"):
        schedule_article(article=article, user=None, scheduled_for=timezone.now())
    assert Article.objects.get().status == "approved"


@pytest.mark.django_db
def test_a_correction_comes_out_with_its_notice():
    article = approve(published_article())
    schedule_article(
        article=article,
        user=None,
        scheduled_for=timezone.now() + HOUR,
        kind="correction",
        notice="The number was wrong.",
    )
    Article.objects.update(scheduled_for=timezone.now())
    [version] = publish_due_articles()
    assert (version.number, version.kind, version.notice) == (
        2,
        "correction",
        "The number was wrong.",
    )


@pytest.mark.django_db
def test_what_is_blocked_by_then_goes_back_and_the_others_come_out():
    blocked, fine = due_article(), due_article()
    sign_by(blocked, declared=False)
    [version] = publish_due_articles()
    assert version.article == fine
    blocked.refresh_from_db()
    assert (blocked.status, blocked.scheduled_for) == ("approved", None)
    step = blocked.transitions.first()
    assert (step.verb, step.user) == ("fail_schedule", None)
    assert "has no current disclosure" in step.comment


@pytest.mark.django_db
def test_a_change_behind_the_forms_back_is_not_published():
    article = due_article()
    article.sections.filter(position=1).update(body="<p>Other.</p>")
    assert publish_due_articles() == []
    assert "changed since it was approved" in article.transitions.first().comment


@pytest.mark.django_db
def test_a_listener_that_fails_keeps_no_other_article_waiting():
    failing, fine = due_article(), due_article()

    def fail(article, **kwargs):
        if article == failing:
            raise RuntimeError("no")

    article_published.connect(fail)
    try:
        assert [version.article for version in publish_due_articles()] == [fine]
    finally:
        article_published.disconnect(fail)
    assert [version.article for version in publish_due_articles()] == [failing]


@pytest.mark.django_db
@pytest.mark.parametrize("jump", [HOUR * 2, -HOUR * 2])
def test_nothing_comes_out_while_the_clocks_differ(jump):
    article = approved_article()
    schedule_article(article=article, user=None, scheduled_for=timezone.now() + HOUR)
    Article.objects.update(scheduled_for=timezone.now() + (HOUR if jump > HOUR else -3 * HOUR))
    with time_machine.travel(timezone.now() + jump):
        assert publish_due_articles() == []
    assert Article.objects.get().status == "scheduled"


@pytest.mark.django_db
def test_a_withdrawn_article_does_not_come_out():
    article = approve(published_article())
    schedule_article(article=article, user=None, scheduled_for=timezone.now() + HOUR)
    withdraw_article(article=article, user=None, reason="Wrong.")
    assert publish_due_articles() == []


@pytest.mark.django_db(transaction=True)
def test_four_workers_at_once_publish_each_article_once():
    pks = {due_article().pk for _ in range(3)}
    start = Barrier(4)

    def work(_number):
        start.wait()
        try:
            return [version.article_id for version in publish_due_articles()]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        published = [pk for pks in pool.map(work, range(4)) for pk in pks]
    assert sorted(published) == sorted(pks)
    assert ArticleVersion.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_two_real_workers_with_two_beats_publish_once(start_celery_worker):
    # Due before anybody works: as after a worker that was stopped.
    late = due_article()
    workers = [start_celery_worker(has_beat=True) for _ in range(2)]
    wait_until(late.versions.exists, 60, "catching up")
    soon = approved_article()
    schedule_article(
        article=soon, user=None, scheduled_for=timezone.now() + datetime.timedelta(seconds=2)
    )
    wait_until(soon.versions.exists, 60, "publishing the scheduled article")
    for worker in workers:
        worker.stop()
    assert [late.versions.count(), soon.versions.count()] == [1, 1]
    assert soon.versions.get().published_at >= soon.scheduled_for
