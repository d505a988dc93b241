"""A notice that still waits when what it says is not right any more."""

import pytest
from django.utils import timezone

from articles.services import withdraw_article
from portal.mail.control import pause_mailing, resume_mailing
from portal.mail.models import Delivery, Mailing
from portal.mail.worker import deliver_everything_due
from tests.factories import SubscriberFactory, publish, published_article

pytestmark = pytest.mark.django_db


@pytest.fixture
def article(smtp_sink):
    """An article that one reader was sent, and whose first correction waits."""
    SubscriberFactory()
    article = published_article(title="Doses")
    assert deliver_everything_due() == 1
    publish(article, kind="correction", notice="It is 1 mg.")
    return article


def subjects(smtp_sink):
    return [item.message["Subject"] for item in smtp_sink.received]


def test_a_withdrawal_takes_the_correction_back_that_waits(article, smtp_sink):
    withdraw_article(article=article, user=None, reason="Made up.")
    deliver_everything_due()
    assert subjects(smtp_sink) == ["New article: Doses", "Withdrawn: Doses"]
    taken = Delivery.objects.get(mailing__key__startswith="correction:")
    assert (taken.state, taken.reason) == ("skipped", "cancelled")


def test_a_second_correction_tells_of_the_first_that_waits_in_one_mail(article, smtp_sink):
    publish(article, kind="correction", notice="It is 2 mg.")
    deliver_everything_due()
    assert subjects(smtp_sink) == ["New article: Doses", "Correction: Doses"]
    text = smtp_sink.received[1].text
    assert text.index("It is 2 mg.") < text.index("It is 1 mg.")


def test_a_correction_that_was_sent_is_not_told_again(article, smtp_sink):
    deliver_everything_due()
    publish(article, kind="correction", notice="It is 2 mg.")
    deliver_everything_due()
    assert subjects(smtp_sink) == ["New article: Doses", *["Correction: Doses"] * 2]
    assert "It is 1 mg." not in smtp_sink.received[2].text


def test_another_articles_correction_goes_on(article, smtp_sink):
    other = published_article(title="Scales")
    Delivery.objects.filter(mailing__key__startswith=f"article:{other.pk}:").update(
        state="sent", attempts=1, started_at=timezone.now(), finished_at=timezone.now()
    )
    publish(other, kind="correction", notice="Grade 2.")
    withdraw_article(article=article, user=None, reason="Made up.")
    (goes_on,) = Mailing.objects.filter(key__startswith="correction:", cancelled_at=None)
    assert goes_on.subject == "Correction: Scales"


def test_what_comes_in_place_of_a_paused_notice_is_paused(article, smtp_sink):
    assert pause_mailing(Mailing.objects.get(key__startswith="correction:"))
    publish(article, kind="correction", notice="It is 2 mg.")
    deliver_everything_due()
    assert subjects(smtp_sink) == ["New article: Doses"]
    assert resume_mailing(Mailing.objects.get(key__startswith="correction:", cancelled_at=None))
    deliver_everything_due()
    assert len(subjects(smtp_sink)) == 2


def test_a_withdrawal_is_told_whatever_notice_is_paused(article, smtp_sink):
    assert pause_mailing(Mailing.objects.get(key__startswith="correction:"))
    withdraw_article(article=article, user=None, reason="Made up.")
    deliver_everything_due()
    assert subjects(smtp_sink) == ["New article: Doses", "Withdrawn: Doses"]


def test_a_paused_notice_that_was_sent_pauses_no_other(article, smtp_sink):
    deliver_everything_due()
    assert pause_mailing(Mailing.objects.get(key__startswith="correction:"))
    publish(article, kind="correction", notice="It is 2 mg.")
    deliver_everything_due()
    assert len(subjects(smtp_sink)) == 3
