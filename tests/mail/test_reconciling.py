"""What became of unknown deliveries: by a Postfix log, and by hand."""

import datetime
import itertools
import random
import string

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from portal.mail.models import Delivery, MailEvent, Mailing
from portal.mail.reconcile import Finding, settle, settle_by_log
from portal.mail.relay_log import LogTally, findings
from portal.mail.worker import deliver_everything_due
from tests.factories import SubscriberFactory
from tests.mail.planning import plan, states

OURS = f"<{'0123456789abcdef' * 2}.7@portal.example>"
OTHER = f"<{'0123456789abcdef' * 2}.8@portal.example>"
BSD, ISO = "Nov  6 20:48:45", "2026-11-06T20:48:45.123456+00:00"
SENT = "status=sent (250 2.0.0 OK)"
HEAD = "to=<a@b.example>, relay=mx.b.example[192.0.2.1]:25, delay=1.2, delays=0.1/0/0.5/0.6"


def cleanup(queue_id, message_id=OURS, when=ISO):
    return f"{when} mx postfix/cleanup[123]: {queue_id}: message-id={message_id}"


def ended(queue_id, status=SENT, dsn="2.0.0", when=ISO, program="postfix/smtp"):
    return f"{when} mx {program}[124]: {queue_id}: {HEAD}, dsn={dsn}, {status}"


def qmgr(queue_id, text):
    return f"{ISO} mx postfix/qmgr[9]: {queue_id}: {text}"


def read(*lines):
    tally = LogTally()
    found = list(findings(lines, tally=tally))
    assert tally.read_count == len(lines)
    return found, tally.ignored_count


@pytest.mark.parametrize("when", [BSD, ISO, "2026-11-06T20:48:45Z", "2026-11-06T20:48:45+0100"])
@pytest.mark.parametrize("program", ["postfix/smtp", "postfix-out/smtp", "postfix/relay/smtp"])
def test_both_forms_of_time_and_every_service(when, program):
    lines = [cleanup("4F1X2Y3Z4z", when=when), ended("4F1X2Y3Z4z", when=when, program=program)]
    assert read(*lines) == ([(OURS, Finding.ARRIVED)], 0)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (ended("A1B2C3"), [Finding.ARRIVED]),
        (ended("A1B2C3", "status=bounced (host mx said: 550 5.1.1 gone)", "5.1.1"), [Finding.LOST]),
        (ended("A1B2C3", "status=deferred (connect to mx: timed out)", "4.4.1"), []),
        (ended("A1B2C3", "status=undeliverable (a probe)", "5.1.1"), []),
        (qmgr("A1B2C3", "from=<u@p.example>, status=expired, returned to sender"), [Finding.LOST]),
        (qmgr("A1B2C3", "from=<u@p.example>, size=999, nrcpt=1 (queue active)"), []),
        (ended("A1B2C3").replace("relay=", "orig_to=<x@y>, relay="), [Finding.ARRIVED]),
        (ended("A1B2C3").replace("delay=1.2", "conn_use=2, delay=1.2"), [Finding.ARRIVED]),
        (ended("A1B2C3").replace("dsn=", "tls=may:TLSv1.3, dsn="), [Finding.ARRIVED]),
        (ended("B1B2C3"), []),
    ],
    ids=lambda value: value[-60:] if isinstance(value, str) else None,
)
def test_how_a_message_ended(line, expected):
    assert read(cleanup("A1B2C3"), line) == ([(OURS, finding) for finding in expected], 0)


def test_lines_of_several_messages_and_of_other_programs_between():
    found, ignored = read(
        f"{ISO} mx sshd[1]: Accepted publickey for root",
        f"{ISO} mx kernel: something",
        f"{ISO} mx postfix/smtpd[2]: connect from web[192.0.2.9]",
        cleanup("A1B2C3"),
        cleanup("D4E5F6", OTHER),
        cleanup("FFFFF1", "<somebody.elses@mail.example>"),
        ended("D4E5F6", "status=bounced (no)", "5.0.0"),
        ended("FFFFF1"),
        ended("A1B2C3"),
        qmgr("A1B2C3", "removed"),
        ended("A1B2C3", "status=bounced (the id is another message's by now)", "5.0.0"),
    )
    assert found == [(OTHER, Finding.LOST), (OURS, Finding.ARRIVED)]
    assert ignored == 0


