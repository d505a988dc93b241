"""In which articles agreements are named: a place that the room of articles fills."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SupportedArticle:
    """A published article; ``url`` is whole, of the site's public address."""

    title: str
    url: str


Source = Callable[[], Mapping[int, Sequence[SupportedArticle]]]

_sources: list[Source] = []


def register_supported_articles(source: Source) -> None:
    """Have ``source`` asked for the published articles of agreements, by the agreement's key."""
    _sources.append(source)


def supported_articles() -> dict[int, list[SupportedArticle]]:
    """Return the articles that name an agreement made for named articles (1 query per source)."""
    found: dict[int, list[SupportedArticle]] = {}
    for source in _sources:
        for agreement, articles in source().items():
            found.setdefault(agreement, []).extend(articles)
    return found
