"""The article as readers see it: written once, never changed."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from portal.core.triggers import append_only
from portal.funders.models import Funder
from portal.people.models import Person

from .article import Article


class ArticleVersionQuerySet(models.QuerySet["ArticleVersion"]):
    def published(self) -> "ArticleVersionQuerySet":
        """The version that readers see, one of each published article, with its article."""
        return self.filter(
            article__status=Article.Status.PUBLISHED, article__published_version=F("pk")
        ).select_related("article")


class ArticleVersion(models.Model):
    """What readers see: one document of everything on the page, written once by publishing.

    ``document`` is JSON with a schema number; ``articles.documents`` writes and describes it.
    """

    article = models.ForeignKey(
        Article, on_delete=models.PROTECT, related_name="versions", verbose_name=_("article")
    )
    number = models.PositiveIntegerField(_("version"))
    document = models.JSONField(_("document"))
    published_at = models.DateTimeField(_("published at"))
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("published by"),
    )
    comment = models.CharField(_("what changed"), max_length=500, blank=True)
    people = models.ManyToManyField(Person, through="ArticleVersionPerson", related_name="+")
    funders = models.ManyToManyField(Funder, through="ArticleVersionFunder", related_name="+")

    objects = ArticleVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        verbose_name = _("published version")
        verbose_name_plural = _("published versions")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["article", "number"], name="articles_version_number")
        ]
        triggers = [
            pgtrigger.Protect(name="immutable", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"{self.document.get('title', '')} ({self.number})"


class ArticleVersionPerson(models.Model):
    """Keeps a person whom a published version names from being deleted."""

    version = models.ForeignKey(ArticleVersion, on_delete=models.PROTECT)
    person = models.ForeignKey(Person, on_delete=models.PROTECT)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["version", "person"], name="articles_version_person")
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.version_id}: {self.person_id}"


class ArticleVersionFunder(models.Model):
    """Keeps a funder whom a published version discloses from being deleted."""

    version = models.ForeignKey(ArticleVersion, on_delete=models.PROTECT)
    funder = models.ForeignKey(Funder, on_delete=models.PROTECT)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["version", "funder"], name="articles_version_funder")
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.version_id}: {self.funder_id}"
