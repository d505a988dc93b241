"""Daily and weekly mails: what is new since the last one, planned in the reader's own morning.

A tick plans whatever is due, in batches of one transaction each; run twice, by two beats or late,
it does the same. A digest is planned once for each local date (``UpdateFrequency.digest_on``),
another one where it was taken back (``outdated_digest``), and an article is in it only if no other
mail told of it (``MailedItem``). Who is written to at once gets a digest of what was published
while they had paused, before they gave up a digest, or on topics that they have chosen since: at
most ``MOST_ARTICLES`` of the last ``OLDEST_NEWS``.
"""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from articles.models import Article, ArticleTransition, Verb
from portal.mail.message import encoded_size
from portal.mail.models import Delivery, MailedItem, Mailing, Subscriber
from portal.mail.services import plan_deliveries, plan_mailing, with_inline_css

from .announcements import hold_planning, item_key, local_times, topic_parents, with_broader
from .models import UpdateFrequency
from .rendering import GAPS, mailed_article, render_mail
from .streams import ARTICLE_UPDATES

DIGEST_HOUR = 7
NOON = 12
MOST_ARTICLES = 20  # in one digest; the others come in the next
MOST_BYTES = 94_000  # of its parts as they are sent: 100 KB with headers and what fills the gaps
OLDEST_NEWS = timedelta(days=30)
# For how long it may wait in the outbox. A daily one is given up before the next morning, whose
# digest then tells of its articles; a weekly one would have to wait a week.
DIGEST_VALIDITY = {
    UpdateFrequency.Frequency.AT_ONCE: timedelta(hours=20),
    UpdateFrequency.Frequency.DAILY: timedelta(hours=20),
    UpdateFrequency.Frequency.WEEKLY: timedelta(days=3),
}
BATCH_SIZE = 5_000
# Why a planned mail was never sent, so that its articles are still news.
NEVER_SENT = Q(state=Delivery.State.SKIPPED, reason=Delivery.Reason.PAUSED) | Q(
    state=Delivery.State.FAILED, reason=Delivery.Reason.TOO_LATE
)

# Who has no row of frequency is written to at once, and has something to catch up with only if
# they paused. A weekly digest that the tick missed on its day is made up in the next forenoon;
# whose digest was taken back is due on any day.
_DUE = """
    WITH taken_back AS MATERIALIZED (
        SELECT frequency.subscriber_id, mailing.paused_at IS NOT NULL AS is_held
        FROM updates_updatefrequency AS frequency
        JOIN mail_delivery AS delivery ON delivery.subscriber_id = frequency.subscriber_id
            AND delivery.mailing_id = frequency.outdated_digest_id
        JOIN mail_mailing AS mailing ON mailing.id = delivery.mailing_id
        WHERE (state, reason) IN (('skipped', 'cancelled'), ('failed', 'too_late'))
    )
    SELECT subscriber.id, subscriber.language, coalesce(frequency.frequency, 'at_once'),
        due.on_day, word.recorded_at, coalesce(taken_back.is_held, false)
    FROM mail_subscriber AS subscriber
    JOIN unnest(%s::text[], %s::date[], %s::boolean[], %s::boolean[])
        AS zone (name, today, is_morning, is_forenoon)
        ON zone.name = subscriber.time_zone
    LEFT JOIN updates_updatefrequency AS frequency ON frequency.subscriber_id = subscriber.id
    LEFT JOIN taken_back ON taken_back.subscriber_id = subscriber.id
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN frequency.frequency = 'weekly' AND zone.is_forenoon
            AND frequency.weekday = extract(isodow FROM zone.today - 1) THEN zone.today - 1
            ELSE zone.today
        END AS on_day
    ) AS due
    CROSS JOIN LATERAL (
        SELECT is_granted, recorded_at FROM mail_consent
        WHERE subscriber_id = subscriber.id AND stream = %s
        ORDER BY id DESC LIMIT 1
    ) AS word
    WHERE subscriber.confirmed_at IS NOT NULL
    AND word.is_granted
    AND NOT EXISTS (
        SELECT FROM mail_suppression
        WHERE lower(mail_suppression.address) = lower(subscriber.email)
        AND (expires_at IS NULL OR expires_at > %s)
    )
    AND (subscriber.paused_until IS NULL OR subscriber.paused_until <= zone.today)
    AND (frequency.id IS NOT NULL OR subscriber.paused_until IS NOT NULL)
    AND zone.is_morning
    AND (
        taken_back.subscriber_id IS NOT NULL
        OR (
            (frequency.digest_on IS NULL OR frequency.digest_on < due.on_day)
            AND (
                frequency.frequency IS DISTINCT FROM 'weekly'
                OR frequency.weekday = extract(isodow FROM due.on_day)
            )
        )
    )
    ORDER BY subscriber.id
    LIMIT %s
"""

