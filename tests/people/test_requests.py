"""Asking for a declaration, and recording it once, through the real outbox and mail server."""

import datetime
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from portal.mail.models import Delivery, Mailing, Subscriber
from portal.mail.worker import deliver_everything_due
from portal.people.models import Disclosure, DisclosureRequest, FinancialRelationship
from portal.people.reminders import note_sent_requests
from portal.people.requests import (
    LinkExpiredError,
    disclosure_path,
    read_token,
    record_disclosure,
    request_disclosure,
    revoke_requests,
)
from tests.factories import DisclosureRequestFactory, PersonFactory, UserFactory
from tests.mail.planning import make_due

pytestmark = pytest.mark.django_db

HONORARIA = {
    "company": "Placebo Ltd",
    "nature": "honoraria",
    "starts_on": datetime.date(2026, 1, 1),
    "ends_on": None,
}


def ask(**fields):
    person = PersonFactory(**{"email": "author@hospital.example"} | fields)
    return request_disclosure(person=person, user=UserFactory())


# --- the mail -------------------------------------------------------------------------------------


def test_the_mail_carries_a_link_that_the_outbox_does_not_hold(smtp_sink):
    request = ask(name="Dr A. Öthor")
    mailing = Mailing.objects.get()
    path = disclosure_path(request.pk)
    assert path not in mailing.text + mailing.html
    assert mailing.text.count("[[disclosure_url]]") == 1
    assert deliver_everything_due() == 1
    (received,) = smtp_sink.received
    assert received.sender == "accounts@testserver"
    assert received.recipients == ["author@hospital.example"]
    assert re.findall(r"https?://\S+/disclosures/\S+", received.text) == [
        f"http://testserver{path}"
    ]
    assert f'href="http://testserver{path}"' in received.html
    assert "Dr A. Öthor," in received.text
    message = received.message
    assert message["Subject"] == "Please declare your financial relationships"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "List-Unsubscribe" not in message
    assert read_token(path.split("/")[2]) == request


def test_a_request_works_for_14_days_and_says_who_asked():
    request = ask()
    assert request.expires_at - request.created_at == datetime.timedelta(days=14)
    assert request.requested_by.name.startswith("User ")
    delivery = Delivery.objects.get()
    assert (delivery.mailing.stream, delivery.priority) == ("disclosure_requests", 0)
    assert Subscriber.objects.get().confirmed_at is None


def test_a_mail_server_that_is_away_loses_nothing(smtp_sink):
    smtp_sink.stop()
    request = ask()
    assert deliver_everything_due() == 0
    assert note_sent_requests() == 0
    smtp_sink.start()
    make_due()
    assert deliver_everything_due() == 1
    assert note_sent_requests() == 1
    request.refresh_from_db()
    assert request.sent_at == Delivery.objects.get().finished_at
    assert note_sent_requests() == 0


def test_two_presses_are_one_request_and_a_new_address_is_another():
    request = ask()
    assert request_disclosure(person=request.person, user=None) == request
    request.person.email = "other@hospital.example"
    request.person.save()
    assert request_disclosure(person=request.person, user=None) != request
    assert Delivery.objects.count() == 2


def test_what_the_mail_server_refused_can_be_asked_again_at_once(smtp_sink):
    smtp_sink.rcpt_answers["author@hospital.example"] = "550 5.1.1 no such mailbox"
    request = ask()
    deliver_everything_due()
    assert Delivery.objects.get().state == Delivery.State.FAILED
    assert request_disclosure(person=request.person, user=None) != request


def test_a_minute_later_it_is_another_request():
    request = ask()
    with time_machine.travel(timezone.now() + datetime.timedelta(minutes=2)):
        assert request_disclosure(person=request.person, user=None) != request


@pytest.mark.parametrize("email", ["", "jürgen@hospital.example"])
def test_nobody_is_asked_at_an_address_that_takes_no_mail(email):
    with pytest.raises(ValidationError):
        ask(email=email)
    assert (DisclosureRequest.objects.count(), Mailing.objects.count()) == (0, 0)


