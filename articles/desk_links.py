"""Links beside an article's form at the desk, which higher rooms fill."""

from collections.abc import Callable

from django.http import HttpRequest

from .models import Article

# A function of the request and the article that returns {"label", "url"}, or None where the user
# may not go there. Apps add theirs in AppConfig.ready().
ArticleLink = Callable[[HttpRequest, Article], dict[str, str] | None]
_links: list[ArticleLink] = []


def register_article_link(link: ArticleLink) -> ArticleLink:
    """Show ``link`` above an article's form, after those registered before it."""
    _links.append(link)
    return link


def article_links(request: HttpRequest, article: Article) -> list[dict[str, str]]:
    """Return the links that the user may follow."""
    found = (link(request, article) for link in _links)
    return [link for link in found if link is not None]