# By how many of the reader's topics an article has, then the newest first.
_NEWS = """
    WITH recent AS (
        SELECT * FROM jsonb_to_recordset(%s)
            AS r (id bigint, place integer, published_at timestamptz, topics bigint[])
    ),
    reader AS MATERIALIZED (
        SELECT subscriber_id, since, ARRAY(
            SELECT topic_id FROM updates_topicsubscription AS chosen
            WHERE chosen.subscriber_id = due.subscriber_id
        ) AS topics
        FROM unnest(%s::bigint[], %s::timestamptz[]) AS due (subscriber_id, since)
    )
    SELECT reader.subscriber_id,
        (array_agg(recent.id ORDER BY fit.topics DESC, recent.place))[1:%s]
    FROM reader
    JOIN recent ON recent.published_at >= reader.since
        AND (reader.topics = '{}' OR recent.topics && reader.topics)
    CROSS JOIN LATERAL (
        SELECT count(*) AS topics FROM unnest(reader.topics) AS topic
        WHERE topic = ANY (recent.topics)
    ) AS fit
    WHERE NOT EXISTS (
        SELECT FROM mail_maileditem AS told
        WHERE told.subscriber_id = reader.subscriber_id
        AND told.item_key = 'article:' || recent.id
    )
    GROUP BY reader.subscriber_id
"""


@dataclass(frozen=True, slots=True)
class Due:
    """Whose digest is due, and since when they have been subscribed.

    ``is_held``: it comes in place of one that staff had paused, and waits as that did.
    """

    subscriber: int
    language: str
    frequency: str
    on: date
    since: datetime
    is_held: bool


@dataclass(frozen=True, slots=True)
class Digest:
    """One message: whoever has the same articles, language and frequency on a day shares it."""

    frequency: str
    on: date
    language: str
    articles: tuple[int, ...]
    is_held: bool


def plan_due_digests() -> int:
    """Plan every digest that is due; return the number of deliveries.

    Memory: one batch of subscribers and the articles that they are told of.
    """
    total = 0
    while (planned := plan_batch()) is not None:
        total += planned
    return total


@transaction.atomic
def plan_batch(size: int = BATCH_SIZE) -> int | None:
    """Plan the digests of up to ``size`` subscribers; return the deliveries, None if nobody is due.

    9 queries, and 4 to 6 for each different digest, however many subscribers share it.
    """
    hold_planning()
    due = _due(timezone.now(), size)
    if not due:
        return None
    _forget_what_was_never_sent([one.subscriber for one in due])
    news = _news(due, _recent_articles())
    digests: dict[Digest, list[int]] = defaultdict(list)
    for one in due:
        if one.subscriber in news:
            articles = tuple(news[one.subscriber])
            digest = Digest(one.frequency, one.on, one.language, articles, one.is_held)
            digests[digest].append(one.subscriber)
    contents = _articles({pk for digest in digests for pk in digest.articles})
    planned = sum(
        _plan(digest, [contents[pk] for pk in digest.articles], subscribers)
        for digest, subscribers in digests.items()
    )
    # Also who has nothing to be told of: their day is over.
    UpdateFrequency.objects.bulk_create(
        [UpdateFrequency(subscriber_id=one.subscriber, digest_on=one.on) for one in due],
        update_conflicts=True,
        unique_fields=["subscriber"],
        update_fields=["digest_on", "outdated_digest"],
    )
    return planned


def _due(now: datetime, size: int) -> list[Due]:
    zones = local_times(Subscriber.objects.all(), now)
    offered = dict(settings.LANGUAGES)
    with connection.cursor() as cursor:
        cursor.execute(
            _DUE,
            [
                list(zones),
                [moment.date() for moment in zones.values()],
                [moment.hour >= DIGEST_HOUR for moment in zones.values()],
                [DIGEST_HOUR <= moment.hour < NOON for moment in zones.values()],
                ARTICLE_UPDATES.key,
                now,
                size,
            ],
        )
        return [
            Due(pk, language if language in offered else settings.LANGUAGE_CODE, *others)
            for pk, language, *others in cursor
        ]


