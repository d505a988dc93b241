"""Subscribing, confirming, choosing and leaving, as a visitor without an account."""

import datetime
import hashlib
import re

import pytest
import time_machine
from django.core.signing import Signer
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.core.content_cache import memory
from portal.mail.models import Consent, Delivery, Mailing, Subscriber, Suppression
from portal.mail.services import record_consent
from portal.mail.worker import deliver_everything_due
from portal.updates.forms import topic_choices
from portal.updates.models import TopicSubscription
from portal.updates.streams import ARTICLE_UPDATES_WORDING
from portal.updates.tokens import confirmation_url, preferences_url, unsubscribe_url
from tests.factories import SubscriberFactory, TopicFactory

from .choosing import CONFIRM, STREAM, link_in_the_mail, path_of, subscribe

pytestmark = pytest.mark.django_db

# --- asking ---------------------------------------------------------------------------------------


def test_the_form_is_public_and_nothing_is_ticked(client):
    TopicFactory(name="Lymphoma")
    html = client.get("/updates/").content.decode()
    # But for the frequency: at once, as long as nobody says otherwise.
    assert re.findall(r"<input[^>]* checked[^>]*>", html) == [
        '<input type="radio" name="frequency" value="at_once" id="id_frequency_0" checked>'
    ]
    assert str(ARTICLE_UPDATES_WORDING) in html
    assert "Lymphoma" in html


def test_the_form_costs_the_same_for_one_and_for_three_topics(client, django_assert_num_queries):
    TopicFactory()
    client.get("/updates/")
    memory.forget()
    with django_assert_num_queries(2):
        client.get("/updates/")
    TopicFactory.create_batch(2)
    memory.forget()
    with django_assert_num_queries(2):
        client.get("/updates/")
    with django_assert_num_queries(0):
        client.get("/updates/")


def test_topics_stand_under_their_broadest_one():
    lymphoma = TopicFactory(name="Lymphoma")
    aggressive = TopicFactory(name="Aggressive", parent=lymphoma)
    burkitt = TopicFactory(name="Burkitt", parent=aggressive)
    evidence, supportive = TopicFactory(name="Evidence"), TopicFactory(name="Supportive care")
    memory.forget()
    assert topic_choices() == [
        (
            "Lymphoma",
            [
                (lymphoma.pk, "Lymphoma: all of it"),
                (aggressive.pk, "Aggressive"),
                (burkitt.pk, "Burkitt"),
            ],
        ),
        ("Other topics", [(evidence.pk, "Evidence"), (supportive.pk, "Supportive care")]),
    ]


def test_topics_without_broader_ones_are_in_no_group(client):
    topic = TopicFactory(name="Evidence")
    memory.forget()
    assert topic_choices() == [("", [(topic.pk, "Evidence")])]
    assert 'role="group"' not in client.get("/updates/").content.decode()


def test_subscribing_needs_the_tick_and_an_address(client):
    html = client.post("/updates/", {}).content.decode()
    assert '<a href="#id_email">Enter your e-mail address.</a>' in html
    assert "Tick the box if you want to get these e-mails." in html
    assert Subscriber.objects.count() == 0


def test_subscribing_sends_one_mail_and_changes_nothing_else(client):
    topic = TopicFactory()
    response = subscribe(client, topics=[topic.pk])
    assert (response.status_code, response["Location"]) == (302, "/updates/check-your-mail/")
    subscriber = Subscriber.objects.get()
    assert (subscriber.email, subscriber.confirmed_at) == ("a@hospital.example", None)
    assert (Consent.objects.count(), TopicSubscription.objects.count()) == (0, 0)
    delivery = Delivery.objects.get()
    assert (delivery.mailing.stream, delivery.priority) == ("subscribing", 0)
    assert client.get(response["Location"]).status_code == 200


def test_the_answer_is_the_same_for_an_address_that_we_know(client):
    known = SubscriberFactory(email="known@hospital.example")
    answers = [subscribe(client, email) for email in ("new@hospital.example", known.email)]
    assert answers[0].headers == answers[1].headers
    assert answers[0].content == answers[1].content
    assert Mailing.objects.latest("pk").subject == "You are subscribed to Lymphoma Education Hub"


def test_the_outbox_holds_no_link_to_somebodys_choices(client, smtp_sink):
    known = SubscriberFactory()
    subscribe(client, known.email)
    mailing = Mailing.objects.get()
    assert "/updates/" not in mailing.html + mailing.text
    assert deliver_everything_due() == 1
    (mail,) = smtp_sink.received
    for content in (mail.html, mail.text):
        assert preferences_url(known) in content
        assert "[[" not in content


