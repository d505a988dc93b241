"""What subscribers choose beside topics, pausing, coming back, and subscribing with an account."""

import datetime
import re

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core.signing import TimestampSigner
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.core.content_cache import memory
from portal.mail.models import Consent, Delivery, Mailing, Subscriber, Suppression
from portal.mail.services import record_consent
from portal.mail.streams import Stream, _streams, register_stream
from portal.updates.choices import Manner, half_hidden, is_paused, manner_of, today_of
from portal.updates.forms import time_zone_regions
from portal.updates.models import TopicSubscription, UpdateFrequency
from portal.updates.streams import ARTICLE_UPDATES_WORDING
from portal.updates.tokens import confirmation_url, preferences_url, unsubscribe_url
from tests.factories import SubscriberFactory, TopicFactory, UserFactory

pytestmark = pytest.mark.django_db

STREAM = "article_updates"
CONFIRM = {"confirm": "yes"}  # the button
WEEKLY = {"frequency": "weekly", "weekday": "5", "time_zone": "Asia/Tokyo"}


def path_of(url):
    return url.removeprefix("http://testserver")


def subscribe(client, email="a@hospital.example", **fields):
    return client.post("/updates/", {"email": email, "consent": "on", **fields})


def link_in_the_mail():
    (url,) = re.findall(r"http://testserver/updates/\S+", Mailing.objects.latest("pk").text)
    return path_of(url)


def fields_of(html):
    """What a browser would send if somebody pressed a button of the page at once."""
    sent = {}
    for tag in re.findall(r"<input[^>]*>", html):
        name, value, kind = (
            (re.findall(rf'{attribute}="([^"]*)"', tag) or [""])[0]
            for attribute in ("name", "value", "type")
        )
        if name and (kind not in {"checkbox", "radio"} or " checked" in tag):
            sent.setdefault(name, []).append(value)
    for name, options in re.findall(r'(?s)<select name="([^"]+)".*?>(.*?)</select>', html):
        chosen = re.findall(r'<option value="([^"]*)"[^>]* selected', options)
        sent[name] = chosen or re.findall(r'<option value="([^"]*)"', options)[:1]
    return sent


@pytest.fixture
def subscriber():
    return SubscriberFactory(email="anna@hospital.example")


@pytest.fixture
def page(client, subscriber):
    """Return a function that presses a button of the preference page, with changes before it."""
    url = path_of(preferences_url(subscriber))

    def press(**changes):
        shown = fields_of(client.get(url).content.decode())
        answer = client.post(url, shown | changes)
        subscriber.refresh_from_db()
        return answer.content.decode()

    return press


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


def test_every_listed_zone_is_one_that_days_can_be_told_in(subscriber):
    zones = [name for _region, places in time_zone_regions() for name, _place in places]
    assert len(zones) > 350
    for subscriber.time_zone in zones:
        today_of(subscriber)


# --- with an account ------------------------------------------------------------------------------


@pytest.fixture
def member(client):
    user = UserFactory(email="anna@hospital.example")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    client.force_login(user)
    return user


def test_a_member_is_subscribed_at_once_at_their_own_address(client, member):
    assert f'value="{member.email}"' in client.get("/updates/").content.decode()
    html = subscribe(client, "Anna@Hospital.example", **WEEKLY).content.decode()
    assert "You are subscribed" in html
    assert Delivery.objects.count() == 0
    subscriber = Subscriber.objects.get()
    assert subscriber.user == member
    assert subscriber.consents_to(STREAM)
    assert subscriber.consents.get().wording == str(ARTICLE_UPDATES_WORDING)
    assert manner_of(subscriber).frequency == "weekly"


def test_a_member_is_sent_a_mail_at_any_other_address(client, member):
    EmailAddress.objects.create(user=member, email="new@hospital.example", verified=False)
    other = UserFactory()
    EmailAddress.objects.create(user=other, email=other.email, verified=True)
    for email in ("new@hospital.example", other.email, "free@hospital.example"):
        assert subscribe(client, email)["Location"] == "/updates/check-your-mail/"
    assert Delivery.objects.count() == 3
    assert not Consent.objects.exists()
    assert not Subscriber.objects.exclude(user=None).exists()


def test_a_members_address_that_mail_came_back_from_must_answer_a_mail(client, member):
    Suppression.objects.create(address=member.email, reason="bounce")
    assert subscribe(client, member.email)["Location"] == "/updates/check-your-mail/"
    client.post(link_in_the_mail(), CONFIRM)
    assert Subscriber.objects.get().consents_to(STREAM)
    assert not Suppression.objects.exists()


def test_subscribing_again_as_a_member_changes_the_choices(client, member):
    day = timezone.localdate() + datetime.timedelta(days=30)
    subscribe(client, member.email, **WEEKLY)
    Subscriber.objects.update(paused_until=day)
    html = subscribe(client, member.email, frequency="daily").content.decode()
    assert "You have paused the e-mails" in html
    assert UpdateFrequency.objects.get().frequency == "daily"
    assert Subscriber.objects.get().paused_until == day
    assert Consent.objects.count() == 1


def test_a_confirmed_address_is_tied_to_the_account_that_has_it_now(client, member):
    before = UserFactory()
    subscriber = SubscriberFactory(email=member.email, user=before, consent=False)
    client.logout()
    subscribe(client, member.email)
    client.post(link_in_the_mail(), CONFIRM)
    subscriber.refresh_from_db()
    assert subscriber.user == member


def test_the_account_page_leads_to_the_preferences(client, member):
    page = "/accounts/email/"
    assert 'href="/updates/"' in client.get(page).content.decode()
    own = SubscriberFactory(email=member.email)
    linked = SubscriberFactory(user=member)
    strangers = [SubscriberFactory(), SubscriberFactory(user=UserFactory())]
    # Asked for and never confirmed: nobody knows by whom.
    SubscriberFactory(user=member, confirmed_at=None, consent=False)
    html = client.get(page).content.decode()
    for one in (own, linked):
        assert preferences_url(one) in html
    for one in strangers:
        assert one.email not in html
    assert html.count("/updates/preferences/") == 2
    assert preferences_url(own) in client.get("/updates/").content.decode()
    client.logout()
    assert "/updates/preferences/" not in client.get("/updates/").content.decode()


def test_the_account_page_costs_the_same_for_one_and_for_three(
    client, member, django_assert_num_queries
):
    SubscriberFactory(email=member.email)
    client.get("/accounts/email/")
    with CaptureQueriesContext(connection) as one:
        client.get("/accounts/email/")
    SubscriberFactory.create_batch(2, user=member)
    with django_assert_num_queries(len(one)):
        assert client.get("/accounts/email/").content.decode().count("/updates/preferences/") == 3


def test_deleting_an_account_leaves_the_subscription_to_its_address(client, member):
    subscribe(client, member.email, **WEEKLY)
    member.delete()
    subscriber = Subscriber.objects.get()
    assert subscriber.user is None
    assert subscriber.consents_to(STREAM)
    assert client.get(path_of(preferences_url(subscriber))).status_code == 200


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
