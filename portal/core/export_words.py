"""What the log of exports says of filters, in words: the rooms that export know them."""

from collections.abc import Callable, Mapping
from typing import Any

# From the filters of a row of the log to names and values for people.
Words = Callable[[Mapping[str, Any]], list[tuple[str, str]]]
_words: dict[str, Words] = {}


def register_words(kind: str, words: Words) -> None:
    """Let ``words`` speak for all exports whose kind begins with the word ``kind``."""
    _words[kind] = words


def in_words(kind: str, filters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return names and values for people; the bare ones where no room knows the kind."""
    words = _words.get(kind.split(" ", maxsplit=1)[0])
    if words is not None:
        return words(filters)
    return [(name, str(value)) for name, value in filters.items()]