def test_nobody_changes_what_somebody_else_has_chosen(client):
    known = SubscriberFactory()
    topic = TopicFactory()
    subscribe(client, known.email.upper(), topics=[topic.pk])
    assert TopicSubscription.objects.count() == 0
    assert Subscriber.objects.count() == 1


def test_nobody_can_fill_somebody_elses_mailbox(client):
    begin = timezone.now()
    for minutes in (0, 1, 9, 11, 22, 33, 24 * 60):
        with time_machine.travel(begin + datetime.timedelta(minutes=minutes), tick=False):
            response = subscribe(
                client, "A@hospital.example" if minutes % 2 else "a@hospital.example"
            )
            assert response["Location"] == "/updates/check-your-mail/"
    planned = Delivery.objects.order_by("pk").values_list("created_at", flat=True)
    minutes = [round((at - begin).total_seconds() / 60) for at in planned]
    assert minutes == [0, 11, 22, 24 * 60]


@pytest.mark.parametrize(
    "email",
    [
        "no address",
        "a@b.example\r\nBcc: c@d.example",
        "a\nb@c.example",
        "a b@c.example",
        '"a b"@c.example',
        "@c.example",
        "ü@c.example",
        "a@faß.example",
        "a@" + "b" * 250 + ".example",
    ],
)
def test_addresses_that_are_refused_with_a_word(client, email):
    response = subscribe(client, email)
    assert response.status_code == 200
    assert "There is a problem" in response.content.decode()
    assert Subscriber.objects.count() == 0


def test_nul_is_refused(client):
    assert subscribe(client, "a\x00@b.example").status_code == 400


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (" a@Hospital.Example\r\n", "a@hospital.example"),
        ("a@kärnten.example", "a@xn--krnten-bua.example"),
        ("a+b@xn--fa-hia.example", "a+b@xn--fa-hia.example"),
    ],
)
def test_addresses_are_stored_in_ascii(client, typed, stored):
    subscribe(client, typed)
    assert Subscriber.objects.get().email == stored


@pytest.mark.parametrize("topic", ["999", "9" * 5000, "x", "-1", "1.5"])
def test_a_topic_that_does_not_exist_is_refused(client, topic):
    assert subscribe(client, topics=[topic]).status_code == 200
    assert Subscriber.objects.count() == 0


def test_the_form_is_protected_against_forms_elsewhere():
    assert subscribe(Client(enforce_csrf_checks=True)).status_code == 403


# --- confirming -----------------------------------------------------------------------------------


def test_only_the_button_confirms(client):
    topic = TopicFactory(name="Lymphoma")
    subscribe(client, topics=[topic.pk])
    address = link_in_the_mail()
    page = client.get(address)
    assert "Lymphoma" in page.content.decode()
    client.head(address)
    assert (Consent.objects.count(), Subscriber.objects.get().confirmed_at) == (0, None)
    assert "You are subscribed" in client.post(address, CONFIRM).content.decode()
    subscriber = Subscriber.objects.get()
    assert subscriber.confirmed_at is not None
    assert subscriber.consents_to(STREAM)
    consent = subscriber.consents.get()
    assert consent.wording == str(ARTICLE_UPDATES_WORDING)
    assert TopicSubscription.objects.get().topic == topic


def test_confirming_twice_is_one_consent(client):
    subscribe(client)
    answers = [client.post(link_in_the_mail(), CONFIRM).content for _ in range(2)]
    assert answers[0] == answers[1]
    assert Consent.objects.count() == 1


@pytest.mark.parametrize(
    ("reason", "remains"), [("bounce", False), ("complaint", False), ("request", True)]
)
def test_a_confirmation_ends_an_earlier_bounce_but_not_a_request(client, reason, remains):
    Suppression.objects.create(address="A@hospital.example", reason=reason)
    Suppression.objects.create(address="b@hospital.example", reason=reason)
    subscribe(client)
    client.post(link_in_the_mail(), CONFIRM)
    left = set(Suppression.objects.values_list("address", flat=True))
    assert left == {"b@hospital.example"} | ({"A@hospital.example"} if remains else set())


def test_a_confirmation_link_expires(client):
    url = path_of(confirmation_url(SubscriberFactory(consent=False), []))
    with time_machine.travel(timezone.now() + datetime.timedelta(days=7, minutes=1)):
        assert client.get(url).status_code == 410
        assert client.post(url, CONFIRM).status_code == 410
    assert Consent.objects.count() == 0


# --- choosing -------------------------------------------------------------------------------------


