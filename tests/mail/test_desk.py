"""Mail as the desk shows it: in words, not in keys."""

import re

import pytest
from django.urls import reverse

from portal.mail.models import Consent, Mailing, Subscriber
from tests.factories import SubscriberFactory, UserFactory

from .planning import STREAM, leave, plan

pytestmark = pytest.mark.django_db

MAILINGS = "admin:mail_mailing_changelist"


@pytest.fixture
def staff(client):
    client.force_login(UserFactory(group="Staff"))
    return client


@pytest.fixture
def subscriber():
    return SubscriberFactory()


def words(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_lists_and_filters_name_streams_and_languages(staff, subscriber):
    plan()
    page = words(staff.get(reverse(MAILINGS)))
    assert "Article updates" in page
    assert "Account and confirmation" in page  # a filter offers every stream that there is
    assert "English" in page
    assert STREAM not in page
    assert "en-gb" not in page
    deliveries = words(staff.get(reverse("admin:mail_delivery_changelist")))
    assert "Article updates" in deliveries
    assert "No longer wanted" in deliveries
    assert STREAM not in deliveries


@pytest.mark.parametrize(("stream", "rows"), [(STREAM, 1), ("transactional", 0)])
def test_mailings_and_deliveries_are_filtered_by_stream(staff, subscriber, stream, rows):
    plan()
    mailings = staff.get(reverse(MAILINGS), {"stream__exact": stream})
    assert mailings.context["cl"].result_count == rows
    deliveries = staff.get(
        reverse("admin:mail_delivery_changelist"), {"mailing__stream__exact": stream}
    )
    assert deliveries.context["cl"].result_count == rows


def test_a_stream_that_is_gone_has_no_name(staff, subscriber):
    plan()
    Mailing.objects.update(stream="no_longer_there")
    assert "New article \N{EN DASH} " in words(staff.get(reverse(MAILINGS)))


def test_a_subscriber_shows_what_was_said_in_words(client, subscriber):
    leave(subscriber)
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = words(client.get(reverse("admin:mail_subscriber_change", args=[subscriber.pk])))
    assert "Article updates" in page
    assert "No longer wanted" in page
    assert STREAM not in page
    first, second = Consent.objects.order_by("pk")
    assert str(first).startswith("Article updates: Wanted (")
    assert str(second).startswith("Article updates: No longer wanted (")


def test_what_is_empty_is_a_dash_and_times_have_24_hours(staff, subscriber):
    Subscriber.objects.update(created_at="2026-01-15T14:05:00Z", confirmed_at=None)
    page = words(staff.get(reverse("admin:mail_subscriber_changelist")))
    assert f"{subscriber.email} English 15 Jan 2026, 14:05 \N{EN DASH}" in page
