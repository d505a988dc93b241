"""What the desk is told of update e-mails before they are planned: who would get what, and when."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from articles.documents import build_document
from articles.models import Article, ArticleVersion
from portal.mail.models import Subscriber, SubscriberQuerySet, Suppression
from portal.mail.previews import Preview, preview_url
from portal.mail.services import with_inline_css
from portal.mail.upcoming import UpcomingRow, UpcomingTable

from .announcements import (
    interested_in_topics,
    local_times,
    not_paused_at,
    topic_parents,
    topics_of,
    wants_digests,
    with_broader,
    write_announcement,
)
from .digests import DIGEST_HOUR
from .models import UpdateFrequency
from .streams import ARTICLE_UPDATES

SOURCE = "article"
MOST_ARTICLES = 50
Frequency = UpdateFrequency.Frequency


@dataclass(frozen=True, slots=True)
class Audience:
    """How many readers would be told of an article: in a mail of its own, or in a digest."""

    at_once: int
    by_digest: int


def audience_of(article: Article) -> Audience:
    """Return who would be told if ``article`` were published now (4 queries)."""
    return _audience(topics_of(article), not_paused_at(timezone.now()))


def _audience(topic_ids: Collection[int], not_paused: Q) -> Audience:
    """Return who would be told of an article with these topics and all broader ones (1 query)."""
    counts = _not_suppressed(interested_in_topics(topic_ids)).aggregate(
        at_once=Count("pk", filter=not_paused & Q(~wants_digests())),
        by_digest=Count("pk", filter=wants_digests()),
    )
    return Audience(**counts)


def _not_suppressed(subscribers: SubscriberQuerySet) -> SubscriberQuerySet:
    suppressed = Suppression.objects.active_at(timezone.now()).of_address(OuterRef("email"))
    return subscribers.filter(~Exists(suppressed))


def _number(value: int) -> str:
    return number_format(value, use_l10n=True, force_grouping=True)


# --- the mail of an article that is not published yet ---------------------------------------------


def mail_preview_link(request: HttpRequest, article: Article) -> dict[str, str] | None:
    """Return the link beside an article's form (no query)."""
    if not request.user.has_perm("mail.view_mailing") or article.first_published_at:
        return None
    return {"label": _("Preview the e-mail"), "url": preview_url(SOURCE, article.pk)}


def article_preview(request: HttpRequest, pk: int) -> Preview | None:
    """Return the mail as it would be if the draft were published now."""
    if not request.user.has_perm("articles.view_article"):
        return None
    article = Article.objects.filter(pk=pk, first_published_at=None).first()
    if article is None:
        return None
    version = ArticleVersion(
        article=article, number=1, document=build_document(article, timezone.localdate())
    )
    language = settings.LANGUAGE_CODE
    with translation.override(language):
        subject, html, text = write_announcement(article, version)
    audience = audience_of(article)
    return Preview(
        subject=subject,
        html=with_inline_css(html),
        text=text,
        stream=ARTICLE_UPDATES,
        language=language,
        back=(reverse("admin:articles_article_change", args=[pk]), _("Back to the article")),
        notes=[
            ngettext(
                "If the article were published now, %(count)s reader would get this e-mail at "
                "once.",
                "If the article were published now, %(count)s readers would get this e-mail at "
                "once.",
                audience.at_once,
            )
            % {"count": _number(audience.at_once)},
            ngettext(
                "%(count)s reader would find the article in a daily or weekly e-mail.",
                "%(count)s readers would find the article in a daily or weekly e-mail.",
                audience.by_digest,
            )
            % {"count": _number(audience.by_digest)},
        ],
    )


# --- what comes next ------------------------------------------------------------------------------


