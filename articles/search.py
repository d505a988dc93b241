"""Full text search over what is published, on PostgreSQL alone."""

from dataclasses import dataclass

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F

from .models import Article, ArticleQuerySet
from .pages import Card, cards

# Ranking is what a search costs: so many matches are ranked, and the page says when there are more.
MAX_CANDIDATES = 1000


@dataclass(frozen=True, slots=True)
class SearchResults:
    """Matches, best first: ``count`` of them, or more than MAX_CANDIDATES (``is_capped``)."""

    query: str
    count: int
    is_capped: bool

    def cards(self, first: int, last: int) -> list[Card]:
        """Return the cards from place ``first`` to before ``last`` (1 query)."""
        query = _search_query(self.query)
        candidates = _matches(query)[:MAX_CANDIDATES].values("pk")
        ranked = (
            Article.objects.filter(pk__in=candidates)
            .annotate(rank=SearchRank(F("search_vector"), query))
            .order_by("-rank", "-first_published_at", "-pk")
        )
        return cards(ranked[first:last])


def search_articles(text: str) -> SearchResults:
    """Count the published articles that match ``text``, in web search syntax (1 query)."""
    found = _matches(_search_query(text))[: MAX_CANDIDATES + 1].count()
    return SearchResults(text, min(found, MAX_CANDIDATES), found > MAX_CANDIDATES)


def _search_query(text: str) -> SearchQuery:
    return SearchQuery(text, config="english", search_type="websearch")


def _matches(query: SearchQuery) -> ArticleQuerySet:
    # Unordered: the first matches that the index finds, without sorting all of them.
    return Article.objects.published().filter(search_vector=query).order_by()
