"""``manage.py mailings``: what operators do, its exit codes, and what it says."""

import datetime
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from portal.mail.message import ComposedMailing
from portal.mail.models import Delivery, Mailing, RelayPace, Sending
from portal.mail.pace import relay_name
from portal.mail.streams import get_stream
from portal.mail.worker import deliver_everything_due
from tests.factories import SubscriberFactory
from tests.mail.planning import plan, states

pytestmark = pytest.mark.django_db


def mailings(*arguments):
    output = StringIO()
    call_command("mailings", *map(str, arguments), stdout=output)
    return output.getvalue()


def refused(*arguments):
    with pytest.raises(CommandError) as error:
        mailings(*arguments)
    return error.value.returncode, str(error.value)


@pytest.fixture
def mailing():
    SubscriberFactory.create_batch(3)
    return plan()


def make_unknown(mailing):
    now = timezone.now()
    mailing.deliveries.update(
        state="unknown", attempts=1, started_at=now, finished_at=now, worker=7
    )


# --- list, pause, resume, cancel ------------------------------------------------------------------


def test_the_list_adds_up(mailing, smtp_sink):
    (line,) = [line for line in mailings("list").splitlines() if "New article" in line]
    assert line.split()[0] == str(mailing.pk)
    assert line.split()[3:9] == ["running", "3", "0", "0", "0", "0"]
    deliver_everything_due()
    assert mailings("list") == "Nothing is going out.\n"
    (line,) = [line for line in mailings("list", "--all").splitlines() if "New article" in line]
    assert line.split()[3:9] == ["done", "0", "3", "0", "0", "0"]


def test_the_list_costs_the_same_for_many(mailing, django_assert_num_queries):
    with django_assert_num_queries(4):
        mailings("list")
    plan("article:2")
    plan("article:3")
    with django_assert_num_queries(4):
        assert len(mailings("list").splitlines()) == 4


def test_pause_resume_and_cancel_one(mailing, smtp_sink):
    assert mailings("pause", mailing.pk) == f"Mailing {mailing.pk} is paused.\n"
    assert refused("pause", mailing.pk) == (1, f"Mailing {mailing.pk} is paused already.")
    assert " paused " in mailings("list")
    assert deliver_everything_due() == 0
    mailings("resume", mailing.pk)
    assert refused("resume", mailing.pk)[0] == 1
    mailings("cancel", mailing.pk)
    assert refused("cancel", mailing.pk) == (1, f"Mailing {mailing.pk} is cancelled already.")
    assert deliver_everything_due() == 0
    assert set(states(mailing).values()) == {"skipped"}


def test_pause_and_resume_all(mailing, smtp_sink):
    mailings("pause", "--all")
    assert refused("pause", "--all") == (1, "All mail is paused already.")
    assert mailings("list").startswith("All mail is paused since ")
    assert deliver_everything_due() == 0
    assert "Mail goes out again" in mailings("resume", "--all")
    assert deliver_everything_due() == 3


def test_resuming_one_says_that_all_are_paused(mailing):
    mailings("pause", "--all")
    mailings("pause", mailing.pk)
    assert "all mail is paused" in mailings("resume", mailing.pk)


def test_resume_all_without_what_was_planned_before(mailing, smtp_sink):
    Mailing.objects.update(created_at=timezone.now() - datetime.timedelta(days=2))
    new = plan("article:2")
    Sending.objects.create(database="another", paused_at=timezone.now(), pause_reason="restored")
    yesterday = timezone.localdate() - datetime.timedelta(days=1)
    said = mailings("resume", "--all", "--cancel-before", yesterday.isoformat())
    assert "1 mailing was cancelled." in said
    assert deliver_everything_due() == 3
    assert set(states(mailing).values()) == {"skipped"}
    assert set(states(new).values()) == {"sent"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["pause"],
        ["pause", "7", "--all"],
        ["resume", "--all", "--cancel", "--cancel-before", "2026-01-01"],
        ["resume", "--all", "--cancel-before", "yesterday"],
        ["rate", "mail.example", "0"],
        ["rate", "mail.example", "fast"],
        ["reconcile", "7"],
        ["reconcile", "7", "--lost", "--arrived"],
    ],
)
def test_options_that_make_no_sense(arguments):
    with pytest.raises(CommandError):
        mailings(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["pause", "123456"],
        ["resume", "123456"],
        ["cancel", "123456"],
        ["reconcile", "123456", "--lost"],
        ["reconcile", "--lost"],
        ["reconcile", "7", "--relay-log", "/nowhere/mail.log"],
        ["reconcile", "--relay-log", "/nowhere/mail.log"],
        ["rate", "mail.example"],
    ],
)
def test_what_is_not_possible_is_2(arguments):
    assert refused(*arguments)[0] == 2


