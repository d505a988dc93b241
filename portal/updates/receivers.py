"""What happens here when something happens elsewhere."""

from typing import Any

from articles.models import Article, ArticleVersion
from portal.mail.tasks import wake_workers

from .services import announce_article, cancel_announcement


def plan_article_update(
    sender: Any, article: Article, version: ArticleVersion, is_first: bool, **kwargs: Any
) -> None:
    """Plan the mails about a new article, in the transaction that publishes it."""
    if is_first:
        announce_article(article=article, version=version)
        wake_workers()


def cancel_article_update(sender: Any, article: Article, **kwargs: Any) -> None:
    """Tell nobody else of an article that is withdrawn, in the transaction that withdraws it."""
    cancel_announcement(article=article)
