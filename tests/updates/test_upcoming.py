"""What will go out when, and what an article's e-mail will look like, as the desk says it."""

import datetime
import re

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from articles.services import publish_article, schedule_article
from portal.mail.models import Delivery, Mailing, Suppression
from portal.mail.services import record_consent
from portal.updates.models import TopicSubscription, UpdateFrequency
from portal.updates.streams import ARTICLE_UPDATES
from tests.factories import (
    SubscriberFactory,
    TopicFactory,
    UserFactory,
    approved_article,
    published_article,
)
from tests.mail.planning import plan

from .upcoming import UPCOMING, words

pytestmark = pytest.mark.django_db


def reader(frequency="", time_zone="", weekday=1):
    subscriber = SubscriberFactory(time_zone=time_zone)
    if frequency:
        UpdateFrequency.objects.create(subscriber=subscriber, frequency=frequency, weekday=weekday)
    return subscriber


def preview_of(client, article, view="preview"):
    return client.get(reverse(f"admin:mail_mailing_{view}", args=["article", article.pk]))


def scheduled(**fields):
    article = approved_article(**fields)
    schedule_article(
        article=article, user=None, scheduled_for=timezone.now() + datetime.timedelta(hours=2)
    )
    return article


def interest(*subscribers):
    """Have ``subscribers`` wait for a topic that no article has."""
    topic = TopicFactory()
    for subscriber in subscribers:
        TopicSubscription.objects.create(subscriber=subscriber, topic=topic)


# --- scheduled articles ---------------------------------------------------------------------------


def test_a_scheduled_article_says_how_many_will_be_told_at_once_and_by_digest(editor):
    for _number in range(3):
        reader()
    reader("daily")
    reader("weekly")
    interest(reader(), reader("daily"))
    Suppression.objects.create(address=reader().email, reason="request")
    left = reader()
    record_consent(subscriber=left, stream=ARTICLE_UPDATES.key, is_granted=False, wording="Left.")
    article = scheduled(title="Ten years of registries")
    at = timezone.localtime(article.scheduled_for)
    page = words(editor.get(UPCOMING))
    assert f"Ten years of registries {at.day} {at:%b %Y, %H:%M} 3 2" in page
    assert left.email not in page


def test_what_it_says_is_what_is_planned(editor):
    for frequency in ("", "", "daily"):
        reader(frequency)
    article = approved_article()
    said = words(preview_of(editor, article))
    assert "If the article were published now, 2 readers would get this e-mail at once." in said
    assert "1 reader would find the article in a daily or weekly e-mail." in said
    publish_article(article=article, user=None)
    assert Mailing.objects.get().candidate_count == 2


# --- digests --------------------------------------------------------------------------------------


# A Wednesday, 12:00 in London, 21:00 in Tokyo, 07:00 in New York.
@time_machine.travel("2026-01-14T12:00:00Z", tick=False)
def test_the_next_digests_stand_by_time_zone(editor):
    reader("daily", "Europe/London")
    reader("weekly", "Europe/London", weekday=4)
    reader("weekly", "Europe/London", weekday=5)
    reader("daily", "Asia/Tokyo")
    reader("daily", "Asia/Tokyo")
    reader("", "America/New_York")
    page = words(editor.get(UPCOMING))
    assert "Asia/Tokyo Thu 15 Jan, 07:00 Wed 14 Jan, 22:00 2 0" in page
    assert "Europe/London Thu 15 Jan, 07:00 Thu 15 Jan, 07:00 1 1" in page
    assert page.index("Asia/Tokyo") < page.index("Europe/London")
    assert "America/New_York" not in page


# --- mailings -------------------------------------------------------------------------------------


def test_mailings_stand_by_state_and_cost_the_same(editor, django_assert_num_queries):
    reader()
    plan(key="article:1", subject="One")
    editor.get(UPCOMING)
    with django_assert_num_queries(10):
        editor.get(UPCOMING)
    for number, name in enumerate(("Two", "Three", "Four", "Five", "Six"), 2):
        plan(key=f"article:{number}", subject=name)
    now = timezone.now()
    Mailing.objects.filter(subject="Two").update(approved_at=None)
    Mailing.objects.filter(subject="Three").update(paused_at=now)
    Mailing.objects.filter(subject="Four").update(cancelled_at=now)
    Delivery.objects.filter(mailing__subject="Five").update(
        state="sent", attempts=1, started_at=now, finished_at=now
    )
    with django_assert_num_queries(10):
        page = words(editor.get(UPCOMING))
    waiting, running, paused = (
        page.index(word) for word in ("Waiting for approval", "Running", "Paused")
    )
    assert waiting < page.index("Two") < running < page.index("One") < paused
    assert running < page.index("Six") < paused < page.index("Three")
    assert "Four" not in page
    assert "Five" not in page


def test_where_nothing_is_planned_the_page_says_so(editor):
    page = words(editor.get(UPCOMING))
    assert "No article is scheduled." in page
    assert "Nobody has asked for daily or weekly e-mails." in page
    assert "Nothing is being sent." in page


def test_the_page_is_for_editors_and_staff():
    for group, status in (("Staff", 200), ("Medical reviewers", 403)):
        client = Client()
        client.force_login(UserFactory(group=group))
        assert client.get(UPCOMING).status_code == status


# --- the preview of an article's e-mail -----------------------------------------------------------


def test_the_article_form_leads_to_the_preview_until_it_is_published(editor):
    article = approved_article()
    address = reverse("admin:mail_mailing_preview", args=["article", article.pk])
    form = reverse("admin:articles_article_change", args=[article.pk])
    assert address in editor.get(form).text
    assert preview_of(editor, article).status_code == 200
    publish_article(article=article, user=None)
    assert address not in editor.get(form).text
    assert preview_of(editor, article).status_code == 404


def test_the_preview_is_what_subscribers_get(editor):
    subscriber = reader()
    article = approved_article(title="Ten years of [[unsubscribe_url]] registries")
    frame = preview_of(editor, article, "frame").text
    publish_article(article=article, user=None)
    mailing = Mailing.objects.get()
    for text in (frame, preview_of(editor, article, "preview").text):
        assert f"/{subscriber.public_id.hex}" not in text
    # But for the links, word for word what is sent.
    gap = re.compile(r'\[\[\w+_url\]\]|http[^"\s<]*/#[\w-]+')
    funding = re.compile(r"\[\[funding\]\]")
    sent = gap.sub("LINK", mailing.html)
    before, after = funding.split(sent)
    shown = gap.sub("LINK", frame)
    assert shown.startswith(before)
    assert shown.endswith(after)


def test_nothing_is_planned_by_looking(editor):
    reader()
    preview_of(editor, approved_article())
    assert not Mailing.objects.exists()
    assert not Delivery.objects.exists()


def test_staff_preview_mailings_but_reviewers_no_article(editor):
    article = approved_article()
    client = Client()
    client.force_login(UserFactory(group="Medical reviewers"))
    assert preview_of(client, article).status_code == 403


def test_a_published_article_promises_nothing(editor):
    reader()
    article = published_article()
    assert preview_of(editor, article, "frame").status_code == 404
