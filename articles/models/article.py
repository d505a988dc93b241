"""The article as editors see it."""

from collections.abc import Iterable

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.core.triggers import BumpContentStamp
from portal.funders.models import Agreement

from .topics import Topic


class ArticleQuerySet(models.QuerySet["Article"]):
    def published(self) -> "ArticleQuerySet":
        """Articles that readers may see, newest first."""
        return self.filter(status=Article.Status.PUBLISHED).order_by("-first_published_at", "-pk")

    def within(self, topics: Iterable[int]) -> "ArticleQuerySet":
        """Articles of at least one of the ``topics`` (their keys), each once."""
        links = Article.topics.through.objects.filter(topic__in=topics)
        return self.filter(Exists(links.filter(article=OuterRef("pk"))))

    def by_author(self, slug: str) -> "ArticleQuerySet":
        """Articles whose published version has the person ``slug`` in its byline."""
        # The link to the person is indexed; it alone may mean another part than the author's.
        return self.filter(
            published_version__people__slug=slug,
            published_version__document__authors__contains=[{"slug": slug}],
        )


class Article(models.Model):
    """An article as editors see it: the draft. Readers see ``published_version``."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")

    class Type(models.TextChoices):
        SHORT_REPORT = "short_report", _("Short report")
        REVIEW = "review", _("Review")
        CONGRESS_REPORT = "congress_report", _("Congress report")
        EXPERT_OPINION = "expert_opinion", _("Expert opinion")

    title = models.CharField(_("title"), max_length=250)
    slug = models.SlugField(_("address"), max_length=120, unique=True)
    type = models.CharField(
        _("type"), max_length=20, choices=Type.choices, default=Type.SHORT_REPORT
    )
    summary = models.TextField(
        _("summary"),
        help_text=_("One paragraph. Public: visitors who have not attested see it too."),
    )
    topics = models.ManyToManyField(Topic, related_name="articles", verbose_name=_("topics"))
    medically_reviewed_on = models.DateField(_("medically reviewed on"), null=True, blank=True)
    supported_by = models.ManyToManyField(
        Agreement,
        blank=True,
        related_name="articles",
        verbose_name=_("supported by"),
        help_text=_("Agreements for this article alone; those for the whole site need no link."),
        limit_choices_to={"is_site_wide": False},
    )
    is_demo = models.BooleanField(
        _("demonstration content"), default=False, help_text=_("Marked as such on the page.")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    # Changed by verbs (services.py), never by a form.
    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    published_version = models.OneToOneField(
        "ArticleVersion",
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("published version"),
    )
    first_published_at = models.DateTimeField(_("published"), null=True, editable=False)
    search_vector = SearchVectorField(null=True, editable=False)

    objects = ArticleQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at"]
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        permissions = [("publish_article", _("Can publish articles"))]
        constraints = [
            models.CheckConstraint(
                name="articles_published_has_version",
                condition=~Q(status="published")
                | Q(published_version__isnull=False, first_published_at__isnull=False),
            )
        ]
        indexes = [
            GinIndex(fields=["search_vector"], name="articles_search"),
            models.Index(
                fields=["-first_published_at", "-id"],
                name="articles_latest",
                condition=Q(status="published"),
            ),
        ]
        triggers = [BumpContentStamp()]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("article", args=[self.slug])
