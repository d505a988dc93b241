"""A mail as a page: for everybody who got it, with nobody's own links, and no body at the gate."""

import datetime
import re

import pytest
import time_machine
from django.core.signing import Signer
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from articles.services import withdraw_article
from portal.attestation.models import current_statement
from portal.mail.message import ComposedMailing
from portal.mail.models import Mailing
from portal.updates.digests import plan_due_digests
from portal.updates.models import UpdateFrequency
from portal.updates.services import request_subscription
from portal.updates.streams import ARTICLE_UPDATES
from portal.updates.web_copies import web_copy_url
from tests.factories import (
    AgreementFactory,
    PublishableArticleFactory,
    SubscriberFactory,
    publish,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailing():
    SubscriberFactory()
    article = PublishableArticleFactory(title="Late <failure>", summary="A summary.")
    article.sections.create(
        position=3,
        kind="key_learning",
        body="<ul><li>Watch the <strong>curve</strong>. [@halpern]</li></ul>",
    )
    publish(article)
    return Mailing.objects.get()


@pytest.fixture
def attested():
    client = Client()
    form = {"is_healthcare_professional": "on", "statement": current_statement().number}
    client.post(reverse("gate"), form)
    return client


def path(mailing):
    return web_copy_url(mailing).removeprefix("http://testserver")


def test_the_link_in_each_mail_opens_the_same_page(client, mailing):
    SubscriberFactory()
    delivery = mailing.deliveries.select_related("subscriber").get()
    message = ComposedMailing(mailing, ARTICLE_UPDATES).for_delivery(delivery)
    text = message.replace(b"=\r\n", b"").decode()
    links = set(re.findall(r"http://testserver(/updates/view/[^/]+/)", text))
    assert links == {path(mailing)}
    html = client.get(path(mailing)).content.decode()
    assert "Late &lt;failure&gt;" in html
    assert "A summary." in html
    assert "No company funds it at present." in html


def test_the_page_has_no_link_of_anybody(client, mailing):
    html = client.get(path(mailing)).content.decode()
    assert "[[" not in html
    own = {"/", "/updates/", path(mailing), "/articles/"}
    for address in re.findall(r'href="http://testserver([^"]*)"', html):
        assert address in own or address.startswith("/articles/")
    assert mailing.deliveries.get().subscriber.public_id.hex not in html


def test_who_has_not_attested_sees_nothing_of_the_body(client, attested, mailing):
    learnt = "Watch the <strong>curve</strong>."
    assert learnt in mailing.html
    assert learnt in attested.get(path(mailing)).content.decode()
    html = client.get(path(mailing)).content.decode()
    assert "curve" not in html
    assert "Key learning" not in html
    assert "Interpret a hazard ratio." in html


def test_the_page_is_stored_and_indexed_nowhere(client, mailing):
    response = client.get(path(mailing))
    for word in ("private", "no-store"):
        assert word in response["Cache-Control"]
    assert response["X-Robots-Tag"] == "noindex"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Content-Language"] == "en-gb"
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'none'" in policy
    assert "connect-src 'none'" in policy
    assert not response.cookies


def test_looking_changes_nothing_and_nothing_else_is_possible(client, mailing):
    assert client.head(path(mailing)).status_code == 200
    assert client.post(path(mailing)).status_code == 405


def test_what_was_corrected_or_withdrawn_is_not_shown_any_more(client, mailing):
    article_pk = mailing.key.split(":")[1]
    article = PublishableArticleFactory._meta.model.objects.get(pk=article_pk)
    withdraw_article(article=article, user=None, reason="Made up.")
    response = client.get(path(mailing))
    assert response.status_code == 410
    assert b"Late" not in response.content
    assert b"out of date" in response.content
    # A page of the site, with the site's own styles.
    assert "style-src 'self'" in response["Content-Security-Policy"]
    assert response["X-Robots-Tag"] == "noindex"


def test_the_funding_is_that_of_today(client, settings, mailing):
    settings.CONTENT_STAMP_SECONDS = 0
    AgreementFactory(funder__name="Helvion <AG> [[unsubscribe_url]]")
    html = client.get(path(mailing)).content.decode()
    assert "sponsored by Helvion &lt;AG&gt; [[unsubscribe_url]]." in html


def test_personal_mail_has_no_copy(client, rf):
    request_subscription(email="reader@hospital.example", topic_ids=[])
    mailing = Mailing.objects.get(stream="subscribing")
    assert "[[view_url]]" not in mailing.html
    assert client.get(path(mailing)).status_code == 404


def test_a_guess_opens_nothing(client, mailing):
    forged = Signer(salt="portal.updates.preferences", sep=".").sign(mailing.public_id.hex)
    for token in (mailing.public_id.hex, f"{mailing.public_id.hex}.x", forged, "x.y"):
        assert client.get(reverse("web_copy", args=[token])).status_code == 404


def test_it_costs_one_query(client, mailing, django_assert_num_queries):
    client.get(path(mailing))
    with django_assert_num_queries(1):
        client.get(path(mailing))


def test_a_cancelled_mailing_of_no_article_is_gone_too(client, mailing):
    Mailing.objects.update(cancelled_at=timezone.now())
    assert client.get(path(mailing)).status_code == 410


def test_a_mailing_of_a_stream_that_is_no_more_is_unknown(client, mailing):
    Mailing.objects.update(stream="events")
    assert client.get(path(mailing)).status_code == 404


def test_a_digest_tells_no_more_of_what_was_withdrawn_since(client):
    subscriber = SubscriberFactory()
    UpdateFrequency.objects.create(subscriber=subscriber, frequency="daily")
    wrong = PublishableArticleFactory(title="Doses", summary="Ten milligrams.")
    for article in (wrong, PublishableArticleFactory(title="Scales", summary="Grade two.")):
        publish(article)
    noon = timezone.now().replace(hour=12) + datetime.timedelta(days=1)
    with time_machine.travel(noon):
        assert plan_due_digests() == 1
        digest = Mailing.objects.get(key__startswith="digest:")
        html = client.get(path(digest)).content.decode()
        assert "Ten milligrams." in html
        assert "withdrawn" not in html
        # Sent, so it is not taken back.
        now = timezone.now()
        digest.deliveries.update(state="sent", attempts=1, started_at=now, finished_at=now)
        withdraw_article(article=wrong, user=None, reason="Made up.")
        html = client.get(path(digest)).content.decode()
    assert "Ten milligrams." not in html
    assert "Doses" in html
    assert "This article was withdrawn on" in html
    assert "Grade two." in html
