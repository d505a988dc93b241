"""Which articles deserve a look, for the desk's start page."""

from dataclasses import dataclass

from articles.models import Article

from . import counting
from .figures import RankedArticle
from .selection import Selection

# Of all answers to an article's statements, in per cent: fewer that agree are a reason to look.
LOW_TOP_2_PERCENT = 60


@dataclass(frozen=True, slots=True)
class Rating:
    """An article of which ``top_2_percent`` of all answers, by ``n`` readers, agree."""

    article_id: int
    title: str
    n: int
    top_2_percent: float


def latest_ratings(limit: int) -> list[Rating]:
    """Return the articles published last of those whose figures are shown."""
    ratings = {rating.article_id: rating for rating in _ratings()}
    newest = Article.objects.filter(pk__in=ratings).order_by("-first_published_at", "-pk")
    return [ratings[pk] for pk in newest.values_list("pk", flat=True)[:limit]]


def low_ratings(limit: int) -> list[Rating]:
    """Return the articles that readers rate low, the lowest first, without withdrawn ones."""
    low = {r.article_id: r for r in _ratings() if r.top_2_percent < LOW_TOP_2_PERCENT}
    seen = Article.objects.filter(pk__in=low, withdrawn_at=None).values_list("pk", flat=True)
    found = [low[pk] for pk in seen]
    return sorted(found, key=lambda rating: (rating.top_2_percent, rating.article_id))[:limit]


def _ratings() -> list[Rating]:
    return [_rating(article) for article in counting.ranking(Selection()) if article.answers]


def _rating(article: RankedArticle) -> Rating:
    n, top_2, answers = article.n or 0, article.top_2 or 0, article.answers or 1
    return Rating(article.article_id, article.title, n, 100 * top_2 / answers)
