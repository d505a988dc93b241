"""The desk's panel about people: whose disclosure goes stale next."""

from datetime import timedelta
from typing import Any

from django.db.models import OuterRef, Prefetch, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from portal.mail.models import Delivery

from .models import DISCLOSURE_VALIDITY, Disclosure, DisclosureRequest
from .needs import needed_people
from .reminders import REMINDER_DAYS

SHOWN = 10
State = Delivery.State


def request_state(request: Any) -> str:
    """Return what has become of ``request``, in a few words; it comes ``with_mail()``."""
    if request.disclosure_id:
        return _("answered")
    if request.mail_state == State.FAILED:
        return _("could not be sent: check the address, then ask again")
    if request.has_expired:
        return _("expired without an answer")
    if sent_at := request.sent_at or (
        request.mail_state == State.SENT and request.mail_finished_at
    ):
        day = date_format(timezone.localtime(sent_at), "j F Y, H:i")
        return _("sent on %(day)s") % {"day": day}
    waiting = {
        State.DEFERRED: _("not sent yet: the mail server puts it off, it is tried again"),
        State.UNKNOWN: _("may have arrived: the mail server did not say"),
    }
    return waiting.get(request.mail_state, _("waits to be sent"))


def going_stale(request: HttpRequest) -> dict[str, Any] | None:
    """Whose disclosure goes stale within 30 days, the first one first (2 queries)."""
    if not request.user.has_perm("people.add_disclosurerequest"):
        return None
    today = timezone.localdate()
    first = today - DISCLOSURE_VALIDITY + timedelta(days=1)
    latest = Disclosure.objects.filter(person=OuterRef("pk"), declared_on__lte=today)
    people = (
        needed_people()
        .annotate(latest_on=Subquery(latest.values("declared_on")[:1]))
        .filter(latest_on__gte=first, latest_on__lt=first + timedelta(days=REMINDER_DAYS[0]))
        .order_by("latest_on", "name")
        .prefetch_related(
            Prefetch(
                "disclosure_requests", DisclosureRequest.objects.open_at(timezone.now()).with_mail()
            )
        )
    )
    return {
        "title": _("Disclosures that go stale"),
        "items": [
            {
                "label": person.name,
                "url": reverse("admin:people_person_change", args=[person.pk]),
                "note": _note(person),
            }
            for person in people[:SHOWN]
        ],
        "empty": _("No disclosure goes stale within 30 days."),
    }


def _note(person: Any) -> str:
    day = date_format(person.latest_on + DISCLOSURE_VALIDITY, "j F Y")
    note = _("on %(day)s") % {"day": day}
    if not person.email:
        return _("%(note)s; no e-mail address") % {"note": note}
    for asked in person.disclosure_requests.all():
        return _("%(note)s; request: %(state)s") % {"note": note, "state": request_state(asked)}
    return note
