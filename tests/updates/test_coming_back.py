"""Subscribing once more: after mail came back, after a complaint, after a pause, after leaving."""

import datetime
import re

import pytest
import time_machine
from django.db.models import ProtectedError
from django.utils import timezone

from portal.core.content_cache import memory
from portal.mail.models import Mailing, Suppression
from portal.mail.services import plan_personal_mail, record_consent
from portal.updates.choices import manner_of
from portal.updates.models import TopicSubscription, UpdateFrequency
from portal.updates.tokens import confirmation_url, preferences_url, unsubscribe_url
from tests.factories import SubscriberFactory, TopicFactory, UserFactory

pytestmark = pytest.mark.django_db

STREAM = "article_updates"
NOT_WRITTEN_TO = "At present we do not write to this address"


def path_of(url):
    return url.removeprefix("http://testserver")


def subscribe(client, subscriber, **fields):
    return client.post("/updates/", {"email": subscriber.email, "consent": "on", **fields})


def link_in_the_mail():
    (url,) = re.findall(r"http://testserver/updates/confirm/\S+", Mailing.objects.latest("pk").text)
    return path_of(url)


def confirm(client, link):
    return client.post(link, {"confirm": "yes"})


@pytest.fixture
def subscriber():
    return SubscriberFactory(email="anna@hospital.example")


def suppress(subscriber, reason="bounce", **fields):
    return Suppression.objects.create(address=subscriber.email, reason=reason, **fields)


# --- after mail came back -------------------------------------------------------------------------


def test_who_bounced_subscribes_anew_with_one_mail(client, subscriber):
    topic = TopicFactory()
    suppress(subscriber)
    with time_machine.travel(timezone.now() + datetime.timedelta(minutes=1)):
        subscribe(client, subscriber, topics=[topic.pk], frequency="weekly")
        assert "Please confirm" in Mailing.objects.get().subject
        html = confirm(client, link_in_the_mail()).content.decode()
    assert "You are subscribed" in html
    assert NOT_WRITTEN_TO not in html
    assert not Suppression.objects.exists()
    subscriber.refresh_from_db()
    # What the link said that they chose.
    assert manner_of(subscriber).frequency == "weekly"
    assert TopicSubscription.objects.get().topic == topic


def test_a_suppression_that_is_over_does_not_ask_again(client, subscriber):
    suppress(subscriber, "unreachable", expires_at=timezone.now())
    subscribe(client, subscriber)
    assert "You are subscribed to" in Mailing.objects.get().subject


def test_a_link_lifts_nothing_that_came_after_it(client, subscriber):
    suppress(subscriber)
    subscribe(client, subscriber)
    with time_machine.travel(timezone.now() + datetime.timedelta(hours=1)):
        Suppression.objects.all().delete()
        suppress(subscriber)
        html = confirm(client, link_in_the_mail()).content.decode()
    assert NOT_WRITTEN_TO in html
    assert Suppression.objects.exists()


@pytest.mark.parametrize(("reason", "is_offered"), [("bounce", True), ("request", False)])
def test_the_preferences_lead_a_suppressed_subscriber_back(client, subscriber, reason, is_offered):
    suppress(subscriber, reason)
    html = client.get(path_of(preferences_url(subscriber))).content.decode()
    assert NOT_WRITTEN_TO in html
    assert "You are not subscribed" not in html
    assert ("subscribe anew" in html) is is_offered


# --- taking back that one left --------------------------------------------------------------------


def leave(subscriber):
    record_consent(subscriber=subscriber, stream=STREAM, is_granted=False, wording="Left.")


def take_back(client, subscriber):
    return client.post(path_of(unsubscribe_url(subscriber)), {"again": "yes"})


def test_after_a_complaint_the_way_back_is_a_mail(client, subscriber):
    topic = TopicFactory()
    TopicSubscription.objects.create(subscriber=subscriber, topic=topic)
    UpdateFrequency.objects.create(subscriber=subscriber, frequency="daily")
    leave(subscriber)
    suppress(subscriber, "complaint")
    answer = take_back(client, subscriber)
    assert (answer.status_code, answer["Location"]) == (302, "/updates/check-your-mail/")
    assert not subscriber.consents_to(STREAM)
    assert NOT_WRITTEN_TO not in confirm(client, link_in_the_mail()).content.decode()
    assert subscriber.consents_to(STREAM)
    assert not Suppression.objects.exists()
    assert TopicSubscription.objects.get().topic == topic
    subscriber.refresh_from_db()
    assert manner_of(subscriber).frequency == "daily"
    # No more of these mails than of any other.
    leave(subscriber)
    suppress(subscriber, "complaint")
    take_back(client, subscriber)
    assert Mailing.objects.count() == 1


