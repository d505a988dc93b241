"""Who has an article's form open just now, as far as Redis knows: a courtesy, no lock."""

import time

from django.core.cache import cache

from portal.accounts.models import User

from .models import Article

WITHIN = 10 * 60  # seconds


def _key(article: Article) -> str:
    return f"article-form:{article.pk}"


def note_opening(article: Article, user: User) -> list[str]:
    """Note that ``user`` has the form open, and return the names of the others who have.

    Silently [] where Redis is away: the form's revision keeps changes apart all the same.
    """
    now = time.time()
    try:
        opened = {
            pk: (name, at)
            for pk, (name, at) in cache.get(_key(article), {}).items()
            if now - at < WITHIN
        }
        others = [name for pk, (name, _at) in opened.items() if pk != user.pk]
        opened[user.pk] = (user.name or user.email, now)
        cache.set(_key(article), opened, WITHIN)
    except Exception:  # noqa: BLE001 - whatever the client raises means "not there"
        return []
    return others


def note_leaving(article: Article, user: User) -> None:
    """Note that ``user`` is done with the form."""
    try:
        opened = cache.get(_key(article), {})
        if opened.pop(user.pk, None):
            cache.set(_key(article), opened, WITHIN)
    except Exception:  # noqa: BLE001, S110 - see above
        pass
