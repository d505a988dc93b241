"""Publishing at a time to come."""

import logging
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from articles.blocks import PublicationBlocked
from articles.documents import build_document
from articles.models import Article, ArticleVersion, Verb
from portal.accounts.models import User
from portal.core.clock import clocks_agree

from .publishing import check_kind, publish_article
from .transitions import (
    approval_blocks,
    check_permission,
    check_transition,
    lock_article,
    move,
    refuse_if_blocked,
)

logger = logging.getLogger(__name__)


@transaction.atomic
def schedule_article(
    *,
    article: Article,
    user: User | None,
    scheduled_for: datetime,
    kind: str = "",
    notice: str = "",
    comment: str = "",
) -> None:
    """Have the approved article published at ``scheduled_for``. ``article`` is refreshed.

    ``kind``, ``notice``: as for ``publish_article``. Raises ``PermissionDenied``,
    ``IllegalTransition``, ``PublicationBlocked``, or ``ValueError`` for a time that has passed and
    for a correction without a notice.
    """
    check_permission(user, Verb.SCHEDULE)
    if scheduled_for <= timezone.now():
        raise ValueError("An article cannot be scheduled for the past")
    draft = lock_article(article)
    check_transition(draft, Verb.SCHEDULE)
    kind = check_kind(kind, notice, is_first=draft.published_version_id is None)
    refuse_if_blocked(approval_blocks(draft, build_document(draft, timezone.localdate())))
    move(
        draft,
        Verb.SCHEDULE,
        user=user,
        comment=comment,
        scheduled_for=scheduled_for,
        scheduled_kind=kind,
        scheduled_notice=notice.strip(),
    )
    article.refresh_from_db()


@transaction.atomic
def unschedule(*, article: Article, user: User | None, comment: str = "") -> None:
    """Cancel the schedule; the approval stands. ``article`` is refreshed.

    Raises ``PermissionDenied`` or ``IllegalTransition``.
    """
    check_permission(user, Verb.UNSCHEDULE)
    draft = lock_article(article)
    check_transition(draft, Verb.UNSCHEDULE)
    move(draft, Verb.UNSCHEDULE, user=user, comment=comment)
    article.refresh_from_db()


def publish_due_articles() -> list[ArticleVersion]:
    """Publish every article whose time has come, each in a transaction of its own.

    Run by two workers at once, each article is published once: a row that another one holds is
    skipped. Does nothing while this machine's clock and the database's differ: one of them has
    jumped. An article that is blocked by now goes back to "approved", with the reasons in the log.
    """
    if not clocks_agree():
        logger.error("The clocks of this machine and of the database differ: nothing is published")
        return []
    due = list(Article.objects.due_at(timezone.now()).values_list("pk", flat=True))
    versions = []
    for pk in due:
        try:
            version = _publish_due(pk)
        except Exception:
            # One article's listener must not keep the others waiting; the next scan tries again.
            logger.exception("The scheduled article %d could not be published", pk)
        else:
            versions += [version] if version else []
    return versions


@transaction.atomic
def _publish_due(pk: int) -> ArticleVersion | None:
    due = Article.objects.due_at(timezone.now()).filter(pk=pk)
    article = due.select_for_update(of=("self",), skip_locked=True).first()
    if article is None:
        return None
    try:
        with transaction.atomic():
            return publish_article(
                article=article,
                user=None,
                kind=article.scheduled_kind,
                notice=article.scheduled_notice,
            )
    except PublicationBlocked as blocked:
        move(article, Verb.FAIL_SCHEDULE, user=None, comment=str(blocked))
        logger.warning("The scheduled article %d is blocked", pk)
        return None