def test_a_queue_id_that_is_used_again_stands_for_the_new_message():
    found, _ignored = read(
        cleanup("A1B2C3"), cleanup("A1B2C3", "<another@mail.example>"), ended("A1B2C3")
    )
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        # What a stranger's server answered, or an address says, is no status.
        ended("A1B2C3", f"status=deferred (host said: 451 {HEAD}, dsn=2.0.0, {SENT})", "4.0.0"),
        ended("A1B2C3", f"status=bounced (550 {SENT})", "5.0.0"),
        f"{ISO} mx evil[1]: A1B2C3: {HEAD}, dsn=2.0.0, {SENT}",
        f"{ISO} mx evil[1]: postfix/smtp[1]: A1B2C3: {HEAD}, dsn=2.0.0, {SENT}",
        f'{ISO} mx postfix/smtpd[1]: NOQUEUE: reject: from=<"A1B2C3: {HEAD}, dsn=2.0.0, {SENT}">',
    ],
)
def test_what_strangers_wrote_into_the_log_proves_no_arrival(line):
    found, _ignored = read(cleanup("A1B2C3"), line)
    assert (OURS, Finding.ARRIVED) not in found


@pytest.mark.parametrize(
    "line",
    [
        "",
        "garbage",
        "\x00\x01",
        ended("A1B2C3")[:-40],
        ended("A1B2C3")[:120],
        ended("A1B2C3").replace(ISO, "yesterday"),
        ended("A1B2C3").replace("status=", "status =") + "x" * 5000,
        ended("A1B2C3").replace("250", "2\x1b[50"),
    ],
)
def test_lines_that_are_broken_off_or_none_are_counted_and_passed_over(line):
    assert read(cleanup("A1B2C3"), line, ended("A1B2C3")) == ([(OURS, Finding.ARRIVED)], 1)


def test_no_part_of_a_line_proves_what_the_whole_does_not():
    """Cut off anywhere, a line says nothing that is not so."""
    bounced = ended("A1B2C3", f"status=bounced (550 5.0.0 {SENT})", "5.0.0")
    for end in range(len(bounced)):
        found, _ignored = read(cleanup("A1B2C3"), bounced[:end])
        assert found in ([], [(OURS, Finding.LOST)])


@given(st.lists(st.text(max_size=200), max_size=20))
def test_no_text_stops_the_reading(lines):
    tally = LogTally()
    assert list(findings(lines, tally=tally)) == []
    assert tally.read_count == len(lines)


def test_a_line_made_to_be_slow_is_not():
    started = timezone.now()
    tail = "to=<" + "a, relay=" * 440
    lines = [cleanup("A1B2C3"), *[qmgr("A1B2C3", tail)] * 2000]
    assert read(*lines)[0] == []
    assert timezone.now() - started < datetime.timedelta(seconds=5)


def unknown_deliveries(count):
    SubscriberFactory.create_batch(count)
    mailing = plan()
    now = timezone.now()
    mailing.deliveries.update(state="unknown", attempts=1, started_at=now, finished_at=now)
    return list(mailing.deliveries.order_by("pk"))


def message_id_of(delivery):
    return f"<{delivery.mailing.public_id.hex}.{delivery.pk}@updates.example>"


