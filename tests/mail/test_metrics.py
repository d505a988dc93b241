"""What is measured of the outbox, who may read it, and what the desk is warned of."""

import datetime
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal.mail.control import pause_all, pause_mailing, resume_all
from portal.mail.metrics import Waiting, is_late, measure
from portal.mail.models import Delivery, Mailing, Subscriber
from portal.mail.outbox import claim_deliveries
from portal.mail.worker import deliver_everything_due, sign_of_life
from tests.factories import SubscriberFactory, UserFactory
from tests.fixtures_mail import wait_until
from tests.mail.planning import plan

pytestmark = pytest.mark.django_db

TOKEN = "for-tests-only-and-long-enough-for-it"
METRICS = "mail_metrics"


def age(mailing, **length):
    then = timezone.now() - datetime.timedelta(**length)
    mailing.deliveries.update(next_attempt_at=then)
    Mailing.objects.filter(pk=mailing.pk, approved_at__isnull=False).update(approved_at=then)


@pytest.fixture
def mailing():
    SubscriberFactory.create_batch(3)
    return plan()


# --- figures --------------------------------------------------------------------------------------


def test_of_nothing():
    figures = measure()
    assert figures.waiting == dict.fromkeys((0, 1), Waiting(0, 0, 0, 0, None))
    assert (figures.unknown, figures.sent_last_hour, figures.workers) == (0, 0, 0)
    assert not figures.is_paused


def test_the_oldest_that_is_due(mailing):
    age(mailing, minutes=5)
    later = plan("article:2")
    later.deliveries.update(next_attempt_at=timezone.now() + datetime.timedelta(hours=1))
    figures = measure().waiting[1]
    assert 300 <= figures.oldest_due_seconds < 310
    assert figures.due == 3
    assert measure().waiting[0] == Waiting(0, 0, 0, 0, None)


@pytest.mark.parametrize("field", ["paused_at", "cancelled_at", "approved_at"])
def test_what_waits_for_a_person_is_not_due(mailing, field):
    value = None if field == "approved_at" else timezone.now()
    Mailing.objects.filter(pk=mailing.pk).update(**{field: value})
    age(mailing, days=1)
    assert measure().waiting[1] == Waiting(0, 0, 0, 0, None)


def test_mail_that_a_pause_of_all_holds_up_is_due(mailing):
    age(mailing, minutes=20)
    pause_all()
    assert measure().waiting[1].oldest_due_seconds >= 1200
    assert measure().is_paused


def test_sent_and_unknown(mailing, smtp_sink):
    deliver_everything_due()
    first, second, _third = mailing.deliveries.order_by("pk")
    Delivery.objects.filter(pk=first.pk).update(state="unknown")
    long_ago = timezone.now() - datetime.timedelta(minutes=61)
    Delivery.objects.filter(pk=second.pk).update(finished_at=long_ago)
    assert (measure().sent_last_hour, measure().unknown) == (1, 1)


def test_workers_that_live(mailing):
    with sign_of_life() as worker:
        claim_deliveries(worker=worker, limit=1)
        assert measure().workers == 1
    # The server ends the connection in its own time.
    wait_until(lambda: measure().workers == 0, 10, "the lock's release")
    assert Delivery.objects.filter(state="claimed").exists()


def test_the_cost_is_that_of_what_is_counted(mailing, django_assert_num_queries):
    with django_assert_num_queries(2):
        measure()


@pytest.fixture
def thousands_sent(db):
    """So many that PostgreSQL has a reason to choose among indexes, and knows it."""
    Subscriber.objects.bulk_create(SubscriberFactory.build_batch(3_000))
    mailing = plan(recipients=Subscriber.objects.all())
    now = timezone.now()
    mailing.deliveries.update(state="sent", started_at=now, finished_at=now, attempts=1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE mail_delivery")


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("state = 'unknown'", "mail_delivery_unknown"),
        (
            "state = 'sent' AND priority = 1 AND finished_at > now() + interval '1 minute'",
            "mail_delivery_sent",
        ),
        ("state IN ('pending', 'deferred') AND next_attempt_at <= now()", "mail_delivery_due"),
    ],
)
def test_each_count_has_an_index_of_its_own(thousands_sent, condition, index):
    """Of a million deliveries that are sent, none is looked at."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN SELECT count(*) FROM mail_delivery WHERE {condition}")
        assert index in "\n".join(line for (line,) in cursor.fetchall())


def test_where_some_was_sent_nothing_that_waits_is_read(thousands_sent):
    """A million that wait for a rate limit cost the desk's start page nothing."""
    half = Delivery.objects.order_by("pk")[:1500].values("pk")
    then = timezone.now() - datetime.timedelta(hours=1)
    Delivery.objects.filter(pk__in=half).update(
        state="pending", finished_at=None, next_attempt_at=then
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE mail_delivery")
        with CaptureQueriesContext(connection) as queries:
            assert not is_late()
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS OFF) " + queries[0]["sql"])
        plan_of_query = "\n".join(line for (line,) in cursor.fetchall())
    read = re.findall(r"mail_delivery.*actual .*?rows=(\d+)", plan_of_query)
    assert "never executed" in plan_of_query
    assert sum(map(int, read)) <= 2, plan_of_query


