"""Reminders before a disclosure goes stale: over a year, each once, whoever runs the task."""

import datetime
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from portal.mail.models import Delivery, MailedItem, Mailing
from portal.mail.worker import deliver_everything_due
from portal.people import needs
from portal.people.models import DisclosureRequest, Person
from portal.people.reminders import remind_of_disclosures, reminder_due
from portal.people.requests import record_disclosure, request_disclosure
from portal.people.tasks import look_after_disclosures
from tests.factories import DisclosureFactory, PersonFactory

pytestmark = pytest.mark.django_db

DECLARED = datetime.date(2026, 2, 1)
STALE = datetime.date(2027, 2, 1)


def on(day, hour=12):
    return time_machine.travel(
        datetime.datetime.combine(day, datetime.time(hour), tzinfo=datetime.UTC), tick=False
    )


def days(number):
    return datetime.timedelta(days=number)


@pytest.fixture
def author():
    with on(DECLARED):
        disclosure = DisclosureFactory(person__email="author@hospital.example")
    return disclosure.person


@pytest.mark.parametrize(
    ("left", "due"),
    [(365, None), (31, None), (30, 30), (8, 30), (7, 7), (1, 7), (0, 0), (-1, 0), (-900, 0)],
)
def test_which_reminder_is_due(left, due):
    assert reminder_due(STALE, STALE - days(left)) == due


def test_a_year_and_a_half_of_ticks_writes_three_times(author):
    sent = {}
    for number in range(550):
        today = DECLARED + days(number)
        with on(today):
            for _beat in range(2):
                if count := remind_of_disclosures():
                    sent[today] = (count, Mailing.objects.latest("pk").subject)
    assert sent == {
        datetime.date(2027, 1, 2): (1, "Your declaration runs out on 1 February 2027"),
        datetime.date(2027, 1, 25): (1, "Your declaration runs out on 1 February 2027"),
        STALE: (1, "Your declaration is out of date"),
    }
    assert set(Delivery.objects.values_list("address", flat=True)) == {"author@hospital.example"}
    # Each carries a link of its own.
    assert DisclosureRequest.objects.count() == 3


def test_who_declares_anew_is_left_alone_for_a_year(author):
    with on(STALE - days(30)):
        assert remind_of_disclosures() == 1
        record_disclosure(request=DisclosureRequest.objects.get(), relationships=[])
    for left in (29, 7, 0, -100):
        with on(STALE - days(left)):
            assert remind_of_disclosures() == 0
    with on(STALE - days(30) + days(335)):
        assert remind_of_disclosures() == 1


def test_after_a_pause_there_is_one_mail_and_not_three(author):
    with on(STALE + days(40)):
        assert remind_of_disclosures() == 1
        assert remind_of_disclosures() == 0
    assert Mailing.objects.get().subject == "Your declaration is out of date"


def test_midnight_is_the_sites_own(author, settings):
    """At 23:30 UTC on 1 July it is 2 July in London; the clocks there are an hour ahead."""
    person = DisclosureFactory(
        declared_on=datetime.date(2026, 8, 1), person__email="summer@hospital.example"
    ).person
    Person.objects.exclude(pk=person.pk).update(email="")
    first_day = datetime.date(2027, 8, 1) - days(30)
    before = datetime.datetime.combine(first_day - days(1), datetime.time(22, 59), datetime.UTC)
    with time_machine.travel(before, tick=False):
        assert remind_of_disclosures() == 0
    with time_machine.travel(before + datetime.timedelta(minutes=1), tick=False):
        assert remind_of_disclosures() == 1


def test_the_mail_says_what_it_is_about_and_has_a_fresh_link(author, smtp_sink):
    with on(STALE - days(30)):
        remind_of_disclosures()
    Mailing.objects.update(deadline_at=timezone.now() + days(1))
    Delivery.objects.update(next_attempt_at=timezone.now() - days(1))
    assert deliver_everything_due() == 1
    text = smtp_sink.received[0].text
    assert "is twelve months old on 1 February 2027" in text
    assert "/disclosures/" in text


def test_whoever_has_no_address_or_never_declared_is_not_written_to():
    with on(DECLARED):
        DisclosureFactory()
        PersonFactory(email="new@hospital.example")
    with on(STALE):
        assert remind_of_disclosures() == 0


def test_an_address_that_takes_no_mail_does_not_stop_the_others(author):
    with on(DECLARED):
        DisclosureFactory(person__name="A", person__email="jürgen@hospital.example")
    with on(STALE):
        assert remind_of_disclosures() == 1


def test_only_who_is_needed_is_written_to(author, monkeypatch):
    monkeypatch.setattr(needs, "_conditions", [])
    with on(DECLARED):
        DisclosureFactory(person__name="Needed", person__email="b@hospital.example")
        DisclosureFactory(person__name="Also", person__email="c@hospital.example")
    needs.register_need(lambda: Q(name="Needed"))
    also = Person.objects.filter(pk=OuterRef("pk"), name="Also")
    needs.register_need(lambda: Exists(also))
    with on(STALE):
        assert remind_of_disclosures() == 2
    assert not Delivery.objects.filter(address=author.email).exists()


def test_a_new_address_is_not_told_twice_of_the_same(author):
    with on(STALE):
        assert remind_of_disclosures() == 1
        Person.objects.update(email="new@hospital.example")
        assert remind_of_disclosures() == 0


def test_a_request_by_hand_does_not_stand_for_a_reminder(author):
    with on(STALE - days(31)):
        request_disclosure(person=author, user=None)
    with on(STALE - days(30)):
        assert remind_of_disclosures() == 1


@pytest.mark.parametrize("count", [1, 3])
def test_a_tick_with_nobody_to_write_to_costs_two_queries(django_assert_num_queries, count):
    with on(DECLARED):
        for number in range(count):
            DisclosureFactory(person__email=f"a{number}@hospital.example")
    with on(STALE):
        assert remind_of_disclosures() == count
        with django_assert_num_queries(2):
            assert remind_of_disclosures() == 0


def test_the_task_reminds_and_notes_what_was_sent(author, smtp_sink):
    request = request_disclosure(person=author, user=None)
    deliver_everything_due()
    look_after_disclosures()
    request.refresh_from_db()
    assert request.sent_at is not None


def test_beat_asks_for_the_task(settings):
    from portal.celery import app

    app.loader.import_default_modules()
    names = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert look_after_disclosures.name in names <= set(app.tasks)


@pytest.mark.django_db(transaction=True)
def test_eight_beats_at_once_write_once():
    with on(DECLARED):
        for number in range(3):
            DisclosureFactory(person__email=f"a{number}@hospital.example")

    def beat(_number):
        try:
            return remind_of_disclosures()
        finally:
            connection.close()

    with on(STALE), ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(beat, range(8)))
    assert sum(counts) == 3
    assert (Delivery.objects.count(), MailedItem.objects.count()) == (3, 3)
    assert Delivery.objects.values("address").distinct().count() == 3