@pytest.mark.django_db
def test_a_log_settles_what_it_tells_of():
    arrived, lost, filtered, deferred, unmentioned, was_sent = unknown_deliveries(6)
    Delivery.objects.filter(pk=was_sent.pk).update(state="sent")
    lines = []
    queue_ids = (f"{number:06X}" for number in itertools.count(0xA00000))
    bounced = ("status=bounced (550 no)", "5.0.0")
    for delivery, ends in [
        (arrived, [(SENT,)]),
        (lost, [bounced]),
        (filtered, [(SENT,), bounced]),
        (deferred, [("status=deferred (later)", "4.0.0")]),
        (was_sent, [bounced]),
    ]:
        for end in ends:
            queue_id = next(queue_ids)
            lines += [cleanup(queue_id, message_id_of(delivery)), ended(queue_id, *end)]
    lines += [cleanup("BBBBBB", OURS), ended("BBBBBB")]
    settled = settle_by_log(findings(lines))
    assert settled == {Finding.ARRIVED: 1, Finding.LOST: 2, Finding.SEND_AGAIN: 0}
    assert states(arrived.mailing) == {
        arrived.address: "sent",
        lost.address: "failed",
        filtered.address: "failed",
        deferred.address: "unknown",
        unmentioned.address: "unknown",
        was_sent.address: "sent",
    }
    lost.refresh_from_db()
    assert (lost.reason, lost.resolution) == ("not_delivered", "relay_log")
    assert list(MailEvent.objects.order_by("pk").values_list("delivery", "kind", "source")) == [
        (arrived.pk, "delivered", "relay_log"),
        (lost.pk, "not_delivered", "relay_log"),
        (filtered.pk, "not_delivered", "relay_log"),
    ]
    # The same log again changes nothing.
    assert sum(settle_by_log(findings(lines)).values()) == 0
    assert MailEvent.objects.count() == 3


@pytest.mark.django_db
def test_another_databases_message_of_the_same_number_is_not_ours():
    (delivery,) = unknown_deliveries(1)
    foreign = f"<{'f' * 32}.{delivery.pk}@updates.example>"
    assert sum(settle_by_log([(foreign, Finding.ARRIVED)]).values()) == 0
    assert states(delivery.mailing) == {delivery.address: "unknown"}


@pytest.mark.django_db
def test_a_log_costs_the_same_for_one_and_for_three(django_assert_num_queries):
    one, *three = unknown_deliveries(4)
    with django_assert_num_queries(6):  # savepoint and its release included
        settle_by_log([(message_id_of(one), Finding.ARRIVED)])
    with django_assert_num_queries(6):
        settle_by_log([(message_id_of(delivery), Finding.ARRIVED) for delivery in three])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("finding", "state", "resolution", "kind", "messages"),
    [
        (Finding.ARRIVED, "sent", "hand", "delivered", 0),
        (Finding.LOST, "failed", "hand", "not_delivered", 0),
        # That it was sent, the second time, is nobody's word.
        (Finding.SEND_AGAIN, "sent", "", "not_delivered", 1),
    ],
)
def test_a_person_settles_with_a_clear_choice(
    smtp_sink, finding, state, resolution, kind, messages
):
    (delivery,) = unknown_deliveries(1)
    hand = Delivery.Resolution.HAND
    assert settle(Delivery.objects.all(), finding, resolution=hand) == 1
    assert settle(Delivery.objects.all(), finding, resolution=hand) == 0
    event = MailEvent.objects.get()
    assert (event.delivery, event.kind, event.source) == (delivery, kind, "hand")
    assert deliver_everything_due() == messages
    assert (
        smtp_sink.message_ids
        == [f"<{delivery.mailing.public_id.hex}.{delivery.pk}@testserver>"] * messages
    )
    delivery.refresh_from_db()
    assert (delivery.state, delivery.resolution) == (state, resolution)


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["cancelled_at", "deadline_at"])
def test_what_is_over_is_not_sent_again(field):
    (delivery,) = unknown_deliveries(1)
    Mailing.objects.update(**{field: timezone.now()})
    hand = Delivery.Resolution.HAND
    assert settle(Delivery.objects.all(), Finding.SEND_AGAIN, resolution=hand) == 0
    assert states(delivery.mailing) == {delivery.address: "unknown"}
    assert not MailEvent.objects.exists()


@pytest.mark.soak
def test_no_made_up_line_proves_an_arrival():
    """Lines of the log's own pieces, shuffled and cut."""
    chance = random.Random(20261106)
    pieces = [ISO, " mx ", "postfix/smtp[1]: ", "A1B2C3: ", HEAD, ", dsn=2.0.0, ", "status=bounced"]
    pieces += [" (", ")", "status=deferred", *string.punctuation]
    for _time in range(200_000):
        line = "".join(chance.choices(pieces, k=chance.randint(1, 12)))
        assert (OURS, Finding.ARRIVED) not in read(cleanup("A1B2C3"), line)[0]
