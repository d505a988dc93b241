"""A digest with an article that turns out to be wrong: whoever has not got it never will."""

import datetime

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from articles.models import Article
from articles.services import withdraw_article
from portal.mail.control import pause_mailing, resume_mailing
from portal.mail.models import Mailing
from portal.mail.outbox import (
    claim_deliveries,
    close_what_is_over,
    record_answer,
    start_delivery,
)
from portal.mail.relay import Answer, Verdict
from portal.mail.worker import deliver_everything_due
from portal.updates.digests import plan_due_digests
from portal.updates.models import UpdateFrequency
from portal.updates.streams import ARTICLE_UPDATES
from portal.updates.web_copies import web_copy_url
from tests.factories import TopicFactory, publish
from tests.mail.planning import make_due

from .digesting import new_article, reader, tick, told

pytestmark = pytest.mark.django_db


def where_it_is_noon():
    return f"Etc/GMT{datetime.datetime.now(datetime.UTC).hour - 12:+d}"


@pytest.fixture
def wrong():
    """The article that turns out to be wrong; a digest with it and another one is planned."""
    reader(time_zone=where_it_is_noon())
    wrong = new_article(title="Doses", summary="Ten milligrams.")
    new_article(title="Scales")
    assert plan_due_digests() == 1
    return wrong


def withdraw(article):
    withdraw_article(article=article, user=None, reason="Made up.")


def correct(article):
    article.summary = "One milligram."
    article.save()
    publish(article, kind="correction", notice="It is 1 mg.")


what_happens = pytest.mark.parametrize(
    ("happens", "notice"), [(withdraw, "Withdrawn: Doses"), (correct, "Correction: Doses")]
)


def digest():
    return Mailing.objects.filter(key__startswith="digest:").earliest("pk")


def subjects(smtp_sink):
    return [item.message["Subject"] for item in smtp_sink.received]


@what_happens
def test_one_that_may_have_arrived_is_not_sent_again(wrong, smtp_sink, client, happens, notice):
    now = timezone.now()
    digest().deliveries.update(state="unknown", attempts=1, started_at=now, finished_at=now)
    happens(wrong)
    with pytest.raises(CommandError, match="past its deadline"):
        call_command("mailings", "reconcile", str(digest().pk), "--send-again", "--yes")
    deliver_everything_due()
    assert subjects(smtp_sink) == [notice]
    # Who did get it still sees it in the browser.
    copy = client.get(web_copy_url(digest()).removeprefix("http://testserver"))
    assert copy.status_code == 200
    assert "Scales" in copy.content.decode()


@what_happens
def test_one_that_the_server_puts_off_is_not_tried_again(wrong, smtp_sink, happens, notice):
    (delivery,) = claim_deliveries(worker=7, limit=1)
    assert start_delivery(delivery, worker=7, stream=ARTICLE_UPDATES)
    happens(wrong)
    record_answer(delivery, Answer(Verdict.DEFERRED, 451), worker=7, stream=ARTICLE_UPDATES)
    make_due()
    deliver_everything_due()
    assert subjects(smtp_sink) == [notice]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reason) == ("failed", "too_late")


def test_a_digest_without_it_goes_on(wrong, smtp_sink):
    topic = TopicFactory()
    reader(time_zone=where_it_is_noon(), topics=[topic])
    new_article(topic, title="Guidelines")
    assert plan_due_digests() == 1
    withdraw(wrong)
    deliver_everything_due()
    assert subjects(smtp_sink) == ["New article: Guidelines"]


# --- the digest in its place ----------------------------------------------------------------------

TUESDAY = datetime.datetime(2026, 3, 17, tzinfo=datetime.UTC)


@pytest.fixture
def weekly(clock):
    """A reader whose digest of Monday, with two articles, waits."""
    weekly = reader("weekly", weekday=1)
    for title in ("Article 1", "Article 2"):
        new_article(title=title)
        clock.shift(1)
    assert tick(clock, TUESDAY - datetime.timedelta(hours=17)) == 1
    return weekly


