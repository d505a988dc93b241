"""What a process remembers of what it found out."""

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memory(Generic[K, V]):
    """What was found out by key; past ``most`` keys, all are forgotten.

    Threads share it: what one is still finding out no other sees, and what one forgets another that
    has just found it does not miss.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._known: dict[K, V] = {}

    def __contains__(self, key: K) -> bool:
        return key in self._known

    def get(self, key: K, find: Callable[[], V]) -> V:
        """Return what is known of ``key``; else ``find`` it out."""
        # Another thread may begin a new one at any moment.
        known = self._known
        if key in known:
            return known[key]
        found = find()
        self.put(key, found)
        return found

    def put(self, key: K, found: V) -> None:
        if key not in self._known and len(self._known) >= self.most:
            self._known = {}
        self._known[key] = found
