"""Each message at the desk, what is unknown, what came back, and who gets nothing."""

import datetime
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.mail.models import MailEvent, Mailing, RelayPace, Suppression
from portal.mail.pace import take_turns
from tests.factories import SubscriberFactory, UserFactory

from .planning import State, plan
from .test_mailing_pages import editor, page_of, planned, spread, staff, words  # noqa: F401

pytestmark = pytest.mark.django_db

DELIVERIES = "/admin/mail/delivery/"


def settle(client, mailing, **data):
    return client.post(reverse("admin:mail_mailing_settle", args=[mailing.pk]), data, follow=True)


# --- deliveries -----------------------------------------------------------------------------------


def test_deliveries_are_found_by_mailing_state_and_reason(staff):  # noqa: F811
    mailing, other = planned(3, key="article:1"), planned(1, key="article:2")
    spread(mailing, "failed", "sent")
    listed = staff.get(DELIVERIES, {"mailing": mailing.pk})
    assert listed.context["cl"].result_count == 3
    assert "New article" in words(listed)
    failed = staff.get(
        DELIVERIES,
        {"mailing": mailing.pk, "state__exact": "failed", "reason__exact": "refused"},
    )
    assert failed.context["cl"].result_count == 1
    assert staff.get(DELIVERIES, {"mailing": other.pk}).context["cl"].result_count == 4
    for nonsense in ("x", "99999999999999999999", "9" * 5000, "-1", "0"):
        assert staff.get(DELIVERIES, {"mailing": nonsense}).status_code == 200


def test_a_search_wants_the_whole_address(staff):  # noqa: F811
    planned(2)
    reader = SubscriberFactory(email="Long.Name@hospital.example")
    plan(key="article:2")
    found = staff.get(DELIVERIES, {"q": "long.name@hospital.example"})
    assert [row.address for row in found.context["cl"].result_list] == [reader.email]
    assert staff.get(DELIVERIES, {"q": "hospital"}).context["cl"].result_count == 0


def test_a_long_list_is_not_counted_to_its_end(staff, monkeypatch):  # noqa: F811
    monkeypatch.setattr("portal.mail.admin.base.BoundedPaginator.most", 2)
    planned(5)
    listed = staff.get(DELIVERIES)
    assert listed.context["cl"].result_count == 2
    assert "2 or more: a filter or a search finds what is further down" in words(listed)


@pytest.mark.parametrize("model", ["mailing", "delivery", "mailevent", "subscriber", "suppression"])
def test_no_list_counts_what_each_filter_would_find(staff, model):  # noqa: F811
    planned(2)
    listed = staff.get(reverse(f"admin:mail_{model}_changelist"), {"_facets": "True"})
    assert not listed.context["cl"].add_facets


@pytest.mark.parametrize("model", ["mailing", "delivery", "mailevent", "subscriber", "suppression"])
def test_a_list_is_sorted_by_an_index(staff, model):  # noqa: F811
    """Millions of rows: nothing sorts them, and no month of them is counted."""
    address = reverse(f"admin:mail_{model}_changelist")
    listed = staff.get(address).context["cl"]
    assert set(listed.queryset.query.order_by) == {"-pk"}
    assert listed.date_hierarchy is None


def test_the_list_costs_the_same_however_long(staff, django_assert_num_queries):  # noqa: F811
    planned(1)
    staff.get(DELIVERIES)
    for count in (1, 3):
        with django_assert_num_queries(7):
            staff.get(DELIVERIES)
        planned(count, key=f"article:{count + 5}")


def test_one_message_shows_its_reports(staff):  # noqa: F811
    mailing = planned()
    spread(mailing, "failed")
    delivery = mailing.deliveries.get()
    MailEvent.objects.create(
        delivery=delivery, kind="bounced", source="provider", detail="550 5.1.1 unknown user"
    )
    page = words(staff.get(reverse("admin:mail_delivery_change", args=[delivery.pk])))
    assert delivery.address in page
    assert "Refused by the mail server" in page
    assert "Returned for good" in page
    assert "550 5.1.1 unknown user" in page


