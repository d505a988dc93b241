"""Sending from one process to a real SMTP server, and how it answers."""

import datetime
import re
import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.core.content_cache import memory
from portal.mail import outbox
from portal.mail.message import feedback_sender
from portal.mail.models import Mailing, Suppression
from portal.mail.opt_outs import opt_out_token
from portal.mail.outbox import BACK_OFF
from portal.mail.sending import may_send
from portal.mail.streams import get_stream
from portal.mail.worker import deliver_everything_due
from tests.factories import SubscriberFactory
from tests.mail.planning import STREAM, make_due, plan, states

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[False, True], ids=["one by one", "pipelining"])
def smtp_sink(smtp_sink, request):
    """All of this holds whether or not the server takes commands at once (RFC 2920)."""
    smtp_sink.takes_commands_at_once = request.param
    return smtp_sink


def test_a_message_arrives_whole(smtp_sink, settings):
    subscriber = SubscriberFactory(email="a@hospital.example")
    mailing = plan(subject="Über β₂")
    assert deliver_everything_due() == 1
    (received,) = smtp_sink.received
    delivery = mailing.deliveries.get()
    url = get_stream(STREAM).links["unsubscribe_url"](subscriber)
    token = opt_out_token(subscriber, STREAM)
    assert received.sender == "updates@testserver"
    assert received.recipients == ["a@hospital.example"]
    message = received.message
    assert received.content.isascii()
    assert received.content.count(b"\n") == received.content.count(b"\r\n")
    assert max(len(line) for line in received.content.split(b"\r\n")) < 998
    assert received.text.replace("\r\n", "\n") == f"Öhm, leave: {url}\n.\n..\nFrom the end"
    assert f'<p style="color: red;">Öhm <a href="{url}">leave</a></p>' in received.html
    assert message["Subject"] == "Über β₂"
    assert message["To"] == "a@hospital.example"
    assert message["From"] == "Lymphoma Education Hub <updates@testserver>"
    assert message["Message-ID"] == f"<{mailing.public_id.hex}.{delivery.pk}@testserver>"
    assert message["List-Unsubscribe"] == (
        f"<{url}>, <mailto:updates@testserver?subject=unsubscribe%20{token}>"
    )
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == "<article-updates.testserver>"
    assert message["Feedback-ID"] == f"{mailing.pk}:article-updates:{feedback_sender()}"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Precedence"] == "bulk"
    assert message["Date"].datetime <= timezone.now()
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert message.defects == []
    assert (delivery.state, delivery.smtp_code, delivery.attempts) == ("sent", 250, 1)


def test_each_recipient_gets_the_own_link_and_nobody_elses_address(smtp_sink):
    SubscriberFactory.create_batch(3)
    plan()
    assert deliver_everything_due() == 3
    links = [re.search(r"http://\S+", item.text)[0] for item in smtp_sink.received]
    assert len(set(links)) == 3
    assert len(set(smtp_sink.message_ids)) == 3
    for item in smtp_sink.received:
        assert len(re.findall(rb"reader\d+@hospital", item.content)) == 1


def test_a_second_run_sends_nothing(smtp_sink):
    SubscriberFactory()
    plan()
    assert deliver_everything_due() == 1
    assert deliver_everything_due() == 0
    assert len(smtp_sink.received) == 1


def test_the_cost_of_sending_in_queries(smtp_sink, monkeypatch):
    """Per message one statement, which also records the answer of the one before."""
    statements = []
    execute = outbox._execute_prepared

    def count(statement, parameters):
        statements.append(statement)
        return execute(statement, parameters)

    # Prepared statements go around Django's count.
    monkeypatch.setattr(outbox, "_execute_prepared", count)
    SubscriberFactory()
    may_send()  # the first time, this writes a row
    plan("article:1")
    with CaptureQueriesContext(connection) as one:
        deliver_everything_due()
    assert len(statements) == 1
    memory.forget()
    SubscriberFactory.create_batch(2)
    plan("article:2")
    with CaptureQueriesContext(connection) as three:
        deliver_everything_due()
    assert len(three) == len(one) <= 34
    assert len(statements) == 1 + 3


def test_put_off_by_the_server_then_sent_with_the_same_message_id(smtp_sink):
    subscriber = SubscriberFactory()
    mailing = plan()
    smtp_sink.rcpt_answers[subscriber.email] = "450 4.2.0 greylisted"
    before = timezone.now()
    assert deliver_everything_due() == 0
    delivery = mailing.deliveries.get()
    assert (delivery.state, delivery.smtp_code, delivery.attempts) == ("deferred", 450, 1)
    assert delivery.next_attempt_at >= before + BACK_OFF[0]
    assert deliver_everything_due() == 0
    smtp_sink.rcpt_answers.clear()
    make_due()
    assert deliver_everything_due() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("sent", 2)


def test_put_off_until_the_deadline_is_failed(smtp_sink):
    subscriber = SubscriberFactory()
    mailing = plan(deadline_at=timezone.now() + datetime.timedelta(seconds=30))
    smtp_sink.rcpt_answers[subscriber.email] = "450 4.2.0 greylisted"
    deliver_everything_due()
    delivery = mailing.deliveries.get()
    assert (delivery.state, delivery.reason, delivery.smtp_code) == ("failed", "too_late", 450)


