"""Two readers turn out to be one person: people are counted anew, whatever runs meanwhile."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from feedback.models import Response, TallyState
from feedback.tallies import rebuild, refresh
from portal.attestation.models import Reader
from portal.attestation.services import join_reader
from tests.factories import TopicFactory, UserFactory, published_article
from tests.fixtures_mail import wait_until

from .builders import answer, last_month, refresh_tallies
from .desk import results_url

pytestmark = pytest.mark.django_db

LEVELS = [5, 4, 3, 2]


def strangers(articles, **fields):
    """Return a response about each article, of readers who do not know each other yet."""
    return [response for article in articles for response in answer(article, [LEVELS], **fields)]


def meet(one, other):
    """Let the reader of ``one`` sign in to the account of the reader of ``other``."""
    account = Reader.objects.get(pk=other.reader_id)
    user = account.user or UserFactory()
    account.user = user
    account.save()
    assert join_reader(user=user, pseudonym=one.reader_id) is None
    assert not Response.objects.filter(reader=one.reader_id).exists()


def in_a_thread(work, *arguments):
    """Return a started thread that closes its connection."""

    def run():
        try:
            work(*arguments)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def wait_until_stopped(thread):
    """Wait until ``thread`` waits for a lock of this connection, or is through without."""
    waits = (
        "SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    )
    with connection.cursor() as cursor:

        def is_stopped():
            cursor.execute(f"SELECT EXISTS ({waits})")
            return cursor.fetchone() == (True,) or not thread.is_alive()

        wait_until(is_stopped, 20, "the thread's stop")


def months_of(*moments):
    return [timezone.localtime(moment).date().replace(day=1).isoformat() for moment in moments]


def test_ten_people_who_become_nine_are_not_shown_any_more(desk):
    topic = TopicFactory()
    responses = []
    for _article in range(2):
        article = published_article()
        article.search_topics = [topic.pk]
        article.save(update_fields=["search_topics"])
        article.topics.add(topic)
        responses += answer(article, [LEVELS] * 5)
    refresh_tallies()
    staff = desk("Staff")

    def shown():
        return staff.get(results_url(topic=topic.pk)).context["figures"].n

    assert shown() == 10
    meet(responses[0], responses[-1])
    assert shown() is None
    refresh_tallies()
    assert shown() is None
    # An eleventh is the tenth person.
    answer(article, [LEVELS])
    refresh_tallies()
    assert shown() == 11


def test_how_many_responses_are_of_one_person_is_known_at_once():
    articles = [published_article() for _ in range(4)]
    before = last_month() - timedelta(days=31)
    responses = strangers(articles[:3]) + strangers(articles[3:], submitted_at=before)
    refresh()
    earlier, last = months_of(before, last_month())
    assert TallyState.objects.get().most_of_one == {earlier: 1, last: 1, "": 1}
    meet(responses[0], responses[1])
    assert TallyState.objects.get().most_of_one == {earlier: 1, last: 2, "": 2}
    meet(responses[3], responses[1])
    known = TallyState.objects.get()
    assert known.most_of_one == {earlier: 1, last: 2, "": 3}
    assert known.most_on == timezone.localdate().replace(day=1)
    rebuild()
    assert TallyState.objects.get().most_of_one == known.most_of_one


def test_where_both_answered_too():
    article = published_article()
    one, other = strangers([article, article])
    refresh()
    stamp = TallyState.objects.get().stamp
    meet(one, other)
    assert TallyState.objects.get().stamp != stamp


def test_nothing_is_forgotten_for_answers_of_the_open_month():
    one, other = strangers([published_article() for _ in range(2)], submitted_at=timezone.now())
    strangers([published_article()])
    refresh()
    before = TallyState.objects.values().get()
    meet(one, other)
    assert TallyState.objects.values().get() == before


def test_before_anything_is_counted():
    meet(*strangers([published_article() for _ in range(2)]))
    assert not TallyState.objects.exists()
    refresh()
    assert TallyState.objects.get().most_of_one[""] == 2


@pytest.mark.django_db(transaction=True)
def test_a_run_that_counted_before_they_met_does_not_write_that_down():
    one, other = strangers([published_article() for _ in range(2)])
    refresh()
    answer(published_article(), [LEVELS])
    with transaction.atomic():
        TallyState.objects.select_for_update().get()
        run = in_a_thread(refresh)
        wait_until_stopped(run)
        assert run.is_alive()
        meet(one, other)
    run.join()
    # Not known, or known truly.
    assert TallyState.objects.get().most_of_one.get("", 2) == 2
    refresh()
    state = TallyState.objects.get()
    assert (state.most_of_one[""], state.most_on) == (2, timezone.localdate().replace(day=1))


@pytest.mark.django_db(transaction=True)
def test_nor_does_the_first_run_of_all():
    one, other = strangers([published_article() for _ in range(2)])
    with transaction.atomic():
        refresh()
        meeting = in_a_thread(meet, one, other)
        wait_until_stopped(meeting)
    meeting.join()
    assert TallyState.objects.get().most_of_one[""] == 2


@pytest.mark.django_db(transaction=True)
def test_two_meetings_at_once_are_both_known():
    articles = [published_article() for _ in range(2)]
    before = last_month() - timedelta(days=31)
    of_last, of_earlier = strangers(articles), strangers(articles, submitted_at=before)
    refresh()
    with transaction.atomic():
        meet(*of_last)
        meeting = in_a_thread(meet, *of_earlier)
        wait_until_stopped(meeting)
    meeting.join()
    earlier, last = months_of(before, last_month())
    assert TallyState.objects.get().most_of_one == {earlier: 2, last: 2, "": 2}
