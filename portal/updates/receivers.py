"""What happens here when something happens elsewhere, in the same transaction."""

from typing import Any

from articles.models import Article, ArticleVersion
from portal.mail.tasks import wake_workers

from .announcements import announce_article
from .notices import send_correction, send_withdrawal


def plan_article_update(
    sender: Any, article: Article, version: ArticleVersion, is_first: bool, **kwargs: Any
) -> None:
    """Plan the mails about a new article or a correction; other versions are no news."""
    if is_first:
        announce_article(article=article, version=version)
        wake_workers()
    elif version.kind == ArticleVersion.Kind.CORRECTION:
        send_correction(article=article, version=version)
        wake_workers()


def plan_withdrawal_notice(sender: Any, article: Article, **kwargs: Any) -> None:
    """Tell nobody else of an article that is withdrawn, and of the withdrawal whoever was told."""
    send_withdrawal(article=article)
    wake_workers()
