"""What subscribers choose beside topics, and where they see and change it."""

import datetime

import pytest
from django.core.signing import TimestampSigner
from django.utils import timezone

from portal.mail.models import Mailing, Subscriber, Suppression
from portal.mail.services import record_consent
from portal.mail.streams import Stream, _streams, register_stream
from portal.updates.choices import Manner, half_hidden, manner_of, today_of
from portal.updates.forms import time_zone_regions
from portal.updates.models import TopicSubscription, UpdateFrequency
from portal.updates.streams import ARTICLE_UPDATES_WORDING
from portal.updates.tokens import confirmation_url, preferences_url, unsubscribe_url
from tests.factories import SubscriberFactory, TopicFactory

from .choosing import (
    CONFIRM,
    STREAM,
    WEEKLY,
    fields_of,
    link_in_the_mail,
    path_of,
    subscribe,
)

pytestmark = pytest.mark.django_db


# --- subscribing ----------------------------------------------------------------------------------


def test_what_was_chosen_travels_in_the_link_and_counts_once_confirmed(client):
    subscribe(client, **WEEKLY)
    subscriber = Subscriber.objects.get()
    assert (subscriber.time_zone, UpdateFrequency.objects.count()) == ("", 0)
    link = link_in_the_mail()
    shown = client.get(link).content.decode()
    assert "on Friday" in shown
    assert "Asia/Tokyo" in shown
    assert UpdateFrequency.objects.count() == 0
    assert "once a week" in client.post(link, CONFIRM).content.decode()
    subscriber = Subscriber.objects.get()
    assert manner_of(subscriber) == Manner("weekly", 5, "en-gb", "Asia/Tokyo")


def test_a_link_that_is_followed_again_does_not_take_later_choices_back(client):
    subscribe(client, **WEEKLY)
    link = link_in_the_mail()
    client.post(link, CONFIRM)
    UpdateFrequency.objects.update(frequency="daily")
    client.post(link, CONFIRM)
    assert UpdateFrequency.objects.get().frequency == "daily"


def test_a_link_of_before_there_was_more_than_topics_still_works(client):
    subscriber = SubscriberFactory(consent=False)
    signer = TimestampSigner(salt="portal.updates.confirm", sep=".")
    token = signer.sign_object([subscriber.public_id.hex, [TopicFactory().pk]])
    assert client.get(f"/updates/confirm/{token}/").status_code == 200
    client.post(f"/updates/confirm/{token}/", CONFIRM)
    assert manner_of(subscriber).frequency == "at_once"
    assert TopicSubscription.objects.count() == 1


def test_a_zone_that_is_gone_by_the_time_of_confirming_is_the_sites_own(client):
    subscriber = SubscriberFactory(consent=False)
    link = confirmation_url(subscriber, [], Manner("daily", 1, "xx", "Atlantis/Centre"))
    assert client.post(path_of(link), CONFIRM).status_code == 200
    assert manner_of(Subscriber.objects.get()) == Manner("daily", 1, "en-gb", "")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("frequency", "hourly"),
        ("weekday", "8"),
        ("weekday", "9" * 5000),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../etc/passwd"),
        ("time_zone", "x" * 51),
    ],
)
def test_what_is_no_choice_is_refused_with_a_word(client, subscriber, field, value):
    html = subscribe(client, "new@hospital.example", **{field: value}).content.decode()
    assert "There is a problem" in html
    assert Subscriber.objects.count() == 1
    html = client.post(path_of(preferences_url(subscriber)), {field: value}).content.decode()
    assert "There is a problem" in html
    assert not UpdateFrequency.objects.exists()


def test_a_mistake_loses_nothing(client):
    topic = TopicFactory()
    html = subscribe(client, "nobody", topics=[topic.pk], **WEEKLY).content.decode()
    sent = fields_of(html)
    assert sent["topics"] == [str(topic.pk)]
    assert {name: sent[name] for name in WEEKLY} == {k: [v] for k, v in WEEKLY.items()}
    # And the script does not guess over what was chosen.
    assert "data-guess-time-zone" not in html
    assert "data-guess-time-zone" in client.get("/updates/").content.decode()


def test_the_language_is_asked_where_there_is_more_than_one(client, settings):
    assert 'name="language"' not in client.get("/updates/").content.decode()
    settings.LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
    assert 'name="language"' in client.get("/updates/").content.decode()
    subscribe(client, language="de")
    assert Mailing.objects.get().language == "de"
    client.post(link_in_the_mail(), CONFIRM)
    assert Subscriber.objects.get().language == "de"


@pytest.mark.parametrize("known", [False, True])
def test_the_answer_is_in_the_language_of_the_form(client, settings, known):
    settings.LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
    earlier = SubscriberFactory(consent=known, confirmed_at=timezone.now() if known else None)
    subscribe(client, earlier.email, language="de")
    mailing = Mailing.objects.get()
    assert mailing.language == "de"
    assert '<html lang="de"' in mailing.html
    earlier.refresh_from_db()
    # Until they say so themselves.
    assert earlier.language == "en-gb"


