"""What every page needs, remembered in process memory until content changes.

A process asks for the content stamp at most once every ``CONTENT_STAMP_SECONDS``. Everything that
it remembers belongs to one stamp, one language and one local date (a funding sentence may change
at midnight), and is dropped together when any of the three is another.
"""

import threading
import time
from collections.abc import Callable, Hashable
from datetime import date
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language

P = ParamSpec("P")
R = TypeVar("R")

# Bounds the memory of a process: past this many values the whole memory starts again.
MAX_VALUES = 2000


class _Memory:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Drop everything, as a new process would start."""
        self.checked_at = float("-inf")
        self.stamp: UUID | None = None
        self.local_date: date | None = None
        self.values: dict[Any, Any] = {}

    def current(self) -> dict[Any, Any]:
        """Return the values that are true now, after checking the stamp if it is due."""
        today = timezone.localdate()
        if (
            time.monotonic() - self.checked_at < settings.CONTENT_STAMP_SECONDS
            and today == self.local_date
            and len(self.values) < MAX_VALUES
        ):
            return self.values
        from .models import ContentStamp  # models.py uses this module

        stamp = ContentStamp.objects.values_list("value", flat=True).first()
        with self.lock:
            if stamp != self.stamp or today != self.local_date or len(self.values) >= MAX_VALUES:
                # A new dictionary, not clear(): a thread that is computing from older content
                # writes its result into the old one, where nobody looks again.
                self.values = {}
                self.stamp, self.local_date = stamp, today
            self.checked_at = time.monotonic()
            return self.values


memory = _Memory()


def remember(key: Hashable, compute: Callable[[], R]) -> R:
    """Return what was computed for ``key`` since content last changed, else compute it now.

    The result is shared by all requests of the process: it must hold nothing personal and must
    not be changed by its users.
    """
    values = memory.current()
    key = (get_language(), key)
    if key not in values:
        values[key] = compute()
    result: R = values[key]
    return result


def content_cached(function: Callable[P, R]) -> Callable[P, R]:
    """Remember ``function``'s results per arguments until content changes (see ``remember``)."""

    @wraps(function)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> R:
        key = (function, args, tuple(sorted(kwargs.items())))
        return remember(key, lambda: function(*args, **kwargs))

    return remembered
