"""What subscribers choose about the mails they get, and pausing them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from zoneinfo import available_timezones

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from articles.models import Topic
from portal.accounts.models import User
from portal.mail.models import Subscriber, SubscriberQuerySet
from portal.mail.services import record_consent
from portal.mail.streams import Stream, get_stream, stream_choices

from .models import TopicSubscription, UpdateFrequency

# Who wants to hear nothing for longer unsubscribes.
LONGEST_PAUSE = timedelta(days=366)
SWITCHED_OFF = "Switched off on the page of preferences"


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody wants to be written to.

    ``language`` empty: as it is. ``time_zone``: a name of the IANA database; empty: the site's own.
    """

    frequency: str = UpdateFrequency.Frequency.AT_ONCE
    weekday: int = UpdateFrequency.Weekday.MONDAY
    language: str = ""
    time_zone: str = ""


USUAL = Manner()


@cache
def time_zone_names() -> frozenset[str]:
    """Return all names that this machine knows (it searches its disk for them, once)."""
    return frozenset(available_timezones())


def manner_of(subscriber: Subscriber) -> Manner:
    """Return how ``subscriber`` is written to (1 query unless ``update_frequency`` is loaded)."""
    rhythm = getattr(subscriber, "update_frequency", None) or UpdateFrequency()
    return Manner(rhythm.frequency, rhythm.weekday, subscriber.language, subscriber.time_zone)


def choose_manner(*, subscriber: Subscriber, manner: Manner) -> None:
    """Write to ``subscriber`` like that from now on; a language or zone we know not is left out."""
    if manner.language in dict(settings.LANGUAGES):
        subscriber.language = manner.language
    subscriber.time_zone = manner.time_zone if manner.time_zone in time_zone_names() else ""
    subscriber.save(update_fields=["language", "time_zone"])
    # Not a new row: it also holds the day of the last digest.
    subscriber.update_frequency, _is_new = UpdateFrequency.objects.update_or_create(
        subscriber=subscriber,
        defaults={"frequency": manner.frequency, "weekday": manner.weekday},
    )


@transaction.atomic
def choose_topics(*, subscriber: Subscriber, topic_ids: Iterable[int]) -> None:
    """Make ``topic_ids`` the subscriber's topics (none: all articles); unknown ones are ignored."""
    Subscriber.objects.select_for_update().get(pk=subscriber.pk)
    chosen = TopicSubscription.objects.filter(subscriber=subscriber)
    chosen.exclude(topic__in=topic_ids).delete()
    TopicSubscription.objects.bulk_create(
        [
            TopicSubscription(subscriber=subscriber, topic=topic)
            for topic in Topic.objects.filter(pk__in=topic_ids)
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def save_preferences(
    *,
    subscriber: Subscriber,
    switched_on: Collection[str],
    switched_off: Collection[str],
    topic_ids: Iterable[int],
    manner: Manner,
    paused_until: date | None,
) -> None:
    """Store all that the preference page asks; a second time changes nothing.

    ``switched_on``, ``switched_off``: keys of streams that the person has ticked, or no longer
    ticks. Their word is recorded as such; what stood there and was left alone is not.
    """
    choose_topics(subscriber=subscriber, topic_ids=topic_ids)
    choose_manner(subscriber=subscriber, manner=manner)
    pause(subscriber=subscriber, until=paused_until)
    for stream in consent_streams():
        is_wanted = stream.key in switched_on
        if is_wanted or stream.key in switched_off:
            record_consent(
                subscriber=subscriber,
                stream=stream.key,
                is_granted=is_wanted,
                wording=str(stream.wording) if is_wanted else SWITCHED_OFF,
            )
    if switched_on:
        note_confirmed(subscriber)


def pause(*, subscriber: Subscriber, until: date | None) -> None:
    """Send no updates before the day ``until`` (the subscriber's own); None: go on at once."""
    subscriber.paused_until = until
    subscriber.save(update_fields=["paused_until"])


def today_of(subscriber: Subscriber) -> date:
    """Return what day it is where the subscriber is; at the site where the zone is unknown."""
    return subscriber.local_date(timezone.now())


def is_paused(subscriber: Subscriber) -> bool:
    return subscriber.paused_until is not None and subscriber.paused_until > today_of(subscriber)


def note_confirmed(subscriber: Subscriber) -> None:
    """Note that the holder of the address has spoken: links lead here from their mailbox alone."""
    if subscriber.confirmed_at is None:
        subscriber.confirmed_at = timezone.now()
        subscriber.save(update_fields=["confirmed_at"])


def consent_streams() -> list[Stream]:
    """Return the streams that a person switches on and off."""
    streams = [get_stream(key) for key, _name in stream_choices()]
    return [stream for stream in streams if stream.needs_consent]


def half_hidden(address: str) -> str:
    """Return ``address`` so that its holder knows it: links to these pages get forwarded."""
    local, _at, domain = address.rpartition("@")
    return f"{local[:1] if len(local) > 1 else ''}…@{domain}"


# --- Subscribers with an account -----------------------------------------------------------------


def own_address(user: User, email: str = "") -> EmailAddress | None:
    """Return the account's address ``email`` if it is confirmed; without one, the main one."""
    addresses = EmailAddress.objects.filter(user=user, verified=True).order_by("-primary", "pk")
    return (addresses.filter(email__iexact=email) if email else addresses).first()


def link_account(subscriber: Subscriber) -> None:
    """Tie the subscriber to the account whose confirmed address this is, and to no other."""
    holder = EmailAddress.objects.filter(email__iexact=subscriber.email, verified=True).first()
    subscriber.user_id = holder.user_id if holder else None
    subscriber.save(update_fields=["user"])


def subscriptions_of(user: User) -> SubscriberQuerySet:
    """Return the confirmed subscribers who are this account, or have an address of its."""
    own = EmailAddress.objects.filter(user=user, verified=True).values(lowered=Lower("email"))
    return (
        Subscriber.objects.alias(lowered=Lower("email"))
        .filter(Q(user=user) | Q(lowered__in=own), confirmed_at__isnull=False)
        .order_by("email")
    )
