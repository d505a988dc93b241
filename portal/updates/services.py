"""Writes with several effects: subscribing and leaving."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.core.models import site_settings
from portal.mail.models import Delivery, Subscriber, Suppression
from portal.mail.services import plan_personal_mail, record_consent
from portal.mail.tasks import wake_workers

from .choices import (
    USUAL,
    Manner,
    choose_manner,
    choose_topics,
    consent_streams,
    link_account,
    manner_of,
    note_confirmed,
    own_address,
    pause,
)
from .models import TopicSubscription
from .rendering import GAPS, render_mail
from .streams import ARTICLE_UPDATES, ARTICLE_UPDATES_WORDING, SUBSCRIBING
from .tokens import confirmation_url

# At most so many mails to one address within so long, whoever types it in and from wherever.
KEY_PREFIX = "subscription"
REQUEST_LIMITS = ((timedelta(minutes=10), 1), (timedelta(days=1), 3))


@transaction.atomic
def request_subscription(*, email: str, topic_ids: Iterable[int], manner: Manner = USUAL) -> None:
    """Write to ``email`` (as ``ascii_address`` returns it), asking to confirm the subscription.

    In the language of this form, whatever an earlier one said. Who gets the updates already is sent
    the way to their choices instead. Above the limits nothing is sent. The caller answers the same
    in all cases: nobody learns whose address we know.
    """
    language = manner.language or translation.get_language() or settings.LANGUAGE_CODE
    Subscriber.objects.bulk_create(
        [Subscriber(email=email, language=language)], ignore_conflicts=True
    )
    # Two requests at once for one address must not both find the limit free.
    subscriber = Subscriber.objects.with_address(email).select_for_update().get()
    _ask(subscriber, topic_ids, manner, language)


def _ask(subscriber: Subscriber, topic_ids: Iterable[int], manner: Manner, language: str) -> None:
    if _has_been_written_to_enough(subscriber):
        return
    with translation.override(language):
        _write_about_subscription(subscriber, topic_ids, manner, language)
    wake_workers()


def _write_about_subscription(
    subscriber: Subscriber, topic_ids: Iterable[int], manner: Manner, language: str
) -> None:
    context: dict[str, Any] = {"wording": ARTICLE_UPDATES_WORDING}
    gets_them = not suppressions_of(subscriber.email).exists()
    if gets_them and subscriber.consents_to(ARTICLE_UPDATES.key):
        template = "email/already_subscribed"
        subject = _("You are subscribed to %(site)s")
        context["preferences_url"] = GAPS["preferences_url"]
    else:
        template = "email/confirm_subscription"
        subject = _("Please confirm: updates from %(site)s")
        context["confirmation_url"] = confirmation_url(subscriber, topic_ids, manner)
    html, text = render_mail(template, context)
    plan_personal_mail(
        key=f"{KEY_PREFIX}:{uuid.uuid4()}",
        subscriber=subscriber,
        subject=subject % {"site": site_settings().name},
        html=html,
        text=text,
        language=language,
        stream=SUBSCRIBING,
    )


def _has_been_written_to_enough(subscriber: Subscriber) -> bool:
    now = timezone.now()
    written = Delivery.objects.filter(
        subscriber=subscriber, mailing__key__startswith=f"{KEY_PREFIX}:"
    )
    return any(
        written.filter(created_at__gt=now - period).count() >= limit
        for period, limit in REQUEST_LIMITS
    )


def suppressions_of(email: str) -> QuerySet[Suppression]:
    """Return why ``email`` gets no updates at present, whatever its holder chose (one or none)."""
    return Suppression.objects.of_address(email).active_at(timezone.now())


def has_left_since(subscriber: Subscriber, moment: datetime) -> bool:
    """Whether the latest word on the updates is a withdrawal of after ``moment`` (1 query)."""
    word = subscriber.consents.filter(stream=ARTICLE_UPDATES.key).first()
    return word is not None and not word.is_granted and word.recorded_at >= moment


@transaction.atomic
def confirm_subscription(
    *,
    subscriber: Subscriber,
    topic_ids: Iterable[int],
    manner: Manner = USUAL,
    issued_at: datetime | None = None,
) -> None:
    """Record that the holder of the address wants the updates; a second time changes nothing.

    ``issued_at``: when the link was written that they followed; None: now.
    """
    # The link arrived and was followed: a bounce or complaint of before it is out of date.
    outdated = Suppression.objects.of_address(subscriber.email).exclude(
        reason=Suppression.Reason.REQUEST
    )
    lifted, _by_model = outdated.filter(created_at__lt=issued_at or timezone.now()).delete()
    _subscribe(subscriber, topic_ids, manner, is_new=bool(lifted))


@transaction.atomic
def subscribe_account(
    *, user: User, email: str, topic_ids: Iterable[int], manner: Manner
) -> Subscriber | None:
    """Subscribe an address that the account has confirmed, without another mail.

    None, and nothing is done, where only a mail can settle it: ``email`` (as ``ascii_address``
    returns it) is no confirmed address of ``user``, or mail to it is suppressed.
    """
    if own_address(user, email) is None or suppressions_of(email).exists():
        return None
    language = translation.get_language() or settings.LANGUAGE_CODE
    Subscriber.objects.bulk_create(
        [Subscriber(email=email, language=language)], ignore_conflicts=True
    )
    subscriber = Subscriber.objects.with_address(email).select_for_update().get()
    # Unlike a link that is followed once more, the form says what its owner wants now.
    _subscribe(subscriber, topic_ids, manner, is_new=True)
    return subscriber


def _subscribe(
    subscriber: Subscriber, topic_ids: Iterable[int], manner: Manner, *, is_new: bool
) -> None:
    """Record the consent, and what was chosen with it unless it is the latest word already.

    ``is_new``: what was chosen counts in any case.
    """
    given = record_consent(
        subscriber=subscriber,
        stream=ARTICLE_UPDATES.key,
        is_granted=True,
        wording=str(ARTICLE_UPDATES_WORDING),
    )
    note_confirmed(subscriber)
    link_account(subscriber)
    if given is None and not is_new:
        return
    if given is not None:
        # A pause of long ago is not what somebody means who subscribes.
        pause(subscriber=subscriber, until=None)
    choose_topics(subscriber=subscriber, topic_ids=topic_ids)
    choose_manner(subscriber=subscriber, manner=manner)


@transaction.atomic
def unsubscribe(*, subscriber: Subscriber, is_one_click: bool, is_from_all: bool = False) -> None:
    """End the updates, beginning with the next unsent message; a second time changes nothing."""
    for stream in consent_streams() if is_from_all else [ARTICLE_UPDATES]:
        record_consent(
            subscriber=subscriber,
            stream=stream.key,
            is_granted=False,
            wording=(
                "Unsubscribed by one click in the mail program (RFC 8058)"
                if is_one_click
                else "Unsubscribed on the page of the link in an e-mail"
            ),
        )


@transaction.atomic
def resubscribe(*, subscriber: Subscriber) -> bool:
    """Take an opt-out back: a new consent, with the topics and the frequency as they were.

    False where only a mail can settle it, because earlier ones came back or were called spam: it
    is sent instead, within the limits.
    """
    suppressions = suppressions_of(subscriber.email)
    if suppressions.exclude(reason=Suppression.Reason.REQUEST).exists():
        subscriber = Subscriber.objects.select_for_update(of=("self",)).get(pk=subscriber.pk)
        topics = TopicSubscription.objects.filter(subscriber=subscriber)
        chosen = list(topics.values_list("topic", flat=True))
        _ask(subscriber, chosen, manner_of(subscriber), subscriber.language)
        return False
    record_consent(
        subscriber=subscriber,
        stream=ARTICLE_UPDATES.key,
        is_granted=True,
        wording=str(ARTICLE_UPDATES_WORDING),
    )
    note_confirmed(subscriber)
    return True
