"""One article among thousands, chosen by typing: its number, its address, or words of its title."""

from collections import Counter
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from articles.models import Article

# So many are offered; of more, somebody has to type more.
MAX_OFFERED = 10
# A number of more digits fits no column.
MAX_ID_DIGITS = 18


def find_articles(text: str) -> list[Article]:
    """Return the article that ``text`` names, or else those whose titles hold all its words.

    ``text``: a number, an address or a title. At most ``MAX_OFFERED`` + 1 articles that are or
    were published, by title (2 queries).
    """
    articles = Article.objects.filter(first_published_at__isnull=False).only("title", "slug")
    named = Q(slug=text.rstrip("/").rpartition("/")[2]) | Q(title__iexact=text)
    number = int(text) if _is_number(text) else None
    if number is not None:
        named |= Q(pk=number)
    found = list(articles.filter(named).order_by("title", "pk")[: MAX_OFFERED + 1])
    if found:
        return [article for article in found if article.pk == number] or found
    words = Q()
    for word in text.split():
        words &= Q(title__icontains=word)
    return list(articles.filter(words).order_by("title", "pk")[: MAX_OFFERED + 1])


def offered(articles: list[Article]) -> list[tuple[str, str]]:
    """Return for each article what to put into the field, and its title."""
    titles = Counter(article.title for article in articles)
    return [
        (article.title if titles[article.title] == 1 else article.slug, article.title)
        for article in articles[:MAX_OFFERED]
    ]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS


class ArticleInput(forms.TextInput):
    """A field to type in, with a list of what fits: from the page, or as a script fetches it."""

    template_name = "admin/feedback/widgets/article_input.html"
    offered: list[tuple[str, str]] = []

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        widget = context["widget"]
        widget["offered"] = self.offered
        widget["list"] = f"{widget['attrs'].get('id', name)}_offered"
        return context


class ArticleField(forms.CharField):
    """Cleans to an article, or to None where nothing is typed."""

    widget = ArticleInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=300, **kwargs)
        self.chosen: Article | None = None

    def clean(self, value: Any) -> Article | None:
        text = super().clean(value)
        self.chosen = self._the_one(text) if text else None
        return self.chosen

    def _the_one(self, text: str) -> Article:
        found = find_articles(text)
        if not found:
            raise ValidationError(
                _("No published article is called “%(text)s”. Type a part of its title."),
                code="unknown",
                params={"text": text},
            )
        if len(found) > MAX_OFFERED:
            raise ValidationError(
                _("More than %(count)d titles hold “%(text)s”. Type more of the title."),
                code="too_many",
                params={"text": text, "count": MAX_OFFERED},
            )
        if len(found) > 1:
            assert isinstance(self.widget, ArticleInput)  # noqa: S101 - for the type checker
            self.widget.offered = offered(found)
            raise ValidationError(
                ngettext(
                    "%(count)d title holds “%(text)s”. Choose it from the field’s list: %(titles)s",
                    "%(count)d titles hold “%(text)s”. Choose one from the field’s list: "
                    "%(titles)s",
                    len(found),
                ),
                code="ambiguous",
                params={
                    "text": text,
                    "count": len(found),
                    "titles": "; ".join(value for value, _title in offered(found)),
                },
            )
        return found[0]

    def prepare_value(self, value: Any) -> Any:
        """Show the title of what was chosen by its number or by a part of its title."""
        article = value if isinstance(value, Article) else self.chosen
        if article is None:
            return value
        same = Article.objects.filter(title__iexact=article.title).exclude(pk=article.pk)
        return article.slug if same.exists() else article.title
