"""The cache, for what may be missing: a Redis that is away costs a reader a moment and no page.

The limits on signing in are counted here. Without Redis nobody is counted and everybody gets in:
the password still protects the account.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from django.core.cache.backends.redis import RedisCache

logger = logging.getLogger(__name__)

# After a failure a process does not ask again for so long.
REST = 30.0  # seconds

T = TypeVar("T")
_resting_until = 0.0


class ForgivingRedisCache(RedisCache):
    """Django's cache in Redis; while Redis is away it is empty and takes everything."""

    def _try(self, call: Callable[[], T], otherwise: T) -> T:
        global _resting_until  # noqa: PLW0603 - of all threads, on purpose
        if time.monotonic() < _resting_until:
            return otherwise
        try:
            return call()
        except redis.RedisError:
            _resting_until = time.monotonic() + REST
            logger.warning("Redis is away: there is no cache for %d seconds", REST)
            return otherwise

    def add(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> bool:
        return self._try(
            lambda: super(ForgivingRedisCache, self).add(key, value, *args, **kwargs), True
        )

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._try(
            lambda: super(ForgivingRedisCache, self).get(key, default, version), default
        )

    def set(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> None:
        self._try(lambda: super(ForgivingRedisCache, self).set(key, value, *args, **kwargs), None)

    def delete(self, key: Any, version: int | None = None) -> bool:
        return self._try(lambda: super(ForgivingRedisCache, self).delete(key, version), False)

    def ping(self) -> None:
        """Raise what Redis' client raises, if Redis does not answer now."""
        super().get("ping")