# --- what is unknown ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("finding", "state"),
    [("arrived", State.SENT), ("lost", State.FAILED), ("send_again", State.PENDING)],
)
def test_all_unknown_of_a_mailing_are_settled_after_a_second_question(staff, finding, state):  # noqa: F811
    mailing = planned(3)
    spread(mailing, "unknown", "unknown", "sent")
    asked = settle(staff, mailing, finding=finding)
    assert "This is said of each of 2 messages." in words(asked)
    assert mailing.deliveries.filter(state=State.UNKNOWN).count() == 2
    answer = settle(staff, mailing, finding=finding, confirmed="yes")
    assert "2 unknown messages were settled" in words(answer)
    settled = mailing.deliveries.filter(events__source=MailEvent.Source.HAND)
    assert list(settled.values_list("state", flat=True)) == [state, state]
    assert "2 unknown messages" in LogEntry.objects.get().change_message
    again = settle(staff, mailing, finding=finding, confirmed="yes")
    assert "Nothing was done: it is not unknown any more." in words(again)
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("field", ["cancelled_at", "deadline_at"])
def test_what_is_over_cannot_be_sent_again(staff, field):  # noqa: F811
    mailing = planned()
    spread(mailing, "unknown")
    Mailing.objects.update(**{field: timezone.now()})
    delivery = mailing.deliveries.get()
    for address in (
        reverse("admin:mail_mailing_settle", args=[mailing.pk]),
        reverse("admin:mail_delivery_settle", args=[delivery.pk]),
    ):
        assert staff.get(address).text.count('type="radio"') == 2
        answer = staff.post(address, {"finding": "send_again", "confirmed": "yes"})
        assert answer.status_code == 400
        assert "Choose what you know." in words(answer)
    assert mailing.deliveries.get().state == State.UNKNOWN


def test_nothing_is_preselected_and_a_choice_is_needed(staff):  # noqa: F811
    mailing = planned()
    spread(mailing, "unknown")
    page = staff.get(reverse("admin:mail_mailing_settle", args=[mailing.pk])).text
    assert page.count('type="radio"') == 3
    assert "checked" not in page
    answer = settle(staff, mailing, confirmed="yes")
    assert answer.status_code == 400
    assert "Choose what you know." in words(answer)
    assert mailing.deliveries.get().state == State.UNKNOWN


def test_one_message_is_settled_and_its_mailings_history_names_no_address(staff):  # noqa: F811
    mailing = planned(2)
    spread(mailing, "unknown", "unknown")
    first, second = mailing.deliveries.order_by("pk")
    address = reverse("admin:mail_delivery_settle", args=[first.pk])
    answer = staff.post(address, {"finding": "arrived", "confirmed": "yes"}, follow=True)
    assert "1 unknown message was settled" in words(answer)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == (State.SENT, State.UNKNOWN)
    assert first.address not in LogEntry.objects.get().change_message
    again = staff.post(address, {"finding": "lost", "confirmed": "yes"}, follow=True)
    assert "Nothing was done" in words(again)
    first.refresh_from_db()
    assert first.state == State.SENT


def test_editors_settle_nothing(editor):  # noqa: F811
    mailing = planned()
    spread(mailing, "unknown")
    assert settle(editor, mailing, finding="lost", confirmed="yes").status_code == 403
    assert mailing.deliveries.get().state == State.UNKNOWN
    assert "settle" not in editor.get(page_of(mailing)).text.lower()


# --- bounces and complaints -----------------------------------------------------------------------


def test_reports_are_listed_and_filtered(staff, django_assert_num_queries):  # noqa: F811
    address = reverse("admin:mail_mailevent_changelist")
    mailing = planned(3)
    first, second, third = mailing.deliveries.order_by("pk")
    MailEvent.objects.create(delivery=first, kind="bounced", source="smtp")
    staff.get(address)
    with django_assert_num_queries(7):
        staff.get(address)
    MailEvent.objects.create(delivery=second, kind="complained", source="provider")
    MailEvent.objects.create(delivery=third, kind="bounced", source="provider")
    with django_assert_num_queries(7):
        page = words(staff.get(address))
    assert "Complaint of spam" in page
    complaints = staff.get(address, {"kind__exact": "complained"})
    assert [event.delivery for event in complaints.context["cl"].result_list] == [second]


def test_editors_see_no_reports_nor_suppressions(editor):  # noqa: F811
    for model in ("mailevent", "suppression", "subscriber", "relaypace"):
        assert editor.get(reverse(f"admin:mail_{model}_changelist")).status_code == 403


def test_who_may_see_no_address_sees_none_in_a_report():
    mailing = planned()
    event = MailEvent.objects.create(
        delivery=mailing.deliveries.get(), kind="bounced", source="smtp"
    )
    pages = (
        reverse("admin:mail_mailevent_changelist"),
        reverse("admin:mail_mailevent_change", args=[event.pk]),
    )
    client = client_with("view_mailevent")
    assert [client.get(page).status_code for page in pages] == [403, 403]
    client = client_with("view_mailevent", "view_delivery")
    assert [client.get(page).status_code for page in pages] == [200, 200]


# --- suppressions ---------------------------------------------------------------------------------


def client_with(*permissions):
    """Return a client of somebody at the desk with these permissions alone."""
    user = UserFactory(is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="mail", codename__in=permissions)
    )
    client = Client()
    client.force_login(user)
    return client