def test_every_listed_zone_is_one_that_days_can_be_told_in(subscriber):
    zones = [name for _region, places in time_zone_regions() for name, _place in places]
    assert len(zones) > 350
    for subscriber.time_zone in zones:
        today_of(subscriber)


# --- preferences ----------------------------------------------------------------------------------


def test_everything_is_saved_and_shown_again(page, subscriber):
    topic = TopicFactory()
    html = page(topics=[topic.pk], **WEEKLY)
    assert "Your choice applies" in html
    assert manner_of(subscriber) == Manner("weekly", 5, "en-gb", "Asia/Tokyo")
    sent = fields_of(html)
    assert {name: sent[name] for name in WEEKLY} == {k: [v] for k, v in WEEKLY.items()}
    assert (sent["topics"], sent["streams"]) == ([str(topic.pk)], [STREAM])
    assert subscriber.consents.count() == 1


def test_a_zone_of_old_is_kept(page, subscriber):
    Subscriber.objects.update(time_zone="US/Eastern")
    assert '<option value="US/Eastern" selected>' in page(time_zone="US/Eastern")
    assert subscriber.time_zone == "US/Eastern"


def test_the_page_says_what_was_agreed_to_and_hides_half_of_the_address(client, subscriber):
    html = client.get(path_of(preferences_url(subscriber))).content.decode()
    assert "you agreed on" in html
    assert "“E-mail me.”" in html
    assert "a…@hospital.example" in html
    assert subscriber.email not in html


@pytest.mark.parametrize(
    ("address", "hidden"),
    [("anna@b.example", "a…@b.example"), ("a@b.example", "…@b.example")],
)
def test_half_of_an_address(address, hidden):
    assert half_hidden(address) == hidden


def test_saving_is_one_transaction(page, subscriber, monkeypatch):
    class BrokenError(Exception):
        pass

    def broken(**kwargs):
        raise BrokenError

    monkeypatch.setattr("portal.updates.choices.pause", broken)
    with pytest.raises(BrokenError):
        page(**WEEKLY)
    assert not UpdateFrequency.objects.exists()


def test_a_change_of_frequency_keeps_the_day_of_the_last_digest(page, subscriber):
    day = datetime.date(2026, 1, 5)
    UpdateFrequency.objects.create(subscriber=subscriber, frequency="daily", digest_on=day)
    page(frequency="weekly")
    assert UpdateFrequency.objects.get().digest_on == day


def test_a_stream_is_switched_off_and_on_and_each_is_a_word(page, subscriber):
    page(streams=[])
    assert not subscriber.consents_to(STREAM)
    assert subscriber.consents.first().wording == "Switched off on the page of preferences"
    html = page(frequency="daily")
    assert "You are not subscribed" in html
    assert not subscriber.consents_to(STREAM)
    assert UpdateFrequency.objects.get().frequency == "daily"
    html = page(streams=[STREAM])
    assert "You are not subscribed" not in html
    assert subscriber.consents_to(STREAM)
    assert subscriber.consents.first().wording == str(ARTICLE_UPDATES_WORDING)
    assert subscriber.consents.count() == 3


def test_a_page_left_open_brings_nobody_back(client, subscriber):
    url = path_of(preferences_url(subscriber))
    left_open = fields_of(client.get(url).content.decode())
    assert left_open["streams"] == [STREAM]
    client.post(path_of(unsubscribe_url(subscriber)), {"List-Unsubscribe": "One-Click"})
    client.post(url, left_open)
    assert not subscriber.consents_to(STREAM)


def test_of_two_streams_one_can_be_left(client, page, subscriber):
    other = Stream(
        key="other",
        name="Other",
        needs_consent=True,
        wording="Tell me more.",
        links={"unsubscribe_url": unsubscribe_url},
    )
    register_stream(other)
    try:
        record_consent(subscriber=subscriber, stream="other", is_granted=True, wording="x")
        page(streams=["other"])
        assert (subscriber.consents_to(STREAM), subscriber.consents_to("other")) == (False, True)
        page(streams=["other", STREAM])
        url = path_of(unsubscribe_url(subscriber))
        assert "Unsubscribe from all our e-mails" in client.get(url).content.decode()
        client.post(url)
        assert (subscriber.consents_to(STREAM), subscriber.consents_to("other")) == (False, True)
        client.post(url, {"all": "yes"})
        assert not subscriber.consents_to("other")
    finally:
        del _streams["other"]


def test_leaving_all_waits_for_no_mistake_to_be_mended(page, subscriber):
    html = page(unsubscribe="all", frequency="hourly")
    assert "You are unsubscribed" in html
    assert not subscriber.consents_to(STREAM)
    assert "Unsubscribe from all" not in html


def test_the_page_says_so_where_an_address_gets_nothing(client, subscriber):
    url = path_of(preferences_url(subscriber))
    Suppression.objects.create(address="Anna@hospital.example", reason="bounce")
    html = client.get(url).content.decode()
    assert "At present we do not write to this address" in html
    assert "The mailbox does not exist" in html
    Suppression.objects.update(expires_at=timezone.now())
    assert "At present" not in client.get(url).content.decode()
