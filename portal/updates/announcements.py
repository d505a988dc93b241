"""Telling subscribers of an article at once, when it is published."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from articles.models import Article, ArticleVersion, Topic
from portal.mail.models import Mailing, Subscriber, SubscriberQuerySet
from portal.mail.services import plan_mailing

from .models import TopicSubscription, UpdateFrequency
from .rendering import GAPS, mailed_article, render_mail
from .streams import ARTICLE_UPDATES

# News of an article that comes later than this is no news.
ARTICLE_UPDATE_VALIDITY = timedelta(days=3)
# "updates", as a number: whoever plans news holds this advisory lock until the commit.
_PLANNING = 0x75706461746573


@transaction.atomic
def announce_article(
    *, article: Article, version: ArticleVersion, recipients: SubscriberQuerySet | None = None
) -> list[Mailing]:
    """Plan one mail about ``version`` for each subscriber who wants to know at once.

    One mailing per language in which there are recipients, and one in the site's own in any case:
    the desk shows that it went to nobody. What was planned before is not planned again.
    ``recipients``: instead of whoever is interested. Besides what is public, the mail holds the
    key learning: the declaration still stands before the body.
    """
    hold_planning()
    if recipients is None:
        recipients = told_at_once(article)
    mailings = []
    for language, speakers in by_language(recipients):
        with translation.override(language):
            subject, html, text = write_announcement(article, version)
        mailings.append(
            plan_mailing(
                key=f"{announcement_key(article, version)}:{language}",
                item_keys=[item_key(article.pk)],
                stream=ARTICLE_UPDATES.key,
                subject=subject,
                html=html,
                text=text,
                language=language,
                recipients=speakers,
                deadline_at=timezone.now() + ARTICLE_UPDATE_VALIDITY,
            )
        )
    return [mailing for mailing in mailings if mailing is not None]


def write_announcement(article: Article, version: ArticleVersion) -> tuple[str, str, str]:
    """Return subject, HTML and text in the active language; ``version`` may be unsaved."""
    content = mailed_article(article, version)
    html, text = render_mail("email/article_update", {"article": content, **GAPS})
    return _("New article: %(title)s") % {"title": version.document["title"]}, html, text


def announcements_of(article: Article) -> QuerySet[Mailing]:
    """Return the mailings that announce ``article`` alone and are not cancelled."""
    key = item_key(article.pk)
    # Mailings of before there were several per article have the item's key.
    return Mailing.objects.filter(Q(key=key) | Q(key__startswith=f"{key}:"), cancelled_at=None)


def item_key(article_pk: int) -> str:
    """Return the key under which a subscriber is told of an article once, in whichever mail."""
    return f"article:{article_pk}"


def announcement_key(article: Article, version: ArticleVersion) -> str:
    """Return the beginning of the mailings' keys; a corrected version is announced anew."""
    return item_key(article.pk) + (f":{version.number}" if version.number > 1 else "")


def hold_planning() -> None:
    """Wait for whoever else plans news, and have others wait until this transaction's end.

    So nobody is told of an article by a digest and at once, however they change their choice.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PLANNING])


def topics_of(article: Article) -> set[int]:
    """Return the topics of ``article`` and all that are broader (2 queries)."""
    own = article.topics.values_list("pk", flat=True)
    return with_broader(own, topic_parents())


def topic_parents() -> dict[int, int | None]:
    """Return the broader topic of each (1 query): from the database, since news is not told twice.

    What a process remembers of the topics may be a second old.
    """
    return dict(Topic.objects.values_list("pk", "parent"))


def with_broader(topics: Iterable[int], parents: Mapping[int, int | None]) -> set[int]:
    """Return ``topics`` and all that are broader."""
    found = set(topics)
    for topic in tuple(found):
        parent = parents.get(topic)
        while parent is not None and parent not in found:
            found.add(parent)
            parent = parents.get(parent)
    return found


def interested_in(article: Article) -> SubscriberQuerySet:
    """Return who wants to know of ``article`` (2 queries)."""
    return interested_in_topics(topics_of(article))


def interested_in_topics(topic_ids: Collection[int]) -> SubscriberQuerySet:
    """Return who wants to know of an article with these ``topics_of``: who chose any, or none."""
    chosen = TopicSubscription.objects.filter(subscriber=OuterRef("pk"))
    return Subscriber.objects.consenting_to(ARTICLE_UPDATES.key).filter(
        ~Exists(chosen) | Exists(chosen.filter(topic__in=topic_ids))
    )


def wants_digests() -> Exists:
    """Return the condition on subscribers who are told in a daily or weekly mail."""
    frequencies = UpdateFrequency.objects.filter(subscriber=OuterRef("pk"))
    return Exists(frequencies.exclude(frequency=UpdateFrequency.Frequency.AT_ONCE))


def not_paused_at(moment: datetime) -> Q:
    """Return the condition on subscribers who have not paused, each by their own day (1 query)."""
    paused = Q()
    zones: dict[date, list[str]] = defaultdict(list)
    pausing = Subscriber.objects.filter(paused_until__isnull=False)
    for name, local in local_times(pausing, moment).items():
        zones[local.date()].append(name)
    for today, names in zones.items():
        paused |= Q(paused_until__gt=today, time_zone__in=names)
    return ~paused


def told_at_once(article: Article) -> SubscriberQuerySet:
    """Return who is interested, wants a mail for each article, and has not paused (3 queries)."""
    recipients = interested_in(article)
    return recipients.filter(not_paused_at(timezone.now()), ~wants_digests())


def local_times(subscribers: SubscriberQuerySet, moment: datetime) -> dict[str, datetime]:
    """Return ``moment`` in each time zone of ``subscribers``, by its name (1 query).

    Python's zones and not PostgreSQL's: an unknown name means the site's zone and no error.
    """
    names = subscribers.order_by().values_list("time_zone", flat=True).distinct()
    return {name: moment.astimezone(_zone(name)) for name in names}


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or settings.TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(settings.TIME_ZONE)


def by_language(recipients: SubscriberQuerySet) -> list[tuple[str, SubscriberQuerySet]]:
    """Return those who read each language, the site's own first (1 query, none for one language).

    It is there even if nobody reads it, and for whoever reads one that is not offered any more.
    """
    own = settings.LANGUAGE_CODE
    others = [code for code, _name in settings.LANGUAGES if code != own]
    if not others:
        return [(own, recipients)]
    read = set(recipients.order_by().values_list("language", flat=True).distinct())
    return [
        (own, recipients.exclude(language__in=others)),
        *((code, recipients.filter(language=code)) for code in others if code in read),
    ]