# --- /metrics/ ------------------------------------------------------------------------------------


def test_without_a_token_in_the_settings_there_is_no_page(client, settings):
    settings.METRICS_TOKEN = ""
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {TOKEN}"}):
        assert client.get(reverse(METRICS), headers=headers).status_code == 404


@pytest.mark.parametrize(
    "given", ["", TOKEN, "Bearer", "Bearer ", f"Basic {TOKEN}", "Bearer wrong", "Bearer wröng"]
)
def test_who_has_not_the_token_gets_nothing(client, settings, given):
    settings.METRICS_TOKEN = TOKEN
    response = client.get(reverse(METRICS), headers={"Authorization": given})
    assert (response.status_code, response.content) == (401, b"")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_prometheus_text_without_session_or_person(client, settings, mailing):
    settings.METRICS_TOKEN = TOKEN
    age(mailing, minutes=5)
    response = client.get(reverse(METRICS), headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 200
    assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "no-store" in response["Cache-Control"]
    assert response.cookies == {}
    lines = response.content.decode().splitlines()
    figures = dict(line.split() for line in lines if not line.startswith("#"))
    assert float(figures.pop('portal_mail_oldest_due_seconds{priority="1"}')) >= 300
    assert figures == {
        'portal_mail_oldest_due_seconds{priority="0"}': "0.0",
        'portal_mail_due{priority="0"}': "0",
        'portal_mail_due{priority="1"}': "3",
        'portal_mail_oldest_deferred_seconds{priority="0"}': "0.0",
        'portal_mail_oldest_deferred_seconds{priority="1"}': "0.0",
        'portal_mail_deferred{priority="0"}': "0",
        'portal_mail_deferred{priority="1"}': "0",
        'portal_mail_last_sent_timestamp_seconds{priority="0"}': "0",
        'portal_mail_last_sent_timestamp_seconds{priority="1"}': "0",
        "portal_mail_unknown": "0",
        "portal_mail_sent_last_hour": "0",
        "portal_mail_workers": "0",
        "portal_mail_paused": "0",
    }
    for name in ("portal_mail_oldest_due_seconds", *figures):
        assert f"# TYPE {name.partition('{')[0]} gauge" in lines
    assert "@" not in response.content.decode()


def test_the_page_costs_the_figures_and_nothing_else(client, settings, django_assert_num_queries):
    settings.METRICS_TOKEN = TOKEN
    with django_assert_num_queries(2):
        client.get(reverse(METRICS), headers={"Authorization": f"Bearer {TOKEN}"})


# --- the desk -------------------------------------------------------------------------------------


@pytest.fixture
def staff(client):
    client.force_login(UserFactory(group="Staff"))
    return client


def warning(client):
    for panel in client.get(reverse("admin:index")).context["panels"]:
        if panel["title"] == "E-mail":
            (item,) = panel["items"]
            return item["label"]
    return None


def test_the_desk_warns_of_mail_that_waits(staff, mailing):
    age(mailing, minutes=9)
    assert warning(staff) is None
    age(mailing, minutes=11)
    assert warning(staff) == "E-mail has been waiting for more than 10 minutes"
    pause_mailing(mailing)
    assert warning(staff) is None


def test_the_desk_warns_while_all_mail_is_paused(staff):
    pause_all()
    assert warning(staff) == "No e-mail is sent: Paused by an operator"
    resume_all()
    assert warning(staff) is None


def test_who_sees_no_mailings_sees_no_warning(client, mailing):
    age(mailing, days=1)
    client.force_login(UserFactory(group="Editors"))
    assert warning(client) is None