def scheduled_articles(request: HttpRequest) -> UpcomingTable | None:
    """Return the articles with a time of publication, the next one first.

    4 queries, and 1 for each different set of topics of those that were never published.
    """
    if not request.user.has_perm("articles.view_article"):
        return None
    found = Article.objects.filter(status=Article.Status.SCHEDULED).order_by("scheduled_for", "pk")
    articles = list(found.prefetch_related("topics")[: MOST_ARTICLES + 1])
    shown = articles[:MOST_ARTICLES]
    note = _("The numbers are those of this moment: readers come and go until then.")
    if len(articles) > len(shown):
        note += " " + _("Only the next %(count)d articles are shown.") % {"count": len(shown)}
    return UpcomingTable(
        title=_("Scheduled articles"),
        columns=[_("Article"), _("Published"), _("Told at once"), _("Told by digest")],
        numbers=2,
        note=note,
        empty=_("No article is scheduled."),
        rows=_scheduled_rows(shown),
    )


def _scheduled_rows(articles: list[Article]) -> list[UpcomingRow]:
    if not articles:
        return []
    parents = topic_parents()
    not_paused = not_paused_at(timezone.now())
    audiences: dict[frozenset[int], Audience] = {}
    rows = []
    for article in articles:
        if article.first_published_at:
            # A new version is no news; a correction goes to whoever was mailed the article.
            is_correction = article.scheduled_kind == ArticleVersion.Kind.CORRECTION
            told = _("those who were told") if is_correction else "0"
            numbers = [told, "0"]
        else:
            own = [topic.pk for topic in article.topics.all()]
            topics = frozenset(with_broader(own, parents))
            if topics not in audiences:
                audiences[topics] = _audience(topics, not_paused)
            numbers = [_number(audiences[topics].at_once), _number(audiences[topics].by_digest)]
        at = date_format(timezone.localtime(article.scheduled_for), "j M Y, H:i")
        address = reverse("admin:articles_article_change", args=[article.pk])
        rows.append(UpcomingRow([article.title, at, *numbers], address))
    return rows


def next_digests(request: HttpRequest) -> UpcomingTable:
    """Return the next daily and weekly e-mails by time zone, in numbers alone (2 queries)."""
    readers = Subscriber.objects.consenting_to(ARTICLE_UPDATES.key).exclude(update_frequency=None)
    readers = _not_suppressed(readers.exclude(update_frequency__frequency=Frequency.AT_ONCE))
    counted = readers.order_by().values_list(
        "time_zone", "update_frequency__frequency", "update_frequency__weekday"
    )
    zones = local_times(readers, timezone.now())
    daily: dict[str, int] = defaultdict(int)
    weekly: dict[tuple[str, int], int] = defaultdict(int)
    for zone, frequency, weekday, count in counted.annotate(count=Count("pk")):
        if frequency == Frequency.DAILY:
            daily[zone] += count
        else:
            weekly[zone, weekday] += count
    rows = [(_next_morning(local), zone) for zone, local in zones.items()]
    return UpcomingTable(
        title=_("Next daily and weekly e-mails"),
        columns=[
            _("Time zone"),
            _("Next at, there"),
            _("At, here"),
            _("Readers of daily e-mails"),
            _("Readers of weekly e-mails"),
        ],
        numbers=2,
        note=_(
            "Each reader gets one in their own morning, if there is something new for them. "
            "Readers who have paused are counted, but get none."
        ),
        empty=_("Nobody has asked for daily or weekly e-mails."),
        rows=[
            UpcomingRow(
                [
                    zone or _("The site’s own"),
                    date_format(morning, "D j M, H:i"),
                    date_format(timezone.localtime(morning), "D j M, H:i"),
                    _number(daily[zone]),
                    _number(weekly[zone, morning.isoweekday()]),
                ]
            )
            for morning, zone in sorted(rows)
        ],
    )


def _next_morning(local: datetime) -> datetime:
    """Return when the next digest is planned, in the same zone as ``local``."""
    morning = local.replace(hour=DIGEST_HOUR, minute=0, second=0, microsecond=0)
    # On the wall clock: a day may have 23 hours.
    return morning if local < morning else morning + timedelta(days=1)
