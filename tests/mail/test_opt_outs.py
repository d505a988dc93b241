"""Who unsubscribes by an e-mail to the sender, as some mail programs do with one click."""

import re
from io import StringIO
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from portal.core.addresses import ascii_address
from portal.mail import streams
from portal.mail.models import Consent
from portal.mail.opt_outs import opt_out_token
from portal.mail.services import record_consent
from portal.mail.streams import Stream, register_stream
from portal.mail.worker import deliver_everything_due
from tests.factories import SubscriberFactory
from tests.mail.planning import STREAM, plan, states

pytestmark = pytest.mark.django_db


def unsubscribe(*arguments):
    output = StringIO()
    call_command("mailings", "unsubscribe", *arguments, stdout=output)
    return output.getvalue()


def refused(*arguments):
    with pytest.raises(CommandError) as error:
        unsubscribe(*arguments)
    return error.value.returncode


def subject_of_opt_out(received):
    """Return the subject that a mail program takes from the header."""
    (address,) = re.findall(r"<(mailto:[^>]+)>", received.message["List-Unsubscribe"])
    (subject,) = parse_qs(urlsplit(address).query)["subject"]
    return subject


@pytest.fixture
def other_stream(monkeypatch):
    monkeypatch.setattr("portal.mail.streams._streams", dict(streams._streams))
    stream = Stream(
        key="other_news",
        name="Other news",
        needs_consent=True,
        wording="Other news, please.",
        links={"unsubscribe_url": lambda subscriber: "https://portal.example/"},
    )
    register_stream(stream)
    return stream.key


def test_the_subject_of_the_mail_names_who_leaves(smtp_sink):
    first, second = SubscriberFactory.create_batch(2)
    plan()
    deliver_everything_due()
    received = {one.recipients[0]: one for one in smtp_sink.received}
    word, token = subject_of_opt_out(received[first.email]).split()
    assert word == "unsubscribe"
    assert first.email not in token
    assert unsubscribe(token) == (
        "Unsubscribed from article_updates, beginning with the next message.\n"
    )
    assert not first.consents_to(STREAM)
    assert second.consents_to(STREAM)
    latest = Consent.objects.filter(subscriber=first).first()
    assert (latest.is_granted, latest.wording) == (
        False,
        "Unsubscribed by an e-mail to the sender of the updates",
    )


def test_it_takes_effect_with_the_next_unsent_message(smtp_sink):
    reader = SubscriberFactory()
    mailing = plan()
    unsubscribe(opt_out_token(reader, STREAM))
    assert deliver_everything_due() == 0
    assert states(mailing) == {reader.email: "skipped"}


def test_an_address_will_do_however_it_is_written():
    reader = SubscriberFactory(email=ascii_address("Reader@klinik-köln.example"))
    unsubscribe(" reader@Klinik-Köln.example ")
    assert not reader.consents_to(STREAM)


def test_an_address_leaves_all_streams_and_a_token_its_own(other_stream):
    first, second, third = SubscriberFactory.create_batch(3)
    for reader in (first, second, third):
        record_consent(subscriber=reader, stream=other_stream, is_granted=True, wording="Yes.")
    unsubscribe(first.email)
    unsubscribe(opt_out_token(second, other_stream))
    unsubscribe(third.email, "--stream", STREAM)
    wanted = [
        [stream for stream in (STREAM, other_stream) if reader.consents_to(stream)]
        for reader in (first, second, third)
    ]
    assert wanted == [[], [STREAM], [other_stream]]


def test_a_second_time_changes_nothing():
    reader = SubscriberFactory()
    unsubscribe(reader.email)
    count = Consent.objects.count()
    assert refused(opt_out_token(reader, STREAM)) == 1
    assert Consent.objects.count() == count


@pytest.mark.parametrize("named", ["", "unsubscribe", "a.b.c", "nobody@hospital.example", "a b@c"])
def test_who_is_nobodys_name_ends_nothing(named):
    SubscriberFactory()
    count = Consent.objects.count()
    assert refused(named) == 2
    assert Consent.objects.count() == count


def test_a_token_with_another_stream_is_no_token(other_stream):
    token = opt_out_token(SubscriberFactory(), STREAM)
    assert refused(token.replace(STREAM, other_stream)) == 2
