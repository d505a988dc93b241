"""Writes with several effects: consents, and planning what is to be sent."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import css_inline
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from portal.core.models import site_settings

from .models import Consent, Delivery, MailedItem, Mailing, Subscriber, SubscriberQuerySet
from .streams import TRANSACTIONAL, Stream, get_stream

# A confirmation that arrives after this is more of a puzzle than a help.
PERSONAL_MAIL_VALIDITY = timedelta(days=2)

_inliner = css_inline.CSSInliner(
    # Media queries (dark mode) cannot be inlined; they stay in the head.
    keep_at_rules=True,
    load_remote_stylesheets=False,
)


@transaction.atomic
def record_consent(
    *, subscriber: Subscriber, stream: str, is_granted: bool, wording: str
) -> Consent | None:
    """Record a consent to ``stream`` or its withdrawal, as a new row of evidence.

    ``wording``: what the person read and agreed to, or how they withdrew. Returns None, and
    records nothing, if that is the person's latest word already.
    """
    # Two clicks at once are one word.
    Subscriber.objects.select_for_update().get(pk=subscriber.pk)
    latest = subscriber.consents.filter(stream=stream).first()
    if (latest.is_granted if latest else False) == is_granted:
        return None
    return Consent.objects.create(
        subscriber=subscriber,
        stream=stream,
        is_granted=is_granted,
        wording=wording,
        wording_hash=hashlib.sha256(wording.encode()).hexdigest(),
    )


def approval_now() -> datetime | None:
    """Return when a mailing that is planned now is approved: None if somebody has to look first.

    For subscribed streams alone: nobody's confirmation waits for an editor.
    """
    return None if site_settings().mailings_need_approval else timezone.now()


def with_inline_css(html: str) -> str:
    """Return ``html`` as it is stored and sent."""
    return _inliner.inline(html)


def freeze_mailing(
    *,
    key: str,
    stream: Stream,
    subject: str,
    html: str,
    text: str,
    language: str,
    deadline_at: datetime,
    approved_at: datetime | None,
    is_sent_despite_pause: bool = False,
) -> Mailing:
    """Store what is to be sent: CSS inlined, the subject on one line."""
    return Mailing.objects.create(
        key=key,
        stream=stream.key,
        subject=" ".join(subject.split())[:300],
        html=with_inline_css(html),
        text=text,
        language=language,
        deadline_at=deadline_at,
        approved_at=approved_at,
        is_sent_despite_pause=is_sent_despite_pause,
    )


@transaction.atomic
def plan_mailing(
    *,
    key: str,
    stream: str,
    subject: str,
    html: str,
    text: str,
    language: str,
    recipients: SubscriberQuerySet,
    item_keys: Sequence[str],
    deadline_at: datetime,
    is_sent_despite_pause: bool = False,
) -> Mailing | None:
    """Freeze a message and plan one delivery for each of ``recipients``, in one statement.

    To be called in the transaction that makes the occasion (publishing an article), so that both
    happen or neither does; ``portal.mail.tasks.wake_workers`` is the caller's next call.
    ``recipients`` are left out as ``plan_deliveries`` says. Returns None if ``key`` was planned
    before: the same thing is never sent twice.
    """
    if Mailing.objects.filter(key=key).exists():
        return None
    mailing = freeze_mailing(
        key=key,
        stream=get_stream(stream),
        subject=subject,
        html=html,
        text=text,
        language=language,
        deadline_at=deadline_at,
        approved_at=approval_now(),
        is_sent_despite_pause=is_sent_despite_pause,
    )
    plan_deliveries(mailing, recipients=recipients, item_keys=item_keys)
    return mailing


@transaction.atomic(savepoint=False)
def plan_deliveries(
    mailing: Mailing, *, recipients: SubscriberQuerySet, item_keys: Sequence[str]
) -> int:
    """Plan a delivery of ``mailing`` for each of ``recipients``; return how many (2 statements).

    Left out is who has a suppressed address or was told of any of ``item_keys`` before, be it by
    a transaction that commits while this one waits for it: then nothing is noted as told.
    """
    kind = get_stream(mailing.stream)
    wanted, wanted_params = recipients.order_by().values_list("pk", "email").query.sql_with_params()
    # The recipients' query may name its columns as it likes: "chosen" gives them ours.
    statement = f"""
        WITH chosen (subscriber_id, address) AS ({wanted}),
        allowed AS (
            SELECT subscriber_id, address FROM chosen
            WHERE NOT EXISTS (
                SELECT FROM mail_suppression
                WHERE lower(mail_suppression.address) = lower(chosen.address)
                AND (expires_at IS NULL OR expires_at > %s)
            )
        ),
        told AS (
            INSERT INTO mail_maileditem (subscriber_id, item_key, mailing_id)
            SELECT subscriber_id, item_key, %s
            FROM allowed CROSS JOIN unnest(%s::text[]) AS item (item_key)
            -- Who plans at the same time waits for us, and we for them, but not both.
            ORDER BY subscriber_id, item_key
            ON CONFLICT DO NOTHING
            RETURNING subscriber_id
        ),
        of_all AS (
            SELECT subscriber_id FROM told GROUP BY subscriber_id HAVING count(*) = %s
        ),
        planned AS (
            INSERT INTO mail_delivery (
                mailing_id, subscriber_id, address, priority, state, reason, attempts,
                next_attempt_at, created_at, provider_id, resolution
            )
            SELECT %s, subscriber_id, address, %s, %s, '', 0, %s, %s, '', ''
            FROM allowed JOIN of_all USING (subscriber_id)
            ORDER BY subscriber_id
            RETURNING 1
        )
        SELECT
            (SELECT count(*) FROM chosen),
            (SELECT count(*) FROM planned),
            (SELECT count(*) FROM told)
    """  # noqa: S608 - composed of the ORM's own SQL; all values are parameters
    now = timezone.now()
    keys = sorted(set(item_keys))
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            [
                *wanted_params,
                now,
                mailing.pk,
                keys,
                len(keys),
                mailing.pk,
                kind.priority,
                Delivery.State.PENDING,
                now,
                now,
            ],
        )
        chosen_count, planned_count, told_count = cursor.fetchone()
    if told_count != planned_count * len(keys):
        deliveries = Delivery.objects.filter(mailing=mailing, subscriber=OuterRef("subscriber"))
        MailedItem.objects.filter(~Exists(deliveries), mailing=mailing).delete()
    # By F(): a digest's mailing gets more recipients as the morning comes to them.
    Mailing.objects.filter(pk=mailing.pk).update(
        candidate_count=F("candidate_count") + planned_count,
        excluded_count=F("excluded_count") + chosen_count - planned_count,
    )
    mailing.candidate_count += planned_count
    mailing.excluded_count += chosen_count - planned_count
    return int(planned_count)


@transaction.atomic
def plan_personal_mail(
    *,
    key: str,
    subscriber: Subscriber,
    subject: str,
    html: str,
    text: str,
    language: str = "",
    stream: Stream = TRANSACTIONAL,
    validity: timedelta = PERSONAL_MAIL_VALIDITY,
) -> Delivery:
    """Plan one transactional message: sent first, and whatever the person opted out of.

    It waits in the outbox like all others, so a mail server that is away loses nothing.
    ``language``: what it is written in; empty: the subscriber's. ``stream``: one that needs no
    consent.
    """
    now = timezone.now()
    mailing = freeze_mailing(
        key=key,
        stream=stream,
        subject=subject,
        html=html,
        text=text,
        language=language or subscriber.language,
        deadline_at=now + validity,
        approved_at=now,
    )
    mailing.candidate_count = 1
    mailing.save(update_fields=["candidate_count"])
    return Delivery.objects.create(
        mailing=mailing,
        subscriber=subscriber,
        address=subscriber.email,
        priority=stream.priority,
        next_attempt_at=now,
        created_at=now,
    )


def was_told(subscriber: Subscriber, item_key: str) -> bool:
    """Whether ``subscriber`` has been, or is going to be, told of ``item_key``."""
    return MailedItem.objects.filter(subscriber=subscriber, item_key=item_key).exists()
