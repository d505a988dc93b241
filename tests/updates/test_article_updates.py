"""From publishing an article to the mail about it."""

import datetime
import re
from email import message_from_bytes
from email.policy import SMTP

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from articles.services import withdraw_article
from portal.core.content_cache import memory
from portal.core.models import SiteSettings
from portal.mail.message import ComposedMailing
from portal.mail.models import Delivery, MailedItem, Mailing, Subscriber, Suppression
from portal.updates.announcements import announce_article, interested_in
from portal.updates.models import TopicSubscription
from portal.updates.streams import ARTICLE_UPDATES
from tests.factories import (
    AgreementFactory,
    PublishableArticleFactory,
    SubscriberFactory,
    TopicFactory,
    UserFactory,
    publish,
    published_article,
)
from tests.fixtures_mail import wait_until

pytestmark = pytest.mark.django_db


def subscriber_of(*topics):
    subscriber = SubscriberFactory()
    for topic in topics:
        TopicSubscription.objects.create(subscriber=subscriber, topic=topic)
    return subscriber


def test_publishing_plans_one_mail_for_each_subscriber():
    subscribers = SubscriberFactory.create_batch(3)
    article = published_article(title="Late failure & after")
    mailing = Mailing.objects.get()
    assert mailing.key == f"article:{article.pk}:en-gb"
    assert mailing.subject == "New article: Late failure & after"
    assert mailing.candidate_count == 3
    assert set(mailing.deliveries.values_list("subscriber", "state")) == {
        (subscriber.pk, "pending") for subscriber in subscribers
    }
    assert mailing.deadline_at - timezone.now() > datetime.timedelta(days=2, hours=23)


def test_a_withdrawn_article_is_announced_to_nobody_else():
    SubscriberFactory()
    article, other = published_article(), published_article()
    withdraw_article(article=article, user=None, reason="Wrong.")
    cancelled = {mailing.key: mailing.cancelled_at is not None for mailing in Mailing.objects.all()}
    assert cancelled == {f"article:{article.pk}:en-gb": True, f"article:{other.pk}:en-gb": False}


def test_a_new_version_of_an_article_is_no_news():
    SubscriberFactory()
    article = published_article()
    publish(article)
    assert (Mailing.objects.count(), Delivery.objects.count()) == (1, 1)


def test_only_who_chose_its_topics_or_broader_ones_or_none_is_told():
    lymphoma = TopicFactory()
    mantle_cell = TopicFactory(parent=lymphoma)
    other = TopicFactory()
    article = PublishableArticleFactory()
    article.topics.set([mantle_cell])
    told = {
        subscriber_of(),
        subscriber_of(mantle_cell),
        subscriber_of(lymphoma),
        subscriber_of(other, lymphoma),
    }
    subscriber_of(other)
    assert set(interested_in(article)) == told
    article.topics.set([lymphoma])
    assert subscriber_of(mantle_cell) not in interested_in(article)


def test_the_number_of_queries_does_not_grow():
    counts = []
    for number in (1, 2):
        SubscriberFactory.create_batch(number)
        article = published_article()
        Mailing.objects.update(key=F("pk"))
        MailedItem.objects.all().delete()
        memory.forget()
        with CaptureQueriesContext(connection) as queries:
            (mailing,) = announce_article(article=article, version=article.published_version)
        counts.append(len(queries))
        assert mailing.candidate_count == Subscriber.objects.count()
    assert counts[0] == counts[1]


def test_the_mail_holds_what_is_public_and_nothing_else():
    SiteSettings.objects.create(
        name="The Hub", publisher_name="Publisher Ltd", postal_address="1 Street\nTown"
    )
    SubscriberFactory()
    article = published_article(title="A <b>title</b>", summary="A summary & more.")
    mailing = Mailing.objects.get()
    for content in (mailing.html, mailing.text):
        assert "Interpret a hazard ratio." in content
        assert content.count("[[funding]]") == 1
        assert f"http://testserver/articles/{article.slug}/" in content
        assert "1 minute to read" in content
        assert "Publisher Ltd" in content
        assert "1 Street\nTown" in content
        assert "because you subscribed to updates from The Hub" in content
        assert content.count("[[unsubscribe_url]]") == 1
        assert content.count("[[preferences_url]]") == 1
        assert "The body of it" not in content
        assert "Halpern" not in content
    assert "A <b>title</b>" in mailing.text
    assert "A summary & more." in mailing.text
    assert "A &lt;b&gt;title&lt;/b&gt;" in mailing.html
    assert "A summary &amp; more." in mailing.html


def test_each_mail_says_who_funds_the_site_when_it_is_sent(settings, django_assert_num_queries):
    settings.CONTENT_STAMP_SECONDS = 0
    SubscriberFactory.create_batch(2)
    published_article()
    mailing = Mailing.objects.get()
    first, second = mailing.deliveries.select_related("subscriber")
    composed = ComposedMailing(mailing, ARTICLE_UPDATES)
    agreement = AgreementFactory(funder__name="Helvion <AG> [[unsubscribe_url]]")
    message = message_from_bytes(composed.for_delivery(first), policy=SMTP)
    text, html = (part.get_content() for part in message.iter_parts())
    assert "sponsored by Helvion <AG> [[unsubscribe_url]]." in text
    assert "sponsored by Helvion &lt;AG&gt; [[unsubscribe_url]]." in html
    assert "Funders have no influence on our content." in text
    agreement.delete()
    assert b"Helvion" not in composed.for_delivery(second)
    settings.CONTENT_STAMP_SECONDS = 60
    composed.for_delivery(second)
    with django_assert_num_queries(0):
        composed.for_delivery(second)


