"""The article as readers see it: written once, never changed."""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, OuterRef, Q
from django.db.models.functions import JSONObject
from django.utils.translation import gettext_lazy as _

from portal.core.triggers import append_only
from portal.funders.models import Funder
from portal.people.models import Person

from .article import Article


class ArticleVersionQuerySet(models.QuerySet["ArticleVersion"]):
    def published(self) -> "ArticleVersionQuerySet":
        """The version that readers see, one of each published article, with its article."""
        return self.filter(
            article__published_version=F("pk"), article__withdrawn_at=None
        ).select_related("article")

    def with_history(self) -> "ArticleVersionQuerySet":
        """Each with ``history``: number, day, kind and notice of its article's versions."""
        versions = ArticleVersion.objects.filter(article=OuterRef("article")).order_by("-number")
        row = JSONObject(number="number", published_at="published_at", kind="kind", notice="notice")
        return self.annotate(history=ArraySubquery(versions.values(row=row)))


_ARRAY_OF_APPROVER = Func(F("approved_by"), template="ARRAY[%(expressions)s]")


class ArticleVersion(models.Model):
    """What readers see: one document of everything on the page, written once by publishing.

    ``document`` is JSON with a schema number; ``articles.documents`` writes and describes it.
    """

    class Kind(models.TextChoices):
        FIRST = "first", _("First publication")
        UPDATE = "update", _("Update")
        CORRECTION = "correction", _("Correction")

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
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices, default=Kind.UPDATE)
    notice = models.TextField(_("notice of the correction"), blank=True)
    # Whose approval of which content this is; empty in versions from before there was a review.
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("approved by"),
    )
    approved_at = models.DateTimeField(_("approved at"), null=True)
    # Accounts of whoever wrote, edited or submitted this content: none of them approved it.
    written_by = ArrayField(models.BigIntegerField(), default=list, editable=False)
    content_sha256 = models.CharField(_("SHA-256 of the content"), max_length=64, blank=True)
    people = models.ManyToManyField(Person, through="ArticleVersionPerson", related_name="+")
    funders = models.ManyToManyField(Funder, through="ArticleVersionFunder", related_name="+")

    objects = ArticleVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        verbose_name = _("published version")
        verbose_name_plural = _("published versions")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["article", "number"], name="articles_version_number"),
            models.CheckConstraint(
                name="articles_correction_has_notice",
                condition=Q(kind="correction") & ~Q(notice="")
                | ~Q(kind="correction") & Q(notice=""),
            ),
            models.CheckConstraint(
                name="articles_version_approved_by_another",
                condition=Q(approved_by=None) | ~Q(written_by__contains=_ARRAY_OF_APPROVER),
            ),
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
