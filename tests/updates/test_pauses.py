"""Pausing, leaving and coming back on the preference page."""

import datetime

import pytest
import time_machine
from django.test import Client

from portal.core.content_cache import memory
from portal.mail.models import Subscriber
from portal.updates.choices import is_paused, manner_of, today_of
from portal.updates.models import TopicSubscription, UpdateFrequency
from portal.updates.streams import ARTICLE_UPDATES_WORDING
from portal.updates.tokens import confirmation_url, preferences_url, unsubscribe_url
from tests.factories import TopicFactory

from .choosing import (
    STREAM,
    fields_of,
    path_of,
)

pytestmark = pytest.mark.django_db


# --- pausing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("button", "days"), [("1", 7), ("2", 14), ("4", 28)])
def test_pausing_for_some_weeks_by_the_readers_own_calendar(page, subscriber, button, days):
    # Tokyo has the next day already, Honolulu still has this one.
    with time_machine.travel(datetime.datetime(2026, 3, 1, 20, tzinfo=datetime.UTC), tick=False):
        for zone, today in (("Asia/Tokyo", 2), ("Pacific/Honolulu", 1)):
            Subscriber.objects.update(time_zone=zone)
            assert "Paused: no updates before" in page(pause=button)
            begin = datetime.date(2026, 3, today)
            assert subscriber.paused_until == begin + datetime.timedelta(days=days)
            subscriber.refresh_from_db()
            assert subscriber.consents_to(STREAM)


def test_pausing_until_a_day_and_going_on_at_once(page, subscriber):
    day = today_of(subscriber) + datetime.timedelta(days=30)
    assert "Go on now" in page(pause="day", paused_until=day.isoformat(), frequency="daily")
    assert subscriber.paused_until == day
    # A button saves what else was chosen, and saving something else keeps the pause.
    assert manner_of(Subscriber.objects.get()).frequency == "daily"
    page(frequency="weekly")
    assert subscriber.paused_until == day
    html = page(pause="stop")
    assert subscriber.paused_until is None
    assert "The pause is over" in html
    assert "Go on now" not in html


@pytest.mark.parametrize("days", [-1, 0, 367])
def test_a_pause_begins_after_today_and_ends_within_a_year(page, subscriber, days):
    day = today_of(subscriber) + datetime.timedelta(days=days)
    html = page(pause="day", paused_until=day.isoformat(), frequency="daily")
    assert "Choose a day after today, within one year." in html
    assert subscriber.paused_until is None
    assert fields_of(html)["frequency"] == ["daily"]
    assert fields_of(html)["paused_until"] == [day.isoformat()]


@pytest.mark.parametrize("text", ["", "31 April", "2026-02-30"])
def test_a_pause_needs_a_day(page, subscriber, text):
    assert "There is a problem" in page(pause="day", paused_until=text)
    assert subscriber.paused_until is None


def test_a_mistyped_day_stops_no_other_button(page, subscriber):
    assert "Paused: no updates before" in page(pause="2", paused_until="31 April")
    page(pause="stop", paused_until="31 April")
    assert subscriber.paused_until is None


def test_a_pause_that_is_over_is_no_pause(client, subscriber):
    Subscriber.objects.update(paused_until=today_of(subscriber))
    subscriber.refresh_from_db()
    assert not is_paused(subscriber)
    html = client.get(path_of(preferences_url(subscriber))).content.decode()
    assert "Paused" not in html
    assert fields_of(html)["paused_until"] == [""]


# --- leaving and coming back ----------------------------------------------------------------------


def test_the_page_of_leaving_offers_less(client, subscriber):
    html = client.get(path_of(unsubscribe_url(subscriber))).content.decode()
    TopicFactory()
    memory.forget()
    preferences = client.get(path_of(preferences_url(subscriber))).content.decode()
    for part in ("frequency", "topics", "pause"):
        assert f'href="{preferences_url(subscriber)}#{part}"' in html
        assert f'id="{part}"' in preferences
    assert "Unsubscribe from all our e-mails" not in html


def test_leaving_is_taken_back_by_a_new_consent_with_all_choices(subscriber):
    topic = TopicFactory()
    TopicSubscription.objects.create(subscriber=subscriber, topic=topic)
    UpdateFrequency.objects.create(subscriber=subscriber, frequency="daily")
    url = path_of(unsubscribe_url(subscriber))
    client = Client(enforce_csrf_checks=True)
    assert "Yes, send them again" in client.post(url).content.decode()
    # Who opens the link once more sees how it stands, and changes nothing.
    assert "Yes, send them again" in client.get(url).content.decode()
    assert not subscriber.consents_to(STREAM)
    for _time in range(2):
        assert "You are subscribed" in client.post(url, {"again": "yes"}).content.decode()
    words = subscriber.consents.all()
    assert [word.is_granted for word in words] == [True, False, True]
    assert words[0].wording == str(ARTICLE_UPDATES_WORDING)
    assert TopicSubscription.objects.get().topic == topic
    assert manner_of(Subscriber.objects.get()).frequency == "daily"


def test_one_click_is_never_a_way_back(client, subscriber):
    url = path_of(unsubscribe_url(subscriber))
    client.post(url, {"List-Unsubscribe": "One-Click", "again": "yes"})
    assert not subscriber.consents_to(STREAM)


def test_a_link_that_leads_nowhere_says_why_and_what_to_do(client):
    never = Subscriber(email="never@hospital.example")
    for link in (preferences_url(never), unsubscribe_url(never), confirmation_url(never, [])):
        for answer in (client.get(path_of(link)), client.post(path_of(link))):
            assert answer.status_code == 404
            assert "This link does not work" in answer.content.decode()
