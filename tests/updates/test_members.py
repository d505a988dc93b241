"""Subscribing with an account, at its own address and at others."""

import datetime

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.mail.models import Consent, Delivery, Subscriber, Suppression
from portal.updates.choices import manner_of
from portal.updates.models import UpdateFrequency
from portal.updates.streams import ARTICLE_UPDATES_WORDING
from portal.updates.tokens import preferences_url
from tests.factories import SubscriberFactory, UserFactory

from .choosing import (
    CONFIRM,
    STREAM,
    WEEKLY,
    link_in_the_mail,
    path_of,
    subscribe,
)

pytestmark = pytest.mark.django_db


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