def test_the_mail_cites_nothing():
    SubscriberFactory()
    article = PublishableArticleFactory(summary="It works[@halpern], they say [@halpern].")
    article.objectives.update(text="Interpret a hazard ratio[@halpern].")
    publish(article)
    mailing = Mailing.objects.get()
    assert "It works, they say." in mailing.text
    assert "- Interpret a hazard ratio." in mailing.text
    assert "[@" not in mailing.text + mailing.html


def test_the_html_is_fit_for_mail_programs():
    SubscriberFactory()
    published_article()
    html = Mailing.objects.get().html
    assert len(html.encode()) < 100_000
    assert '<html lang="en-gb" dir="ltr">' in html
    assert re.findall(r"<table(.*?)>", html) == re.findall(
        r"<table(.*?role=\"presentation\".*?)>", html
    )
    assert html.count("<h1") == 1
    assert "prefers-color-scheme: dark" in html
    assert re.search(r'<h1 style="[^"]*font-size: 26px', html)
    for forbidden in ("<img", "<script", "<link", "src=", "@import", "url("):
        assert forbidden not in html
    addresses = set(re.findall(r'href="([^"]*)"', html))
    own = {address for address in addresses if address.startswith("http://testserver/")}
    assert addresses - own == {
        "[[unsubscribe_url]]",
        "[[preferences_url]]",
        "[[view_url]]",
    }


@pytest.mark.parametrize("is_demo", [True, False])
def test_the_mail_says_what_is_a_demonstration(is_demo):
    SubscriberFactory()
    published_article(is_demo=is_demo)
    mailing = Mailing.objects.get()
    assert ("Demonstration content" in mailing.html) is is_demo
    assert ("New article (demonstration content)\n" in mailing.text) is is_demo


def test_a_bounced_address_is_not_written_to():
    subscriber = SubscriberFactory()
    Suppression.objects.create(address=subscriber.email, reason="bounce")
    published_article()
    mailing = Mailing.objects.get()
    assert (mailing.candidate_count, mailing.excluded_count) == (0, 1)


def test_the_subscribe_box_costs_no_query(django_assert_num_queries):
    from django.template import Context, Template

    with django_assert_num_queries(0):
        html = Template("{% load updates %}{% subscribe_box %}").render(Context())
    assert 'href="/updates/"' in html


@pytest.mark.django_db(transaction=True)
def test_from_subscribing_to_unsubscribing(smtp_sink, celery_worker):
    """The whole way, with a real worker and a real mail server."""
    browser = Client()
    browser.post("/updates/", {"email": "reader@hospital.example", "consent": "on"})
    wait_until(lambda: len(smtp_sink.received) == 1, 15, "the confirmation mail")
    (link,) = re.findall(r"http://testserver(/updates/confirm/\S+)", smtp_sink.received[0].text)
    assert browser.post(link, {"confirm": "yes"}).status_code == 200

    article = published_article(title="Late failure")
    wait_until(lambda: len(smtp_sink.received) == 2, 15, "the update")
    update = smtp_sink.received[1]
    assert update.recipients == ["reader@hospital.example"]
    assert update.message["Subject"] == "New article: Late failure"
    assert f"/articles/{article.slug}/" in update.text

    (one_click,) = re.findall(r"<http://testserver(\S+?)>", update.message["List-Unsubscribe"])
    # As a mail provider does it: without cookies, from elsewhere.
    provider = Client(enforce_csrf_checks=True)
    assert provider.post(one_click, {"List-Unsubscribe": "One-Click"}).status_code == 200
    published_article(title="Not for me")
    assert Mailing.objects.latest("pk").candidate_count == 0
    assert len(smtp_sink.received) == 2


# --- the desk -------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["mailing", "delivery", "subscriber", "suppression"])
def test_staff_see_the_lists_at_a_constant_cost(client, model):
    staff = UserFactory(group="Staff")
    client.force_login(staff)
    url = reverse(f"admin:mail_{model}_changelist")
    counts = []
    for number in (1, 2):
        for _ in range(number):
            Suppression.objects.create(
                address=SubscriberFactory().email, reason="request", expires_at=timezone.now()
            )
            published_article()
        memory.forget()
        client.get(url)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_desk_shows_sums_that_add_up_and_lets_nobody_write(client):
    client.force_login(UserFactory(group="Staff"))
    SubscriberFactory.create_batch(2)
    published_article()
    mailing = Mailing.objects.get()
    mailing.deliveries.filter(pk=mailing.deliveries.first().pk).update(
        state="sent", attempts=1, started_at=timezone.now(), finished_at=timezone.now()
    )
    html = client.get(reverse("admin:mail_mailing_changelist")).content.decode()
    cells = {
        name: int(re.search(rf'<td class="field-{name}">(\d+)</td>', html)[1])
        for name in ("recipients", "open", "sent", "failed", "skipped", "unknown")
    }
    assert cells == {
        "recipients": 2,
        "open": 1,
        "sent": 1,
        "failed": 0,
        "skipped": 0,
        "unknown": 0,
    }
    for name, pk in (("mailing", mailing.pk), ("delivery", mailing.deliveries.first().pk)):
        change = reverse(f"admin:mail_{name}_change", args=[pk])
        assert client.get(change).status_code == 200
        assert client.post(change, {}).status_code == 403
        assert client.post(reverse(f"admin:mail_{name}_delete", args=[pk])).status_code == 403
        assert client.get(reverse(f"admin:mail_{name}_add")).status_code == 403