def test_enter_in_a_field_saves_and_does_not_lift(staff):  # noqa: F811
    """A browser presses the first button of the form."""
    row = Suppression.objects.create(address="a@hospital.example", reason="request")
    page = staff.get(reverse("admin:mail_suppression_change", args=[row.pk])).text
    form = page[page.index('id="suppression_form"') :]
    first, *others = re.findall(r'<(?:input|button)[^>]*type="submit"[^>]*>', form)
    assert "_save" in first
    assert any("formaction" in button for button in others)


def test_who_may_only_look_at_a_suppression_can():
    row = Suppression.objects.create(address="a@hospital.example", reason="request")
    page = client_with("view_suppression").get(
        reverse("admin:mail_suppression_change", args=[row.pk])
    )
    assert page.status_code == 200
    assert row.address in words(page)
    assert "Lift the suppression" not in words(page)


def suppress(client, **fields):
    data = {"address": "a@hospital.example", "reason": "request", **fields}
    data = {"expires_at_0": "", "expires_at_1": "", **data}
    return client.post(reverse("admin:mail_suppression_add"), data, follow=True)


def test_an_address_is_stored_in_ascii_or_refused(staff):  # noqa: F811
    suppress(staff, address="a@klinik-grün.example")
    assert Suppression.objects.get().address == "a@xn--klinik-grn-ieb.example"
    assert "unaccented letters" in words(suppress(staff, address="ä@hospital.example"))
    assert Suppression.objects.count() == 1
    assert LogEntry.objects.count() == 1


def test_a_suppression_is_lifted_and_taken_up_again(staff):  # noqa: F811
    suppress(staff)
    assert "This address is suppressed already." in words(suppress(staff))
    row = Suppression.objects.get()
    page = staff.get(reverse("admin:mail_suppression_change", args=[row.pk]))
    assert "Lift the suppression" in words(page)
    lift = reverse("admin:mail_suppression_lift", args=[row.pk])
    assert staff.get(lift).status_code == 405
    answer = staff.post(lift, follow=True)
    assert "may be written to again" in words(answer)
    assert not Suppression.objects.active_at(timezone.now()).exists()
    assert "Nothing was done" in words(staff.post(lift, follow=True))
    listed = staff.get(reverse("admin:mail_suppression_changelist"), {"in_force": "no"})
    assert listed.context["cl"].result_count == 1
    suppress(staff, reason="complaint")
    again = Suppression.objects.get()
    assert (again.pk, again.reason, again.expires_at) == (row.pk, "complaint", None)
    assert again.created_at > row.created_at


def test_a_suppression_may_end_by_itself_but_not_in_the_past(staff):  # noqa: F811
    yesterday = timezone.localtime() - datetime.timedelta(days=1)
    past = {"expires_at_0": f"{yesterday:%Y-%m-%d}", "expires_at_1": "12:00"}
    assert "This time has passed." in words(suppress(staff, **past))
    tomorrow = timezone.localtime() + datetime.timedelta(days=1)
    suppress(staff, expires_at_0=f"{tomorrow:%Y-%m-%d}", expires_at_1="12:00")
    assert Suppression.objects.get().expires_at is not None


def test_lifting_needs_its_permission(editor):  # noqa: F811
    row = Suppression.objects.create(address="a@hospital.example", reason="request")
    assert editor.post(reverse("admin:mail_suppression_lift", args=[row.pk])).status_code == 403
    row.refresh_from_db()
    assert row.expires_at is None


# --- paces ----------------------------------------------------------------------------------------


def test_paces_are_for_superusers_alone(staff):  # noqa: F811
    pace = RelayPace.objects.create(relay="smtp.example:587", per_minute=60)
    address = reverse("admin:mail_relaypace_change", args=[pace.pk])
    assert staff.get(address).status_code == 403
    admin = Client()
    admin.force_login(UserFactory(is_staff=True, is_superuser=True))
    admin.post(address, {"per_minute": "30"})
    pace.refresh_from_db()
    assert pace.per_minute == 30


@pytest.mark.parametrize("number", ["0", "-1", "1000001", "2000000000"])
def test_a_pace_that_no_mail_server_has_is_refused(number):
    pace = RelayPace.objects.create(relay="smtp.example:587", per_minute=60)
    admin = Client()
    admin.force_login(UserFactory(is_staff=True, is_superuser=True))
    address = reverse("admin:mail_relaypace_change", args=[pace.pk])
    assert admin.post(address, {"per_minute": number}).status_code == 200
    pace.refresh_from_db()
    assert pace.per_minute == 60
    admin.post(address, {"per_minute": "1000000"})
    pace.refresh_from_db()
    assert pace.per_minute == 1_000_000
    assert take_turns(limit=100, relay=pace.relay).count == 100