def test_who_asked_not_to_be_written_to_is_promised_no_mail(client, subscriber):
    leave(subscriber)
    suppress(subscriber, "request")
    for html in (
        take_back(client, subscriber).content.decode(),
        client.get(path_of(preferences_url(subscriber))).content.decode(),
    ):
        assert NOT_WRITTEN_TO in html
    assert "We will write" not in html
    assert Suppression.objects.exists()


# --- after a pause --------------------------------------------------------------------------------


def test_a_pause_of_before_does_not_outlive_a_new_subscription(client, subscriber):
    type(subscriber).objects.update(paused_until=timezone.now() + datetime.timedelta(days=99))
    leave(subscriber)
    subscribe(client, subscriber)
    assert "We will write when" in confirm(client, link_in_the_mail()).content.decode()
    subscriber.refresh_from_db()
    assert subscriber.paused_until is None


def test_who_comes_back_within_a_pause_is_told_of_it(client, subscriber):
    day = timezone.localdate() + datetime.timedelta(days=99)
    type(subscriber).objects.update(paused_until=day)
    leave(subscriber)
    html = take_back(client, subscriber).content.decode()
    assert "You have paused the e-mails" in html
    assert "We will write" not in html


# --- in a zone that is no more --------------------------------------------------------------------


def test_a_zone_that_the_machine_knows_no_more_breaks_no_page(client, subscriber):
    type(subscriber).objects.update(time_zone="Europe/Atlantis", paused_until="2099-01-01")
    url = path_of(preferences_url(subscriber))
    assert "Paused" in client.get(url).content.decode()
    assert "The pause is over" in client.post(url, {"pause": "stop"}).content.decode()


# --- links that say too little or come too late ---------------------------------------------------


def test_a_post_without_the_button_confirms_nothing(client, subscriber):
    leave(subscriber)
    subscribe(client, subscriber)
    link = link_in_the_mail()
    for body in ({}, {"List-Unsubscribe": "One-Click"}):
        assert "Yes, send me updates" in client.post(link, body).content.decode()
        assert not subscriber.consents_to(STREAM)
    assert "You are subscribed" in confirm(client, link).content.decode()


def test_a_link_of_before_somebody_left_confirms_nothing(client, subscriber):
    leave(subscriber)
    subscribe(client, subscriber)
    link = link_in_the_mail()
    confirm(client, link)
    with time_machine.travel(timezone.now() + datetime.timedelta(seconds=5)):
        leave(subscriber)
        answer = confirm(client, link)
        assert client.get(link).status_code == answer.status_code == 410
    assert "You have unsubscribed since" in answer.content.decode()
    assert not subscriber.consents_to(STREAM)


def test_a_link_whose_topics_are_gone_does_not_mean_all(client, subscriber):
    leave(subscriber)
    gone, there = TopicFactory(), TopicFactory()
    links = [
        path_of(confirmation_url(subscriber, [topic.pk for topic in topics]))
        for topics in ([gone], [gone, there])
    ]
    gone.delete()
    memory.forget()
    answer = confirm(client, links[0])
    assert answer.status_code == 410
    assert "The topics that you chose are there no more" in answer.content.decode()
    assert not subscriber.consents_to(STREAM)
    confirm(client, links[1])
    assert TopicSubscription.objects.get().topic == there


def test_a_topic_that_somebody_chose_cannot_be_deleted(client, subscriber):
    topic = TopicFactory(name="Lymphoma")
    TopicSubscription.objects.create(subscriber=subscriber, topic=topic)
    with pytest.raises(ProtectedError):
        topic.delete()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = client.get(f"/admin/articles/topic/{topic.pk}/delete/")
    assert "Chosen topic" in page.content.decode()
    subscriber.topic_subscriptions.all().delete()
    topic.delete()


def test_other_mail_does_not_keep_anybody_from_subscribing(client, subscriber):
    leave(subscriber)
    plan_personal_mail(key="export:1", subscriber=subscriber, subject="x", html="x", text="x")
    subscribe(client, subscriber)
    assert Mailing.objects.count() == 2


# --- what the page of preferences says of it ------------------------------------------------------


def test_the_page_does_not_contradict_itself(client, subscriber):
    url = path_of(preferences_url(subscriber))
    paused = "Paused: no updates before"
    html = client.post(url, {"pause": "1"}).content.decode()
    assert html.count(paused) == 1
    assert "Your choice applies" not in html
    assert client.get(url).content.decode().count(paused) == 1
    html = client.post(url, {"unsubscribe": "all"}).content.decode()
    assert "You are unsubscribed" in html
    assert "You are not subscribed" not in html
    assert paused not in html
    html = client.post(url, {"pause": "stop"}).content.decode()
    assert "You are not subscribed" in html
    assert "You get the updates again" not in html
    assert "Your choice applies" not in client.post(url, {}).content.decode()