def test_what_waited_past_its_deadline_is_not_sent(smtp_sink):
    SubscriberFactory()
    mailing = plan(deadline_at=timezone.now() - datetime.timedelta(seconds=1))
    assert deliver_everything_due() == 0
    delivery = mailing.deliveries.get()
    assert (delivery.state, delivery.reason, delivery.attempts) == ("failed", "too_late", 0)
    assert smtp_sink.received == []


@pytest.mark.parametrize(
    ("answer", "suppressed"),
    [
        ("550 5.1.1 no such user", 1),
        ("550 no such user", 1),
        ("550 5.7.1 blocked by policy", 0),
        ("552 5.2.2 mailbox full", 0),
    ],
)
def test_refused_for_good(smtp_sink, answer, suppressed):
    gone, there = SubscriberFactory(), SubscriberFactory()
    mailing = plan()
    smtp_sink.rcpt_answers[gone.email] = answer
    assert deliver_everything_due() == 1
    assert states(mailing) == {gone.email: "failed", there.email: "sent"}
    assert Suppression.objects.filter(address=gone.email).count() == suppressed


def test_a_message_refused_after_its_data_is_no_bounce(smtp_sink):
    SubscriberFactory()
    mailing = plan()
    smtp_sink.data_answer = "554 5.6.0 content refused"
    assert deliver_everything_due() == 0
    delivery = mailing.deliveries.get()
    assert (delivery.state, delivery.reason, delivery.smtp_code) == ("failed", "refused", 554)
    assert Suppression.objects.count() == 0


def test_our_own_address_refused_gives_no_recipient_up(smtp_sink):
    SubscriberFactory()
    mailing = plan()
    smtp_sink.mail_answer = "550 5.7.1 sender not allowed"
    assert deliver_everything_due() == 0
    assert mailing.deliveries.get().state == "deferred"
    assert Suppression.objects.count() == 0


def test_421_ends_the_run_and_the_rest_waits_untouched(smtp_sink):
    first, second = SubscriberFactory.create_batch(2)
    mailing = plan()
    smtp_sink.rcpt_answers[first.email] = "421 4.3.2 closing"
    assert deliver_everything_due() == 0
    assert states(mailing) == {first.email: "deferred", second.email: "pending"}
    assert mailing.deliveries.get(address=second.email).attempts == 0


def test_a_connection_lost_after_the_data_is_one_unknown_and_never_sent_again(smtp_sink):
    first, second = SubscriberFactory.create_batch(2)
    mailing = plan()
    smtp_sink.closes_after_data = True
    assert deliver_everything_due() == 0
    assert states(mailing) == {first.email: "unknown", second.email: "pending"}
    smtp_sink.closes_after_data = False
    assert deliver_everything_due() == 1
    assert smtp_sink.addresses == [first.email, second.email]


def test_a_server_that_stalls_after_the_data_costs_one_certainty(smtp_sink, settings):
    settings.MAIL_REPLY_TIMEOUT = 0.3
    smtp_sink.delay = 2
    SubscriberFactory.create_batch(3)
    mailing = plan()
    assert deliver_everything_due() == 0
    assert sorted(states(mailing).values()) == ["pending", "pending", "unknown"]
    assert mailing.deliveries.get(state="unknown").smtp_code is None


def test_a_server_that_thinks_about_each_message_is_waited_for(smtp_sink, settings):
    settings.EMAIL_TIMEOUT = 0.3
    smtp_sink.delay = 0.6
    SubscriberFactory.create_batch(2)
    mailing = plan()
    assert deliver_everything_due() == 2
    assert set(states(mailing).values()) == {"sent"}


def test_only_the_last_answer_is_waited_for_so_long(smtp_sink, settings):
    settings.EMAIL_TIMEOUT = 0.3
    SubscriberFactory.create_batch(2)
    mailing = plan()
    smtp_sink.on_message = lambda: setattr(smtp_sink, "delay_before", 2)
    began = time.monotonic()
    assert deliver_everything_due() == 1
    assert time.monotonic() - began < 2
    assert sorted(states(mailing).values()) == ["deferred", "sent"]


def test_a_server_that_closes_after_some_messages_gets_the_rest_at_once(smtp_sink):
    smtp_sink.closes_after = 2
    SubscriberFactory.create_batch(5)
    mailing = plan()
    assert deliver_everything_due() == 4
    assert sorted(states(mailing).values()) == ["deferred", "sent", "sent", "sent", "sent"]
    make_due()
    smtp_sink.closes_after = None
    assert deliver_everything_due() == 1
    assert len(smtp_sink.received) == 5


def test_a_server_that_is_away_loses_nothing(smtp_sink):
    SubscriberFactory.create_batch(2)
    mailing = plan()
    smtp_sink.stop()
    assert deliver_everything_due() == 0
    assert set(states(mailing).values()) == {"pending"}
    smtp_sink.start()
    assert deliver_everything_due() == 2
    assert set(states(mailing).values()) == {"sent"}


def test_a_mailing_that_cannot_be_built_does_not_hold_up_the_next(smtp_sink):
    subscriber = SubscriberFactory()
    broken = plan("article:1")
    Mailing.objects.filter(pk=broken.pk).update(stream="no_longer_there")
    plan("article:2")
    assert deliver_everything_due() == 1
    delivery = broken.deliveries.get()
    assert (delivery.state, delivery.reason) == ("failed", "unsendable")
    assert smtp_sink.addresses == [subscriber.email]
