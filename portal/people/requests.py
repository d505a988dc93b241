"""Asking a person to declare, and what they declare: by a signed link, without an account."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import Exists
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import User
from portal.core.addresses import ascii_address
from portal.core.models import site_settings
from portal.mail.models import Delivery, Mailing, Subscriber
from portal.mail.services import plan_personal_mail
from portal.mail.streams import Stream
from portal.mail.tasks import wake_workers

from .models import (
    MAIL_KEY_PREFIX,
    Disclosure,
    DisclosureRequest,
    FinancialRelationship,
    Person,
    mails_of_requests,
)

LINK_VALIDITY = timedelta(days=14)
# A mail server that is away for longer leaves the link half of its time.
MAIL_VALIDITY = timedelta(days=7)
# Two presses of the button within so long are one.
DOUBLE_CLICK = timedelta(minutes=1)

# Mail programs cut links off at a colon more readily than at a point.
_signer = Signer(salt="portal.people.disclosure", sep=".")


class LinkExpiredError(Exception):
    """The link has been open for too long; nothing is recorded."""


def disclosure_path(request_key: int | str) -> str:
    """Return the address, without the host, at which the person declares."""
    return reverse("disclose", args=[_signer.sign(str(request_key))])


def read_token(token: str) -> DisclosureRequest | None:
    """Return the request that the link opens, None for a guess (1 query)."""
    try:
        key = _signer.unsign(token)
    except BadSignature:
        return None
    requests = DisclosureRequest.objects.select_related("person", "disclosure")
    return requests.filter(pk=int(key)).first()


def _link_of(mailing: Mailing) -> str:
    return settings.SITE_URL + disclosure_path(mailing.key.removeprefix(MAIL_KEY_PREFIX))


# The link is put in while the mail is sent: what waits in the outbox opens nothing.
DISCLOSURE_REQUESTS = Stream(
    key="disclosure_requests",
    name=gettext_lazy("Requests for disclosures"),
    needs_consent=False,
    mailing_links={"disclosure_url": _link_of},
)


@transaction.atomic
def request_disclosure(*, person: Person, user: User | None) -> DisclosureRequest:
    """Make a link with which ``person`` declares, and plan the mail that carries it.

    The mail waits in the outbox, so a mail server that is away loses nothing. A second call within
    a minute returns the first one's request. Raises ValidationError if the person has no address
    that every mail server takes.
    """
    # Of two presses at once the second must see what the first has made.
    person = Person.objects.select_for_update().get(pk=person.pk)
    address = _address_of(person)
    now = timezone.now()
    just_asked = (
        person.disclosure_requests.open_at(now)
        .filter(
            Exists(
                mails_of_requests()
                .filter(address__iexact=address)
                .exclude(state=Delivery.State.FAILED)
            ),
            created_at__gt=now - DOUBLE_CLICK,
        )
        .first()
    )
    return just_asked or open_request(person=person, user=user)


@transaction.atomic
def open_request(
    *, person: Person, user: User | None, stale_on: date | None = None
) -> DisclosureRequest:
    """Make a request and plan its mail: a reminder, if ``stale_on`` says of what.

    The caller holds the person's row. Raises ValidationError as ``request_disclosure`` does.
    """
    address = _address_of(person)
    now = timezone.now()
    request = DisclosureRequest.objects.create(
        person=person, requested_by=user, created_at=now, expires_at=now + LINK_VALIDITY
    )
    Subscriber.objects.bulk_create([Subscriber(email=address)], ignore_conflicts=True)
    subscriber = Subscriber.objects.with_address(address).get()
    with translation.override(subscriber.language):
        is_stale = stale_on is not None and stale_on <= timezone.localdate(now)
        context = {
            "site": site_settings(),
            "site_url": settings.SITE_URL,
            "person": person,
            "request": request,
            "stale_on": stale_on,
            "is_stale": is_stale,
            # The engine puts the link here.
            "disclosure_url": "[[disclosure_url]]",
        }
        plan_personal_mail(
            key=request.mail_key,
            subscriber=subscriber,
            subject=_subject(is_stale=is_stale, stale_on=stale_on),
            html=render_to_string("email/disclosure_request.html", context),
            text=render_to_string("email/disclosure_request.txt", context),
            stream=DISCLOSURE_REQUESTS,
            validity=MAIL_VALIDITY,
        )
    wake_workers()
    return request


def _subject(*, is_stale: bool, stale_on: date | None) -> str:
    # Without the site's name, which stands in front of it as the sender's: short enough for a line.
    if is_stale:
        return _("Your declaration is out of date")
    if stale_on:
        day = date_format(stale_on, "j F Y")
        return _("Your declaration runs out on %(day)s") % {"day": day}
    return _("Please declare your financial relationships")


def _address_of(person: Person) -> str:
    if not person.email:
        raise ValidationError(_("%(person)s has no e-mail address.") % {"person": person})
    return ascii_address(person.email)


@transaction.atomic
def revoke_requests(*, person: Person) -> int:
    """End the person's open links, sent or not; return how many.

    For when the address turns out to be somebody else's.
    """
    now = timezone.now()
    open_requests = person.disclosure_requests.select_for_update().open_at(now)
    keys = [request.mail_key for request in open_requests]
    count = person.disclosure_requests.open_at(now).update(expires_at=now)
    Mailing.objects.filter(key__in=keys, cancelled_at=None).update(cancelled_at=now)
    return count


@transaction.atomic
def record_disclosure(
    *, request: DisclosureRequest, relationships: Sequence[dict[str, Any]]
) -> Disclosure:
    """Record what the link's holder declares; none at all is the explicit "none".

    ``relationships``: company, nature, starts_on, ends_on. The link works once: whoever comes
    second, at the same moment too, is given what was recorded first. Raises LinkExpiredError.
    """
    # No join: after the wait for a lock, PostgreSQL would look at the joined row as it was before.
    locked = DisclosureRequest.objects.select_for_update().get(pk=request.pk)
    if locked.disclosure is not None:
        return locked.disclosure
    if locked.has_expired:
        raise LinkExpiredError
    disclosure = Disclosure.objects.create(person=locked.person, has_none=not relationships)
    FinancialRelationship.objects.bulk_create(
        FinancialRelationship(disclosure=disclosure, **relationship)
        for relationship in relationships
    )
    locked.disclosure = disclosure
    locked.save(update_fields=["disclosure"])
    return disclosure
