"""One response per reader and article: twenty clicks, two devices, two pseudonyms."""

import threading

import pytest
from django.db import connection
from django.test import Client

from feedback.models import HiddenComment, Response, ResponseHistory
from feedback.moderation import hide_comment
from feedback.services import save_response
from portal.attestation.models import Reader
from portal.attestation.services import join_reader
from tests.factories import ReaderFactory, UserFactory, published_article

from .builders import filled, publish_survey, respond_url
from .conftest import attest

pytestmark = pytest.mark.django_db


# --- one response, however often ------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_same", [True, False])
def test_twenty_at_once_make_one_response(is_same):
    article = published_article()
    reader = ReaderFactory()
    statuses = []
    start = threading.Barrier(20)

    def send(number):
        client = attest(Client(), reader)
        levels = [4, 4, 4, 4] if is_same else [4, 4, 4, 1 + number % 5]
        try:
            start.wait()
            statuses.append(client.post(respond_url(article), filled(article, levels)).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [303] * 20
    assert Response.objects.count() == 1
    if is_same:
        assert ResponseHistory.objects.count() == 0


# --- with an account ------------------------------------------------------------------------------


def test_a_signed_in_reader_answers_under_the_accounts_pseudonym(attested, reader):
    user = UserFactory()
    own = ReaderFactory(user=user)
    attested.force_login(user)
    attest(attested, reader)  # a browser that was let in before, under another pseudonym
    article = published_article()
    attested.post(respond_url(article), filled(article, [4, 4, 4, 4]))
    assert Response.objects.get().reader_id == own.pk


def test_another_accounts_pseudonym_is_not_answered_for(client):
    article = published_article()
    client.force_login(UserFactory())
    attest(client, ReaderFactory(user=UserFactory()))
    response = client.post(respond_url(article), filled(article, [4, 4, 4, 4]))
    assert response.status_code == 403
    assert 'name="is_healthcare_professional"' in response.content.decode()
    assert Response.objects.count() == 0


def meet(browser, user):
    return join_reader(user=user, pseudonym=browser.pk)


def save(reader, article, levels):
    client = attest(Client(), reader)
    assert client.post(respond_url(article), filled(article, levels)).status_code == 303


@pytest.mark.parametrize("is_browser_later", [True, False])
def test_where_two_answers_meet_the_latest_stands(is_browser_later):
    article, other = published_article(), published_article()
    browser, user = ReaderFactory(profession="nurse"), UserFactory()
    account = ReaderFactory(user=user, profession="physician")
    save(browser, article, [1, 1, 1, 1])
    if not is_browser_later:
        save(browser, article, [2, 2, 2, 2])
    save(account, article, [5, 5, 5, 5])
    if is_browser_later:
        save(browser, article, [2, 2, 2, 2])
    save(browser, other, [3, 3, 3, 3])

    meet(browser, user)

    kept = Response.objects.get(article=article)
    assert (kept.reader_id, kept.levels, kept.profession) == (
        (account.pk, [2, 2, 2, 2], "nurse")
        if is_browser_later
        else (account.pk, [5, 5, 5, 5], "physician")
    )
    history = ResponseHistory.objects.order_by("answered_at").values_list("response", "levels")
    assert list(history) == [
        (kept.pk, [1, 1, 1, 1]),
        (kept.pk, [5, 5, 5, 5] if is_browser_later else [2, 2, 2, 2]),
    ]
    assert Response.objects.get(article=other).reader_id == account.pk
    assert Response.objects.filter(reader=browser).count() == 0
    assert Reader.objects.filter(pk=browser.pk).exists()


# --- what staff have hidden -----------------------------------------------------------------------


@pytest.fixture
def meeting():
    """Return a function: who answers in turn with which text, whose is hidden → what stands."""
    version = publish_survey("told", ["I would join a trial"], comment_question="Why?")
    article, moderator, user = published_article(), UserFactory(), UserFactory()
    readers = {"browser": ReaderFactory(), "account": ReaderFactory(user=user)}

    def meet_after(answers, *, hidden):
        for who, comment in answers:
            save_response(
                reader_id=readers[who].pk,
                article=article,
                article_version_id=article.published_version_id,
                survey_version_id=version.pk,
                levels=[4],
                comment=comment,
            )
        for who in hidden:
            response = Response.objects.get(reader=readers[who])
            hide_comment(response=response, user=moderator, reason=f"Rude, {who}")
        meet(readers["browser"], user)
        kept = Response.objects.get()
        reasons = HiddenComment.objects.filter(response=kept).values_list("reason", flat=True)
        return kept.comment, list(reasons)

    return meet_after


@pytest.mark.parametrize(
    ("answers", "hidden", "stands"),
    [
        # The text that stands is the hidden one.
        ([("account", "A"), ("browser", "B")], ["browser"], ("B", ["Rude, browser"])),
        ([("browser", "B"), ("account", "A")], ["account"], ("A", ["Rude, account"])),
        # The hidden one has become history.
        ([("account", "A"), ("browser", "B")], ["account"], ("B", [])),
        ([("browser", "B"), ("account", "A")], ["browser"], ("A", [])),
        # Both were hidden, each for its own reason.
        ([("account", "A"), ("browser", "B")], ["account", "browser"], ("B", ["Rude, browser"])),
        ([("browser", "B"), ("account", "A")], ["account", "browser"], ("A", ["Rude, account"])),
        # The same text, hidden in one place or in both.
        ([("account", "C"), ("browser", "C")], ["account"], ("C", ["Rude, account"])),
        ([("account", "C"), ("browser", "C")], ["browser"], ("C", ["Rude, browser"])),
        ([("browser", "C"), ("account", "C")], ["account"], ("C", ["Rude, account"])),
        ([("browser", "C"), ("account", "C")], ["browser"], ("C", ["Rude, browser"])),
        ([("account", "C"), ("browser", "C")], ["account", "browser"], ("C", ["Rude, account"])),
        ([("account", "C"), ("browser", "C")], [], ("C", [])),
        # Answered in one place only.
        ([("browser", "B")], ["browser"], ("B", ["Rude, browser"])),
    ],
)
def test_where_two_answers_meet_a_hidden_text_stays_hidden(meeting, answers, hidden, stands):
    assert meeting(answers, hidden=hidden) == stands
    assert HiddenComment.objects.count() == len(stands[1])
