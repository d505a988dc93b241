"""Mails to people whose disclosure is about to go stale, each once however often this runs."""

import logging
from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery
from django.utils import timezone

from portal.mail.models import Delivery, MailedItem, Mailing

from .models import (
    DISCLOSURE_VALIDITY,
    Disclosure,
    DisclosureRequest,
    Person,
    mails_of_requests,
)
from .needs import needed_people
from .requests import open_request

logger = logging.getLogger(__name__)

# How many days before a disclosure goes stale its holder is written to; 0: when it has.
REMINDER_DAYS = (30, 7, 0)


def reminder_due(stale_on: date, today: date) -> int | None:
    """Return which of ``REMINDER_DAYS`` is due, None if it is too early.

    After a pause it is the last one alone: nobody is told twice at once.
    """
    left = (stale_on - today).days
    return min((days for days in REMINDER_DAYS if left <= days), default=None)


def remind_of_disclosures() -> int:
    """Write to whom a reminder is due; return to how many (2 queries if to nobody).

    May run at any time, twice at once and late.
    """
    today = timezone.localdate()
    latest = Disclosure.objects.filter(person=OuterRef("pk"), declared_on__lte=today)
    due = (
        needed_people()
        .exclude(email="")
        .annotate(
            latest_pk=Subquery(latest.values("pk")[:1]),
            latest_on=Subquery(latest.values("declared_on")[:1]),
        )
        .filter(latest_on__lte=today - DISCLOSURE_VALIDITY + timedelta(days=REMINDER_DAYS[0]))
    )
    keys = {
        _item_key(pk, declared_on, today): person_pk
        for person_pk, pk, declared_on in due.values_list("pk", "latest_pk", "latest_on")
    }
    told = set(MailedItem.objects.filter(item_key__in=keys).values_list("item_key", flat=True))
    return sum(_remind(person, key, today) for key, person in keys.items() if key not in told)


def _item_key(disclosure_pk: int, declared_on: date, today: date) -> str:
    return f"disclosure:{disclosure_pk}:{reminder_due(declared_on + DISCLOSURE_VALIDITY, today)}"


def _remind(person_pk: int, item_key: str, today: date) -> bool:
    """Write to one person, unless somebody else has meanwhile, or they have declared."""
    try:
        with transaction.atomic():
            person = Person.objects.select_for_update().get(pk=person_pk)
            latest = person.disclosures.filter(declared_on__lte=today).first()
            if (
                latest is None
                or _item_key(latest.pk, latest.declared_on, today) != item_key
                or MailedItem.objects.filter(item_key=item_key).exists()
            ):
                return False
            request = open_request(person=person, user=None, stale_on=latest.stale_on)
            mailing = Mailing.objects.get(key=request.mail_key)
            MailedItem.objects.create(
                subscriber=mailing.deliveries.get().subscriber, item_key=item_key, mailing=mailing
            )
    except (Person.DoesNotExist, ValidationError):
        # The desk shows who cannot be written to; the others must not wait for them.
        logger.warning("Person %s cannot be reminded of their disclosure", person_pk)
        return False
    return True


def note_sent_requests() -> int:
    """Write down when the mails of requests went out, as the outbox says; return of how many."""
    mails = mails_of_requests().filter(state=Delivery.State.SENT)
    return DisclosureRequest.objects.filter(Exists(mails), sent_at=None).update(
        sent_at=Subquery(mails.values("finished_at")[:1])
    )
