"""Taking an article away from readers, and taking it up again."""

from django.db import transaction
from django.utils import timezone

from articles.models import Article, Verb
from articles.signals import article_withdrawn
from portal.accounts.models import User

from .transitions import check_permission, check_transition, lock_article, move


@transaction.atomic
def withdraw_article(
    *, article: Article, user: User | None, reason: str, comment: str = ""
) -> None:
    """Show the title, ``reason`` and the day in place of the article, and tell the listeners.

    ``article`` is refreshed.

    Raises ``PermissionDenied``, ``IllegalTransition`` where readers see no version, and
    ``ValueError`` without a reason: it is public.
    """
    check_permission(user, Verb.WITHDRAW)
    if not reason.strip():
        raise ValueError("A withdrawal needs a public reason")
    draft = lock_article(article)
    check_transition(draft, Verb.WITHDRAW)
    move(
        draft,
        Verb.WITHDRAW,
        user=user,
        comment=comment,
        withdrawn_at=timezone.now(),
        withdrawal_reason=reason.strip(),
        submitted_by=None,
    )
    article.refresh_from_db()
    article_withdrawn.send(sender=Article, article=article)


@transaction.atomic
def reinstate_article(*, article: Article, user: User | None, comment: str = "") -> None:
    """Make the withdrawn article a draft again. ``article`` is refreshed.

    Readers see the withdrawal until a version has been approved and published anew. Raises
    ``PermissionDenied`` or ``IllegalTransition``.
    """
    check_permission(user, Verb.REINSTATE)
    draft = lock_article(article)
    check_transition(draft, Verb.REINSTATE)
    move(draft, Verb.REINSTATE, user=user, comment=comment)
    article.refresh_from_db()