def _forget_what_was_never_sent(subscribers: list[int]) -> None:
    """Let articles be news again whose mail was left out by a pause, or was not sent in time."""
    unsent = Delivery.objects.filter(
        NEVER_SENT, subscriber=OuterRef("subscriber"), mailing=OuterRef("mailing")
    )
    MailedItem.objects.filter(Exists(unsent), subscriber__in=subscribers).delete()


def _recent_articles() -> list[dict[str, Any]]:
    """Return the visible articles that came out lately, the newest first (2 queries)."""
    published = ArticleTransition.objects.filter(
        verb=Verb.PUBLISH, version__number=1, at__gt=timezone.now() - OLDEST_NEWS
    )
    rows = list(
        Article.objects.published()
        .filter(transitions__in=published)
        .order_by("-transitions__at", "-pk")
        .values_list("pk", "transitions__at", "search_topics")
    )
    parents = topic_parents() if rows else {}
    return [
        {
            "id": pk,
            "place": place,
            "published_at": at.isoformat(),
            "topics": sorted(with_broader(own, parents)),
        }
        for place, (pk, at, own) in enumerate(rows)
    ]


def _news(due: list[Due], recent: list[dict[str, Any]]) -> dict[int, list[int]]:
    """Return the articles that each of ``due`` is to be told of, in their order (1 query)."""
    if not recent:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            _NEWS,
            [
                json.dumps(recent),
                [one.subscriber for one in due],
                [one.since for one in due],
                MOST_ARTICLES,
            ],
        )
        return dict(cursor.fetchall())


def _articles(keys: set[int]) -> dict[int, Article]:
    return Article.objects.select_related("published_version").in_bulk(keys) if keys else {}


def _plan(digest: Digest, articles: list[Article], subscribers: list[int]) -> int:
    """Plan the message, or give one that was planned in another morning more recipients."""
    html, text, subject = _render(digest, articles)
    while len(articles) > 1 and (size := encoded_size(with_inline_css(html), text)) > MOST_BYTES:
        # In Japanese a letter has nine bytes. The others come in the next digest.
        fitting = len(articles) * MOST_BYTES // size
        articles = articles[: max(1, min(fitting, len(articles) - 1))]
        html, text, subject = _render(digest, articles)
    versions = [article.published_version_id for article in articles]
    content = hashlib.sha256(json.dumps([versions, subject, html, text]).encode()).hexdigest()[:16]
    key = f"digest:{digest.frequency}:{digest.on}:{digest.language}:{content}"
    if digest.is_held:
        # Not together with those that are not paused.
        key += ":held"
    items = [item_key(article.pk) for article in articles]
    recipients = Subscriber.objects.filter(pk__in=subscribers)
    deadline_at = timezone.now() + DIGEST_VALIDITY[UpdateFrequency.Frequency(digest.frequency)]
    mailing = Mailing.objects.filter(key=key).first()
    if mailing is not None:
        Mailing.objects.filter(pk=mailing.pk).update(deadline_at=deadline_at)
        return plan_deliveries(mailing, recipients=recipients, item_keys=items)
    mailing = plan_mailing(
        key=key,
        item_keys=items,
        stream=ARTICLE_UPDATES.key,
        subject=subject,
        html=html,
        text=text,
        language=digest.language,
        recipients=recipients,
        deadline_at=deadline_at,
    )
    if mailing is not None and digest.is_held:
        Mailing.objects.filter(pk=mailing.pk).update(paused_at=timezone.now())
    return mailing.candidate_count if mailing else 0


def _render(digest: Digest, articles: list[Article]) -> tuple[str, str, str]:
    with translation.override(digest.language):
        contents = [
            mailed_article(article, article.published_version)
            for article in articles
            if article.published_version is not None
        ]
        count, title = len(contents), contents[0].public["title"]
        context = {"articles": contents, "frequency": digest.frequency, "on": digest.on, **GAPS}
        html, text = render_mail("email/digest", context)
        if count == 1:
            subject = _("New article: %(title)s")
        else:
            subject = ngettext(
                "%(count)d new article: %(title)s, and more",
                "%(count)d new articles: %(title)s, and more",
                count,
            )
    return html, text, subject % {"count": count, "title": title}
