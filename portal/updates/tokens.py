"""The signed links in our mails: each speaks for one subscriber, and for one purpose alone."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID

from django.conf import settings
from django.core.signing import (
    BadSignature,
    SignatureExpired,
    Signer,
    TimestampSigner,
    b62_decode,
)
from django.urls import reverse

from portal.mail.models import Subscriber

from .choices import USUAL, Manner

# Mail programs cut links off at a colon more readily than at a point.
SEPARATOR = "."
# Stands for a token in an address that is looked up once.
PLACE = "TOKEN"
CONFIRMATION_VALIDITY = timedelta(days=7)

_confirmation = TimestampSigner(salt="portal.updates.confirm", sep=SEPARATOR)
_preferences = Signer(salt="portal.updates.preferences", sep=SEPARATOR)
_unsubscribe = Signer(salt="portal.updates.unsubscribe", sep=SEPARATOR)


class ExpiredTokenError(Exception):
    """A confirmation link that we wrote, too long ago."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a confirmation link says: whose address, and what was chosen with it.

    ``issued_at``: when the link was written, to the second, rounded up.
    """

    subscriber: Subscriber
    topic_ids: tuple[int, ...]
    manner: Manner
    issued_at: datetime


def confirmation_url(
    subscriber: Subscriber, topic_ids: Iterable[int], manner: Manner = USUAL
) -> str:
    """Return the absolute link that confirms the address with these choices.

    The choice travels in the link: until its reader confirms it, nothing about a subscriber is
    changed by somebody who types in their address.
    """
    token = _confirmation.sign_object(
        [subscriber.public_id.hex, sorted(topic_ids), *astuple(manner)]
    )
    return _absolute("confirm_subscription", token)


def read_confirmation(token: str) -> Confirmation | None:
    """Return what the link says, None for a guess; ExpiredTokenError if it is too old."""
    try:
        # Links of before there was more to choose than topics end there.
        public_id, topic_ids, *manner = _confirmation.unsign_object(
            token, max_age=CONFIRMATION_VALIDITY
        )
    except SignatureExpired:
        raise ExpiredTokenError from None
    except BadSignature:
        return None
    subscriber = Subscriber.objects.filter(public_id=UUID(hex=public_id)).first()
    if subscriber is None:
        return None
    return Confirmation(subscriber, tuple(topic_ids), Manner(*manner), _issued_at(token))


def _issued_at(token: str) -> datetime:
    # Its signature holds: the moment stands before it, in whole seconds.
    seconds = b62_decode(token.rsplit(SEPARATOR, 2)[1])
    return datetime.fromtimestamp(seconds + 1, UTC)


def preferences_url(subscriber: Subscriber) -> str:
    """Return the absolute link to the subscriber's choices; it does not expire."""
    return _absolute("preferences", _preferences.sign(subscriber.public_id.hex))


def read_preferences(token: str) -> Subscriber | None:
    return _read(_preferences, token)


def unsubscribe_url(subscriber: Subscriber) -> str:
    """Return the absolute link that ends the mails; it does not expire."""
    return _absolute("unsubscribe", _unsubscribe.sign(subscriber.public_id.hex))


def read_unsubscribe(token: str) -> Subscriber | None:
    return _read(_unsubscribe, token)


def _read(signer: Signer, token: str) -> Subscriber | None:
    try:
        public_id = signer.unsign(token)
    except BadSignature:
        return None
    subscribers = Subscriber.objects.select_related("update_frequency")
    return subscribers.filter(public_id=UUID(hex=public_id)).first()


def _absolute(name: str, token: str) -> str:
    return settings.SITE_URL + _path(name).replace(PLACE, token)


@cache
def _path(name: str) -> str:
    # A mailing has thousands of links; a token needs no quoting.
    return reverse(name, args=[PLACE])
