"""Drafts are rows that editors change; what is published is a version that nobody changes."""

from typing import Any

import pgtrigger
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.core.content_cache import content_cached
from portal.core.page_rows import on_every_page
from portal.core.rich_text import RichTextField
from portal.core.triggers import BumpContentStamp, append_only
from portal.funders.models import Agreement, Funder
from portal.people.models import Person

from .images import FigureField, figure_name


class Topic(models.Model):
    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(_("address"), unique=True)
    description = models.TextField(_("description"), blank=True)
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("broader topic"),
    )

    class Meta:
        ordering = ["name"]
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        triggers = [BumpContentStamp()]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("topic", args=[self.slug])


class ArticleQuerySet(models.QuerySet["Article"]):
    def published(self) -> "ArticleQuerySet":
        """Articles that readers may see, newest first."""
        return self.filter(status=Article.Status.PUBLISHED).order_by("-first_published_at", "-pk")


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


class ArticleAuthor(models.Model):
    """A person's place in an article's byline."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="article_authors")
    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="article_authors", verbose_name=_("person")
    )
    position = models.PositiveSmallIntegerField(_("position"), default=1)

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = _("author")
        verbose_name_plural = _("authors")
        constraints = [
            models.UniqueConstraint(fields=["article", "person"], name="articles_author_once")
        ]

    def __str__(self) -> str:
        return str(self.person)


class LearningObjective(models.Model):
    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="objectives")
    position = models.PositiveSmallIntegerField(_("position"), default=1)
    text = models.CharField(
        _("objective"),
        max_length=300,
        help_text=_(
            "What learners will be able to do, beginning with one measurable verb: "
            "“Interpret a hazard ratio and its confidence interval.”"
        ),
    )

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = _("learning objective")
        verbose_name_plural = _("learning objectives")

    def __str__(self) -> str:
        return self.text


class Section(models.Model):
    class Kind(models.TextChoices):
        TEXT = "text", _("Text")
        KEY_DATA = "key_data", _("Key data")
        KEY_LEARNING = "key_learning", _("Key learning")
        FIGURE = "figure", _("Figure")

    # What a busy reader wants most: first on the page, and nothing in it without a source.
    KEY_KINDS = (Kind.KEY_DATA, Kind.KEY_LEARNING)

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="sections")
    position = models.PositiveSmallIntegerField(_("position"), default=1)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices, default=Kind.TEXT)
    heading = models.CharField(
        _("heading"),
        max_length=200,
        blank=True,
        help_text=_("Key data, key learning and figures may do without one."),
    )
    body = RichTextField(
        _("text"),
        help_text=_(
            "Of a figure: its caption. Cite a reference by its key in square brackets: [@erbella]."
        ),
    )

    # Of figures alone.
    image = FigureField(
        _("image"),
        blank=True,
        upload_to=figure_name,
        width_field="image_width",
        height_field="image_height",
        help_text=_(
            "PNG, JPEG or WebP, at most 10 MB and 25 megapixels; about 1,440 pixels wide looks "
            "sharp. Metadata is removed, transparent parts become white."
        ),
    )
    image_width = models.PositiveIntegerField(null=True, editable=False)
    image_height = models.PositiveIntegerField(null=True, editable=False)
    alt = models.TextField(
        _("description"),
        blank=True,
        help_text=_("What the figure shows, for readers who do not see it: the finding in words."),
    )
    is_decorative = models.BooleanField(
        _("decorative"), default=False, help_text=_("Tells nothing that the text does not tell.")
    )
    credit = models.CharField(
        _("credit"), max_length=300, blank=True, help_text=_("Who made it, or where it is from.")
    )
    licence = models.CharField(
        _("licence"), max_length=200, blank=True, help_text=_("For example: CC BY 4.0.")
    )

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = _("section")
        verbose_name_plural = _("sections")
        constraints = [
            models.CheckConstraint(
                name="articles_section_figure",
                condition=(
                    (~Q(kind="figure") & Q(image=""))
                    | (Q(kind="figure") & ~Q(image="") & (Q(is_decorative=True) ^ ~Q(alt="")))
                ),
                violation_error_message=_(
                    "A figure has an image, and either a description or the mark “decorative”; "
                    "other sections have no image."
                ),
            )
        ]

    def __str__(self) -> str:
        return self.heading or self.get_kind_display()


class Reference(models.Model):
    """A cited source as CSL-JSON, the format that reference managers and publishers exchange."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="references")
    key = models.CharField(
        _("key"),
        max_length=50,
        validators=[RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9_-]*$", _("Letters, digits, - and _."))],
    )
    csl = models.JSONField(_("source (CSL-JSON)"), default=dict)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("reference")
        verbose_name_plural = _("references")
        constraints = [
            models.UniqueConstraint(
                fields=["article", "key"],
                name="articles_reference_key_unique",
                violation_error_message=_("Another reference of this article has this key."),
            )
        ]

    def __str__(self) -> str:
        return self.key


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


@on_every_page("id", "name", "slug", "description", "article_count")
def _topic_rows() -> models.QuerySet[Topic]:
    published: Any = Q(articles__status=Article.Status.PUBLISHED)
    return (
        Topic.objects.annotate(article_count=models.Count("articles", filter=published))
        .filter(article_count__gt=0)
        .order_by("name")
    )


@content_cached
def topics_in_use() -> list[Topic]:
    """Return the topics that have published articles, with ``article_count`` (0 queries)."""
    topics = []
    for row in _topic_rows():
        topic = Topic(**{key: value for key, value in row.items() if key != "article_count"})
        topic.article_count = row["article_count"]  # type: ignore[attr-defined]
        topics.append(topic)
    return topics
