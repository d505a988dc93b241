"""Links by which somebody without an account sees a draft."""

import hashlib
import secrets
from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.utils import timezone

from articles.models import Article, PreviewLink
from portal.accounts.models import User

# Bytes of a token: nobody guesses one.
TOKEN_BYTES = 32


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def make_preview_link(*, article: Article, user: User, days: int, note: str = "") -> str:
    """Return the token of a new link that works for ``days``; it is not stored, only its hash.

    Raises ``PermissionDenied``.
    """
    if not user.has_perm("articles.add_previewlink"):
        raise PermissionDenied
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = timezone.now()
    PreviewLink.objects.create(
        article=article,
        token_sha256=_sha256(token),
        note=note,
        created_by=user,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    return token


def revoke_preview_link(*, link: PreviewLink, user: User) -> None:
    """Close the link at once. Revoked twice, the first time stands. Raises ``PermissionDenied``."""
    if not user.has_perm("articles.change_previewlink"):
        raise PermissionDenied
    PreviewLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=timezone.now())


def find_preview_link(token: str) -> PreviewLink:
    """Return the usable link of ``token``, with its article (1 query).

    Raises ``PreviewLink.DoesNotExist`` for one that is expired, revoked or guessed.
    """
    return PreviewLink.objects.usable().select_related("article").get(token_sha256=_sha256(token))
