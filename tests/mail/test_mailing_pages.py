"""A mailing at the desk: its progress, its buttons, its preview, its test."""

import datetime
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.core.models import SiteSettings
from portal.mail.models import Delivery, Mailing
from portal.mail.services import plan_personal_mail
from portal.mail.worker import deliver_everything_due
from tests.factories import SubscriberFactory, UserFactory

from .planning import State, plan

pytestmark = pytest.mark.django_db

HTML = (
    "<!doctype html><html lang='en-gb'><head><style>p { color: red }</style></head><body>"
    "<p>Öhm <a href='[[unsubscribe_url]]'>leave</a> [[funding]]</p></body></html>"
)


def login(client, **fields):
    user = UserFactory(**fields)
    client.force_login(user)
    return user


@pytest.fixture
def staff(client):
    login(client, group="Staff")
    return client


@pytest.fixture
def editor():
    client = Client()
    login(client, group="Editors")
    return client


def page_of(mailing):
    return reverse("admin:mail_mailing_change", args=[mailing.pk])


def words(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def press(client, mailing, verb, follow=True):
    return client.post(reverse(f"admin:mail_mailing_{verb}", args=[mailing.pk]), follow=follow)


def planned(count=1, **fields):
    for _number in range(count):
        SubscriberFactory()
    return plan(**fields)


def spread(mailing, *states):
    """Give the deliveries of ``mailing`` these states, one each; the others stay open."""
    now = timezone.now()
    for delivery, state in zip(mailing.deliveries.order_by("pk"), states, strict=False):
        reason = {"failed": "refused", "skipped": "opted_out"}.get(state, "")
        Delivery.objects.filter(pk=delivery.pk).update(
            state=state, reason=reason, attempts=1, started_at=now, finished_at=now
        )


def needs_approval():
    SiteSettings.objects.update_or_create(pk=1, defaults={"mailings_need_approval": True})


# --- approval -------------------------------------------------------------------------------------


def test_with_the_setting_nothing_is_sent_before_somebody_approves(staff, settings, smtp_sink):
    settings.CONTENT_STAMP_SECONDS = 0
    needs_approval()
    mailing = planned()
    assert mailing.approved_at is None
    deliver_everything_due()
    assert smtp_sink.received == []
    page = staff.get(page_of(mailing))
    assert "Waiting for approval Nothing is sent before somebody approves it." in words(page)
    answer = press(staff, mailing, "approve")
    assert "Approved: it is being sent." in words(answer)
    mailing.refresh_from_db()
    assert mailing.approved_by == answer.wsgi_request.user
    deliver_everything_due()
    assert len(smtp_sink.received) == 1


def test_account_mail_never_waits_for_approval(settings, smtp_sink):
    settings.CONTENT_STAMP_SECONDS = 0
    needs_approval()
    subscriber = SubscriberFactory()
    plan_personal_mail(key="a", subscriber=subscriber, subject="Confirm", html=HTML, text="Hello")
    deliver_everything_due()
    assert len(smtp_sink.received) == 1


def test_without_the_setting_it_goes_out_at_once():
    assert planned().approved_at is not None


# --- the buttons ----------------------------------------------------------------------------------


def test_pause_resume_and_cancel_are_logged(staff):
    mailing = planned(2)
    assert "Paused: no further message is begun." in words(press(staff, mailing, "pause"))
    assert "Nothing was done: it is paused or cancelled already." in words(
        press(staff, mailing, "pause")
    )
    assert "Resumed" in words(press(staff, mailing, "resume"))
    asked = staff.get(reverse("admin:mail_mailing_cancel", args=[mailing.pk]))
    assert "2 recipients will not get this e-mail" in words(asked)
    mailing.refresh_from_db()
    assert mailing.cancelled_at is None
    assert "Cancelled: what is open will not be sent." in words(press(staff, mailing, "cancel"))
    mailing.refresh_from_db()
    assert mailing.cancelled_at is not None
    log = LogEntry.objects.filter(object_id=str(mailing.pk)).order_by("pk")
    assert [entry.change_message.split(":")[0] for entry in log] == [
        "Paused",
        "Resumed",
        "Cancelled",
    ]
    history = staff.get(reverse("admin:mail_mailing_history", args=[mailing.pk]))
    assert "Cancelled: what is open will not be sent." in words(history)


@pytest.mark.parametrize("verb", ["approve", "pause", "resume", "cancel"])
def test_editors_have_no_buttons(editor, verb):
    mailing = planned()
    assert "<button" not in editor.get(page_of(mailing)).content.decode().split('id="content"')[1]
    assert press(editor, mailing, verb).status_code == 403
    mailing.refresh_from_db()
    assert (mailing.paused_at, mailing.cancelled_at) == (None, None)
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("verb", ["approve", "pause", "resume"])
def test_a_link_does_nothing(staff, verb):
    mailing = planned()
    assert staff.get(reverse(f"admin:mail_mailing_{verb}", args=[mailing.pk])).status_code == 405


# --- progress -------------------------------------------------------------------------------------


def numbers(response):
    """Return the table's label → recipients."""
    cells = re.findall(
        r'aria-hidden="true"></span>([^<]*?)\s*</th>\s*<td class="number">([\d,]+)</td>',
        response.content.decode(),
        re.DOTALL,
    )
    return {label.strip(): int(count.replace(",", "")) for label, count in cells}


def test_the_numbers_always_add_up(staff):
    mailing = planned(7)
    spread(mailing, "sent", "sent", "failed", "skipped", "unknown")
    answer = staff.get(page_of(mailing))
    found = numbers(answer)
    assert found == {"Sent": 2, "Failed": 1, "No longer wanted": 1, "Unknown": 1, "Open": 2}
    assert sum(found.values()) == mailing.candidate_count
    page = words(answer)
    assert "All recipients 7" in page
    assert "Refused by the mail server : 1" in page
    assert "Unsubscribed : 1" in page
    assert re.search(r"messages? a minute, about", page)


def test_the_script_gets_the_same_numbers(staff):
    mailing = planned(3)
    spread(mailing, "sent")
    fragment = staff.get(reverse("admin:mail_mailing_progress", args=[mailing.pk]))
    assert numbers(fragment) == numbers(staff.get(page_of(mailing)))
    assert 'data-live="yes"' in fragment.content.decode()
    assert "no-cache" in fragment["Cache-Control"]
    spread(mailing, "sent", "sent", "sent")
    fragment = staff.get(reverse("admin:mail_mailing_progress", args=[mailing.pk]))
    assert 'data-live="no"' in fragment.content.decode()
    assert "Done" in words(fragment)


def test_the_page_costs_the_same_however_many_recipients(staff, django_assert_num_queries):
    small, large = planned(2, key="article:1"), planned(9, key="article:2")
    for mailing in (small, large):
        spread(mailing, "failed", "skipped")
    staff.get(page_of(small))
    counts = []
    for mailing in (small, large):
        with django_assert_num_queries(10) as queries:
            staff.get(page_of(mailing))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_reasons_are_read_up_to_a_cap(staff, monkeypatch):
    monkeypatch.setattr("portal.mail.admin.figures.MOST_READ", 2)
    mailing = planned(4)
    spread(mailing, "failed", "failed", "failed", "failed")
    page = words(staff.get(page_of(mailing)))
    assert "Refused by the mail server : 2" in page
    assert "Counted among 10,000 of them." in page  # the sentence is that of the real cap


# --- the list -------------------------------------------------------------------------------------


def test_the_list_says_states_in_words_and_costs_the_same(staff, django_assert_num_queries):
    first = planned(3, key="article:1")
    spread(first, "sent", "unknown")
    staff.get(reverse("admin:mail_mailing_changelist"))
    with django_assert_num_queries(9):
        page = words(staff.get(reverse("admin:mail_mailing_changelist")))
    assert re.search(r"New article Article updates Running .*? 3 1 1 0 0 1 0", page)
    for number in range(2, 5):
        plan(key=f"article:{number}")
    Mailing.objects.filter(key="article:2").update(paused_at=timezone.now())
    Mailing.objects.filter(key="article:3").update(cancelled_at=timezone.now())
    Mailing.objects.filter(key="article:4").update(approved_at=None)
    with django_assert_num_queries(9):
        page = words(staff.get(reverse("admin:mail_mailing_changelist")))
    for state in ("Paused", "Cancelled", "Waiting for approval", "Running"):
        assert f"Article updates {state} " in page


def test_editors_see_no_account_mail(editor):
    subscriber = SubscriberFactory()
    own = plan_personal_mail(
        key="a", subscriber=subscriber, subject="Confirm me", html=HTML, text="x"
    ).mailing
    plan()
    page = words(editor.get(reverse("admin:mail_mailing_changelist")))
    assert "New article" in page
    assert "Confirm me" not in page
    assert editor.get(page_of(own)).status_code == 404
    assert editor.get(reverse("admin:mail_mailing_progress", args=[own.pk])).status_code == 404
    assert editor.get(reverse("admin:mail_delivery_changelist")).status_code == 403
    assert subscriber.email not in editor.get(page_of(Mailing.objects.get(key="article:1"))).text


# --- preview --------------------------------------------------------------------------------------


def preview_of(client, mailing, view="preview"):
    return client.get(reverse(f"admin:mail_mailing_{view}", args=["mailing", mailing.pk]))


def test_the_preview_holds_nobodys_links(editor):
    mailing = planned(html=HTML)
    page = preview_of(editor, mailing)
    assert page.status_code == 200
    assert "Leave, or stay" not in page.text
    for text in (page.text, preview_of(editor, mailing, "frame").text):
        assert "[[" not in text
        assert "/unsubscribe/" not in text
    frame = preview_of(editor, mailing, "frame").text
    assert "/#unsubscribe-url" in frame
    assert "color: red" in frame  # inlined, as it is sent


def test_only_the_frame_allows_the_mails_styles(editor):
    mailing = planned(html=HTML)
    page, frame = preview_of(editor, mailing), preview_of(editor, mailing, "frame")
    policy = page["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "frame-src 'self'" in policy
    policy = dict(
        part.strip().partition(" ")[::2] for part in frame["Content-Security-Policy"].split(";")
    )
    assert policy["style-src"] == "'unsafe-inline'"
    assert policy["script-src"] == "'none'"
    assert policy["frame-ancestors"] == "'self'"
    assert policy["sandbox"] == ""
    assert frame["X-Frame-Options"] == "SAMEORIGIN"
    assert page["X-Frame-Options"] == "DENY"


def test_account_mail_has_no_preview(staff):
    mailing = plan_personal_mail(
        key="a", subscriber=SubscriberFactory(), subject="Confirm", html=HTML, text="x"
    ).mailing
    assert preview_of(staff, mailing).status_code == 404
    assert preview_of(staff, mailing, "frame").status_code == 404
    assert "Preview" not in words(staff.get(page_of(mailing)))


def test_a_mail_that_is_too_large_is_called_so(editor):
    small = planned(html=HTML)
    large = plan(key="article:2", html=HTML.replace("Öhm", "m" * 110_000))
    assert "too much" not in words(preview_of(editor, small))
    assert "This e-mail has 112." in words(preview_of(editor, large))


# --- test sends -----------------------------------------------------------------------------------


def try_out(client, mailing):
    address = reverse("admin:mail_mailing_trial", args=["mailing", mailing.pk])
    return client.post(address, follow=True)


def test_a_test_goes_to_oneself_alone_and_is_not_counted(editor, smtp_sink):
    reader = SubscriberFactory()
    mailing = plan(html=HTML, text="Leave: [[unsubscribe_url]]")
    Mailing.objects.update(approved_at=None)
    answer = try_out(editor, mailing)
    user = answer.wsgi_request.user
    assert "One test is on its way" in words(answer)
    deliver_everything_due()
    [received] = smtp_sink.received
    assert received.recipients == [user.email]
    assert received.message["Subject"] == "[Test] New article"
    assert received.message["List-Unsubscribe"] is None
    assert "/#unsubscribe-url" in received.text
    assert "/unsubscribe/" not in received.html + received.text
    mailing.refresh_from_db()
    assert mailing.candidate_count == 1
    assert list(mailing.deliveries.values_list("address", "state")) == [
        (reader.email, State.PENDING)
    ]


def test_tests_are_limited(editor):
    mailing = planned()
    for _number in range(5):
        assert "on its way" in words(try_out(editor, mailing))
    assert "You have had 5 tests within ten minutes." in words(try_out(editor, mailing))
    assert Mailing.objects.filter(stream="trials").count() == 5
    Delivery.objects.filter(mailing__stream="trials").update(
        created_at=timezone.now() - datetime.timedelta(minutes=11)
    )
    assert "on its way" in words(try_out(editor, mailing))


def test_a_link_sends_no_test(editor):
    mailing = planned()
    assert preview_of(editor, mailing, "trial").status_code == 405