def test_cancelling_goes_with_all_only(mailing):
    mailings("pause", mailing.pk)
    assert refused("resume", mailing.pk, "--cancel")[0] == 2


# --- reconcile ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "state", "resolution", "words"),
    [
        ("--arrived", "sent", "hand", "3 arrived"),
        ("--lost", "failed", "hand", "3 did not arrive"),
        ("--send-again", "pending", "", "3 to be sent again"),
    ],
)
def test_by_hand_only_with_yes(mailing, option, state, resolution, words):
    make_unknown(mailing)
    assert refused("reconcile", mailing.pk, option) == (1, "Nothing was changed: add --yes.")
    assert set(states(mailing).values()) == {"unknown"}
    assert words in mailings("reconcile", mailing.pk, option, "--yes")
    assert set(mailing.deliveries.values_list("state", "resolution")) == {(state, resolution)}
    assert refused("reconcile", mailing.pk, option, "--yes") == (1, "There is nothing to settle.")


@pytest.mark.parametrize("field", ["cancelled_at", "deadline_at"])
def test_what_is_over_is_not_sent_again(mailing, field):
    make_unknown(mailing)
    Mailing.objects.filter(pk=mailing.pk).update(**{field: timezone.now()})
    code, words = refused("reconcile", mailing.pk, "--send-again", "--yes")
    assert code == 2
    assert "past its deadline: nothing of it is sent again." in words
    assert set(states(mailing).values()) == {"unknown"}
    assert "3 did not arrive" in mailings("reconcile", mailing.pk, "--lost", "--yes")


def test_only_the_named_mailing_is_settled(mailing):
    other = plan("article:2")
    make_unknown(mailing)
    make_unknown(other)
    mailings("reconcile", mailing.pk, "--lost", "--yes")
    assert set(states(other).values()) == {"unknown"}


LOG = """\
Nov  6 20:48:45 relay postfix/cleanup[7]: 4Q1xTc0001z: message-id={first}
Nov  6 20:48:46 relay postfix/smtp[8]: 4Q1xTc0001z: to=<a@b.example>, relay=mx[192.0.2.7]:25, \
delay=1.2, delays=0.1/0/0.5/0.6, dsn=2.0.0, status=sent (250 2.0.0 Ok)
Nov  6 20:48:45 relay postfix/cleanup[7]: 4Q1xTc0002z: message-id={second}
Nov  6 20:48:46 relay postfix/smtp[8]: 4Q1xTc0002z: to=<c@b.example>, relay=mx[192.0.2.7]:25, \
delay=1.2, delays=0.1/0/0.5/0.6, dsn=5.1.1, status=bounced (host mx.b.example said: 550 5.1.1)
scribble
"""


def test_by_the_log_of_the_mail_server(mailing, tmp_path):
    make_unknown(mailing)
    first, second, third = mailing.deliveries.order_by("pk")
    message_id = ComposedMailing(mailing, get_stream(mailing.stream)).message_id
    log = tmp_path / "mail.log"
    log.write_text(LOG.format(first=message_id(first), second=message_id(second)))
    assert refused("reconcile", "--relay-log", log) == (1, "Nothing was changed: add --yes.")
    assert set(states(mailing).values()) == {"unknown"}
    said = mailings("reconcile", "--relay-log", log, "--yes").splitlines()
    assert said == [
        "5 lines read, 1 not understood",
        "3 unknown",
        "1 arrived: counted as sent",
        "1 did not arrive: counted as failed",
        "1 stay unknown",
    ]
    assert states(mailing) == {
        first.address: "sent",
        second.address: "failed",
        third.address: "unknown",
    }


# --- rate -----------------------------------------------------------------------------------------


def test_a_rate_is_set_shown_and_lifted():
    relay = relay_name()
    assert mailings("rate") == f"{relay}: no limit\n"
    assert mailings("rate", relay, "1200") == f"{relay}: 1,200 a minute\n"
    assert mailings("rate") == f"{relay}: 1,200 a minute\n"
    mailings("rate", relay, "none")
    assert RelayPace.objects.get().per_minute is None


def test_a_rate_for_another_server_says_so():
    assert f"Mail goes to {relay_name()} at present" in mailings("rate", "elsewhere:25", "5")


def test_metrics_are_printed(mailing):
    assert 'portal_mail_due{priority="1"} 3\n' in mailings("metrics")
    assert Delivery.objects.count() == 3
