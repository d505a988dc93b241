"""Telling those who were mailed an article that it was wrong, in the transaction that says so.

First what has not gone out is taken back, so that nobody reads what is known to be wrong: such a
reader is told of the corrected article alone, or of nothing. Then whoever was sent it, or may have
been, gets a notice, however often they want updates.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone, translation
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from articles.citations import strip_citations
from articles.models import Article, ArticleVersion
from portal.mail.models import Delivery, MailedItem, Mailing, Subscriber, SubscriberQuerySet
from portal.mail.services import plan_mailing

from .announcements import (
    announce_article,
    announcements_of,
    by_language,
    hold_planning,
    item_key,
    told_at_once,
)
from .models import UpdateFrequency
from .rendering import GAPS, mailed_article, render_mail, without_gaps
from .streams import ARTICLE_UPDATES

State = Delivery.State

# What a reader may have learnt wrong is worth a late mail, unlike news.
NOTICE_VALIDITY = timedelta(days=14)
LONGEST_NOTICE = 4_000
CORRECTION, WITHDRAWAL = "correction", "withdrawal"


@transaction.atomic
def send_correction(*, article: Article, version: ArticleVersion) -> list[Mailing]:
    """Tell of a correction, whose ``version`` has a notice; return the mailings."""
    hold_planning()
    announced = {mailing.pk: mailing for mailing in announcements_of(article)}
    taken_at = _take_back(article)
    # Who still waits for an earlier notice is told of both by this one.
    earlier, is_paused = _take_back_notices(article, taken_at, but=version)
    explanation = "\n\n".join([version.notice, *(one.notice for one in earlier)])
    mailings = _notify(article, version, kind=CORRECTION, explanation=explanation)
    if is_paused:
        _pause(mailings)
    # They have read nothing wrong: to them the corrected article is new.
    waited = Delivery.objects.filter(
        subscriber=OuterRef("pk"),
        mailing__in=list(announced),
        state=State.SKIPPED,
        reason=Delivery.Reason.CANCELLED,
        finished_at=taken_at,
    )
    recipients = told_at_once(article).filter(Exists(waited))
    if announced and recipients.exists():
        again = announce_article(article=article, version=version, recipients=recipients)
        if any(mailing.paused_at for mailing in announced.values()):
            _pause(again)
        mailings += again
    return mailings


@transaction.atomic
def send_withdrawal(*, article: Article) -> list[Mailing]:
    """Tell of a withdrawal, with its public reason; return the mailings.

    Even in place of a notice that staff paused: that was a correction, and the article is wrong.
    """
    hold_planning()
    _take_back_notices(article, _take_back(article))
    version = article.published_version
    if version is None:
        return []
    reason = article.withdrawal_reason
    return _notify(article, version, kind=WITHDRAWAL, explanation=reason)


def _pause(mailings: list[Mailing]) -> None:
    """Pause what is planned in place of paused mailings: whoever did that decides again."""
    planned = Mailing.objects.filter(pk__in=[mailing.pk for mailing in mailings])
    planned.update(paused_at=timezone.now())


def _take_back(article: Article) -> datetime:
    """Skip what has not gone out about ``article``; return the moment that stands on these rows.

    What a worker has set in flight by now is out: the row locks decide. Whose mail is taken back
    counts as not told. A digest holds other articles, too: the next tick plans it anew. What may
    be out is not sent once more, should it be put off or lost.
    """
    now = timezone.now()
    told = MailedItem.objects.filter(item_key=item_key(article.pk))
    of_mail = {"mailing": OuterRef("mailing"), "subscriber": OuterRef("subscriber")}
    open_ones = Delivery.objects.filter(
        Exists(told.filter(**of_mail)), state__in=[State.PENDING, State.CLAIMED, State.DEFERRED]
    ).whose_mailing(cancelled_at=None)
    ended = {"state": State.SKIPPED, "reason": Delivery.Reason.CANCELLED, "finished_at": now}
    is_taken_back = open_ones.update(**ended)
    _end_digests(told, ended)
    if is_taken_back:
        taken = Delivery.objects.filter(**ended)
        # All that stood in these mails: of a digest, the other articles, too.
        mailings = told.values("mailing")
        MailedItem.objects.filter(Exists(taken.filter(**of_mail)), mailing__in=mailings).delete()
    announcements_of(article).update(cancelled_at=now)
    return now


def _end_digests(told: QuerySet[MailedItem], ended: dict[str, Any]) -> None:
    """Send no more of the digests that ``told`` of an article; who had to wait is due at once.

    ``ended``: what stands on the rows that were taken back. What is in flight may be put off.
    """
    digests = Mailing.objects.filter(
        pk__in=told.values("mailing"),
        key__startswith="digest:",
        cancelled_at=None,
        deadline_at__gt=ended["finished_at"],
    )
    keys = list(digests.values_list("pk", flat=True))
    lost = Delivery.objects.filter(
        Q(**ended) | Q(state=State.IN_FLIGHT), subscriber=OuterRef("subscriber"), mailing__in=keys
    )
    UpdateFrequency.objects.filter(Exists(lost)).update(
        outdated_digest=Subquery(lost.values("mailing")[:1])
    )
    # Not cancelled: who has one still sees it in the browser, without what was withdrawn.
    Mailing.objects.filter(pk__in=keys).update(deadline_at=ended["finished_at"])


def _take_back_notices(
    article: Article, now: datetime, *, but: ArticleVersion | None = None
) -> tuple[list[ArticleVersion], bool]:
    """Cancel the notices of corrections ``but`` one: what they call right is not any more.

    Returns the corrected versions of which not everybody has been told, the newest first, and
    whether such a notice was paused.
    """
    versions = {
        version.pk: version
        for version in article.versions.filter(kind=ArticleVersion.Kind.CORRECTION)
        if version != but
    }
    if not versions:
        return [], False
    of_versions = Q()
    for pk in versions:
        of_versions |= Q(key__startswith=f"{CORRECTION}:{pk}:")
    notices = Mailing.objects.filter(of_versions, cancelled_at=None)
    waiting = notices.filter(
        Exists(Delivery.objects.filter(mailing=OuterRef("pk"), state__in=Delivery.OPEN))
    )
    # Each key with its pause.
    found = dict(waiting.values_list("key", "paused_at"))
    # A worker's scan ends the open rows.
    notices.update(cancelled_at=now)
    untold = {int(key.split(":")[1]) for key in found}
    return [versions[pk] for pk in sorted(untold, reverse=True)], any(found.values())


def _notify(
    article: Article, version: ArticleVersion, *, kind: str, explanation: str
) -> list[Mailing]:
    key = f"{kind}:{version.pk}"
    words = Truncator(without_gaps(strip_citations(explanation)))
    recipients = _was_sent(article)
    if not recipients.exists():
        return []
    mailings = []
    for language, speakers in by_language(recipients):
        with translation.override(language):
            context = {
                "kind": kind,
                "article": mailed_article(article, version),
                "explanation": words.chars(LONGEST_NOTICE),
                **GAPS,
            }
            html, text = render_mail("email/article_notice", context)
            subject = (
                _("Correction: %(title)s") if kind == CORRECTION else _("Withdrawn: %(title)s")
            )
            subject %= {"title": version.document["title"]}
        mailings.append(
            plan_mailing(
                key=f"{key}:{language}",
                item_keys=[key],
                stream=ARTICLE_UPDATES.key,
                subject=subject,
                html=html,
                text=text,
                language=language,
                recipients=speakers,
                deadline_at=timezone.now() + NOTICE_VALIDITY,
                is_sent_despite_pause=True,
            )
        )
    return [mailing for mailing in mailings if mailing is not None]


def _was_sent(article: Article) -> SubscriberQuerySet:
    """Return who was sent ``article``, or may have been, and still consents."""
    out = Delivery.objects.filter(
        mailing=OuterRef("mailing"),
        subscriber=OuterRef("subscriber"),
        state__in=[State.SENT, State.UNKNOWN, State.IN_FLIGHT],
    )
    told = MailedItem.objects.filter(Exists(out), item_key=item_key(article.pk))
    return Subscriber.objects.consenting_to(ARTICLE_UPDATES.key).filter(
        pk__in=told.values("subscriber")
    )