def test_two_people_with_one_address_get_a_link_each(smtp_sink):
    requests = [ask(), ask()]
    assert deliver_everything_due() == 2
    paths = [re.search(r"/disclosures/\S+", item.text)[0] for item in smtp_sink.received]
    assert paths == [disclosure_path(request.pk) for request in requests]
    assert Subscriber.objects.count() == 1


def test_a_revoked_link_neither_works_nor_leaves(smtp_sink):
    request = ask()
    assert revoke_requests(person=request.person) == 1
    request.refresh_from_db()
    assert request.has_expired
    assert deliver_everything_due() == 0
    assert smtp_sink.received == []
    assert revoke_requests(person=request.person) == 0


# --- what is declared -----------------------------------------------------------------------------


def test_relationships_are_recorded_with_the_request():
    request = DisclosureRequestFactory()
    disclosure = record_disclosure(request=request, relationships=[HONORARIA])
    request.refresh_from_db()
    assert request.disclosure == disclosure
    assert (disclosure.person, disclosure.has_none) == (request.person, False)
    assert disclosure.declared_on == timezone.localdate()
    (row,) = disclosure.relationships.values("company", "nature", "starts_on", "ends_on")
    assert row == HONORARIA


def test_no_relationship_is_the_explicit_none():
    disclosure = record_disclosure(request=DisclosureRequestFactory(), relationships=[])
    assert disclosure.has_none is True


def test_a_second_declaration_by_one_link_is_the_first():
    request = DisclosureRequestFactory()
    first = record_disclosure(request=request, relationships=[HONORARIA])
    assert record_disclosure(request=request, relationships=[]) == first
    assert Disclosure.objects.count() == 1


def test_nothing_is_recorded_after_the_link_has_expired():
    request = DisclosureRequestFactory()
    with time_machine.travel(request.expires_at), pytest.raises(LinkExpiredError):
        record_disclosure(request=request, relationships=[HONORARIA])
    assert Disclosure.objects.count() == 0


def test_it_is_all_or_nothing():
    request = DisclosureRequestFactory()
    backwards = HONORARIA | {"ends_on": datetime.date(2025, 1, 1)}
    with pytest.raises(Exception, match="people_relationship_period"), transaction.atomic():
        record_disclosure(request=request, relationships=[HONORARIA, backwards])
    request.refresh_from_db()
    assert request.disclosure is None
    assert (Disclosure.objects.count(), FinancialRelationship.objects.count()) == (0, 0)


def test_the_database_refuses_to_change_what_was_declared():
    disclosure = record_disclosure(request=DisclosureRequestFactory(), relationships=[HONORARIA])
    with pytest.raises(ProgrammingError, match="people_disclosure"), transaction.atomic():
        Disclosure.objects.filter(pk=disclosure.pk).update(has_none=True)


@pytest.mark.parametrize("token", ["guess", "1", "1.", ".1", "1.guess", "1:guess"])
def test_a_guess_opens_nothing(token):
    DisclosureRequestFactory()
    assert read_token(token) is None


def test_a_link_of_another_kind_opens_nothing():
    from django.core.signing import Signer

    request = DisclosureRequestFactory()
    for salt in ("portal.updates.preferences", "portal.updates.unsubscribe", None):
        assert read_token(Signer(salt=salt, sep=".").sign(str(request.pk))) is None


# --- at the same moment ---------------------------------------------------------------------------


def at_once(work, times=8):
    def run(_number):
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


@pytest.mark.django_db(transaction=True)
def test_eight_declarations_at_once_are_one():
    request = DisclosureRequestFactory()
    keys = at_once(lambda: record_disclosure(request=request, relationships=[HONORARIA]).pk)
    assert len(set(keys)) == 1
    assert (Disclosure.objects.count(), FinancialRelationship.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_eight_presses_at_once_are_one_mail():
    person = PersonFactory(email="author@hospital.example")
    keys = at_once(lambda: request_disclosure(person=person, user=None).pk)
    assert len(set(keys)) == 1
    assert Delivery.objects.count() == 1
