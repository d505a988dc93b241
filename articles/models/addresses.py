"""The addresses that an article has and had: an old one leads to the new one for ever."""

from typing import TYPE_CHECKING, Any

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from .article import Article


class KeepAddress(pgtrigger.Trigger):
    """Write down each address that an article takes, by whatever path.

    The unique index on the addresses then refuses one that another article has or had. A draft
    that readers never saw gives its former address free.
    """

    name = "keep_address"
    level = pgtrigger.Row
    when = pgtrigger.After
    operation = pgtrigger.Insert | pgtrigger.UpdateOf("slug")  # type: ignore[no-untyped-call]

    def get_func(self, model: Any) -> str:
        return """
            IF TG_OP = 'UPDATE' THEN
                IF NEW.slug = OLD.slug THEN
                    RETURN NULL;
                END IF;
                IF OLD.first_published_at IS NULL THEN
                    DELETE FROM articles_articleaddress
                    WHERE article_id = OLD.id AND slug = OLD.slug;
                END IF;
            END IF;
            -- Back at an address of its own: it is there already.
            IF NOT EXISTS (
                SELECT FROM articles_articleaddress WHERE article_id = NEW.id AND slug = NEW.slug
            ) THEN
                INSERT INTO articles_articleaddress (slug, article_id, taken_at)
                VALUES (NEW.slug, NEW.id, now());
            END IF;
            RETURN NULL;
        """


class ArticleAddress(models.Model):
    """One address of one article. Rows are written by the trigger ``KeepAddress`` alone."""

    slug = models.SlugField(_("address"), max_length=120, unique=True)
    article = models.ForeignKey(
        "articles.Article",
        on_delete=models.CASCADE,
        related_name="addresses",
        verbose_name=_("article"),
    )
    taken_at = models.DateTimeField(_("taken at"), auto_now_add=True)

    class Meta:
        ordering = ["-taken_at", "-pk"]
        verbose_name = _("address of an article")
        verbose_name_plural = _("addresses of articles")
        default_permissions = ()

    def __str__(self) -> str:
        return self.slug


def validate_address(article: "Article") -> None:
    """Raise ``ValidationError`` where another article has, or had, the address (1 query)."""
    if ArticleAddress.objects.filter(slug=article.slug).exclude(article=article.pk).exists():
        raise ValidationError(
            {"slug": _("Another article has or had this address: old addresses lead to it.")}
        )


def current_address(slug: str) -> str | None:
    """Return the address to which the former address ``slug`` leads, or None (1 query).

    Only what readers have seen is led to; drafts are as unknown as what never existed.
    """
    return (
        ArticleAddress.objects.filter(slug=slug, article__first_published_at__isnull=False)
        .exclude(article__slug=slug)
        .values_list("article__slug", flat=True)
        .first()
    )