@pytest.mark.parametrize("at", [TUESDAY.replace(hour=9), TUESDAY.replace(hour=15)])
@pytest.mark.parametrize(
    ("happens", "left"),
    [(withdraw, ["Article 1"]), (correct, ["Article 2", "Article 1"])],
)
def test_a_weekly_reader_gets_another_one_at_once(weekly, clock, at, happens, left):
    clock.move_to(at)
    happens(Article.objects.get(title="Article 2"))
    assert plan_due_digests() == 1
    assert told(weekly) == [left]
    # Once, and the next one on the day that was chosen.
    new_article(title="Article 3")
    assert tick(clock, TUESDAY.replace(day=18, hour=9)) == 0
    assert tick(clock, TUESDAY.replace(day=22, hour=9)) == 0
    assert tick(clock, TUESDAY.replace(day=23, hour=7)) == 1
    assert told(weekly) == [left, ["Article 3"]]


def test_taken_back_in_the_evening_it_comes_in_the_morning(weekly, clock):
    clock.move_to(TUESDAY.replace(hour=23))
    correct(Article.objects.get(title="Article 2"))
    assert tick(clock, TUESDAY.replace(day=18, hour=6)) == 0
    assert tick(clock, TUESDAY.replace(day=18, hour=7)) == 1


def test_a_weekly_reader_whose_digest_was_put_off_gets_another_one(weekly, clock):
    clock.move_to(TUESDAY.replace(hour=15))
    (delivery,) = claim_deliveries(worker=7, limit=1)
    assert start_delivery(delivery, worker=7, stream=ARTICLE_UPDATES)
    withdraw(Article.objects.get(title="Article 2"))
    # It may have gone out.
    assert plan_due_digests() == 0
    record_answer(delivery, Answer(Verdict.DEFERRED, 451), worker=7, stream=ARTICLE_UPDATES)
    close_what_is_over()
    assert plan_due_digests() == 1
    assert weekly.deliveries.latest("pk").mailing.subject == "New article: Article 1"


def test_one_that_went_out_is_followed_by_none(weekly, clock):
    clock.move_to(TUESDAY.replace(hour=15))
    (delivery,) = claim_deliveries(worker=7, limit=1)
    assert start_delivery(delivery, worker=7, stream=ARTICLE_UPDATES)
    withdraw(Article.objects.get(title="Article 2"))
    record_answer(delivery, Answer(Verdict.ACCEPTED, 250), worker=7, stream=ARTICLE_UPDATES)
    new_article(title="Article 3")
    assert plan_due_digests() == 0


def test_what_comes_in_place_of_a_paused_one_is_paused(wrong, smtp_sink):
    assert pause_mailing(digest())
    withdraw(wrong)
    assert plan_due_digests() == 1
    deliver_everything_due()
    assert subjects(smtp_sink) == []
    held = Mailing.objects.get(key__endswith=":held")
    assert held.subject == "New article: Scales"
    assert resume_mailing(held)
    deliver_everything_due()
    assert subjects(smtp_sink) == ["New article: Scales"]


def test_whose_digest_was_not_paused_does_not_wait_for_those_of_others(smtp_sink):
    reader(time_zone=where_it_is_noon())
    # Not due yet.
    other = reader(time_zone=where_it_is_noon(), digest_on=datetime.date(2100, 1, 1))
    wrong, _right = new_article(title="Doses"), new_article(title="Scales")
    assert plan_due_digests() == 1
    assert pause_mailing(digest())
    withdraw(wrong)
    UpdateFrequency.objects.filter(subscriber=other).update(digest_on=None)
    assert plan_due_digests() == 2
    deliver_everything_due()
    (mail,) = smtp_sink.received
    assert mail.message["Subject"] == "New article: Scales"
    assert mail.message["To"] == other.email