def test_choosing_topics(client):
    subscriber = SubscriberFactory()
    first, second, third = TopicFactory.create_batch(3)
    TopicSubscription.objects.create(subscriber=subscriber, topic=first)
    url = path_of(preferences_url(subscriber))
    topics = r'<input[^>]*name="topics"[^>]* checked'
    assert len(re.findall(topics, client.get(url).content.decode())) == 1
    response = client.post(url, {"topics": [second.pk, third.pk]})
    assert "Your choice applies" in response.content.decode()
    chosen = TopicSubscription.objects.values_list("topic", flat=True)
    assert set(chosen) == {second.pk, third.pk}
    client.post(url)
    assert TopicSubscription.objects.count() == 0
    assert client.post(url, {"topics": ["9" * 5000]}).status_code == 200


def test_the_preferences_cost_the_same_for_one_and_for_three(client, django_assert_num_queries):
    subscriber = SubscriberFactory()
    url = path_of(preferences_url(subscriber))
    for topics in (1, 2):
        for topic in TopicFactory.create_batch(topics):
            TopicSubscription.objects.create(subscriber=subscriber, topic=topic)
        memory.forget()
        client.get(url)
        with django_assert_num_queries(4):
            client.get(url)


# --- leaving --------------------------------------------------------------------------------------


def test_a_scanner_that_opens_the_link_unsubscribes_nobody(client):
    subscriber = SubscriberFactory()
    url = path_of(unsubscribe_url(subscriber))
    assert "…@hospital.example" in client.get(url).content.decode()
    client.head(url)
    assert subscriber.consents_to(STREAM)


@pytest.mark.parametrize("body", [{"List-Unsubscribe": "One-Click"}, {}], ids=["one click", "page"])
def test_leaving_needs_neither_cookie_nor_token_and_may_be_repeated(body):
    subscriber = SubscriberFactory()
    url = path_of(unsubscribe_url(subscriber))
    client = Client(enforce_csrf_checks=True)
    answers = [client.post(url, body, headers={"origin": "null"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert not subscriber.consents_to(STREAM)
    assert [consent.is_granted for consent in subscriber.consents.all()] == [False, True]
    assert client.cookies == {}


def test_who_has_left_is_asked_to_confirm_when_coming_back(client):
    subscriber = SubscriberFactory()
    client.post(path_of(unsubscribe_url(subscriber)))
    assert (
        "You are not subscribed"
        in client.get(path_of(preferences_url(subscriber))).content.decode()
    )
    subscribe(client, subscriber.email)
    client.post(link_in_the_mail(), CONFIRM)
    assert subscriber.consents_to(STREAM)


# --- links ----------------------------------------------------------------------------------------


PAGES = ["confirm_subscription", "preferences", "unsubscribe"]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    "token", ["guess", "a.b", "a.b.c", "%2e", "ä", "x" * 3000, "0" * 32 + ".x"]
)
def test_a_guessed_link_leads_nowhere(client, name, method, token):
    SubscriberFactory()
    response = getattr(client, method)(f"/updates/{PATHS[name]}/{token}/")
    assert response.status_code == 404


PATHS = {
    "confirm_subscription": "confirm",
    "preferences": "preferences",
    "unsubscribe": "unsubscribe",
}


@pytest.mark.parametrize("name", PAGES)
def test_a_link_for_one_purpose_serves_no_other(client, name):
    subscriber = SubscriberFactory()
    urls = {
        "confirm_subscription": confirmation_url(subscriber, []),
        "preferences": preferences_url(subscriber),
        "unsubscribe": unsubscribe_url(subscriber),
    }
    tokens = {purpose: url.rstrip("/").rpartition("/")[2] for purpose, url in urls.items()}
    for purpose, token in tokens.items():
        expected = 200 if purpose == name else 404
        assert client.get(reverse(name, args=[token])).status_code == expected
    forged = Signer(key="another key", salt="portal.updates." + PATHS[name], sep=".")
    forged_token = forged.sign(subscriber.public_id.hex)
    assert client.get(reverse(name, args=[forged_token])).status_code == 404


@pytest.mark.parametrize(
    "make", [preferences_url, unsubscribe_url, lambda s: confirmation_url(s, [])]
)
def test_pages_with_a_secret_address_are_kept_nowhere(client, make):
    response = client.get(path_of(make(SubscriberFactory())))
    assert response["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response["Cache-Control"]
    assert response["X-Robots-Tag"] == "noindex"
    assert client.put(path_of(make(Subscriber.objects.get()))).status_code == 405


def test_a_consent_is_recorded_once_per_word():
    subscriber = SubscriberFactory()
    again = record_consent(subscriber=subscriber, stream=STREAM, is_granted=True, wording="x")
    assert again is None
    consent = subscriber.consents.get()
    assert consent.wording_hash == hashlib.sha256(consent.wording.encode()).hexdigest()
