"""The rows that an article consists of."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from articles.images import FigureField, figure_name
from portal.core.rich_text import RichTextField
from portal.people.models import Person

from .article import Article


class ArticleAuthor(models.Model):
    """What a person contributed to an article; only authors stand in its byline."""

    class Contribution(models.TextChoices):
        AUTHOR = "author", _("Author")
        MEDICAL_WRITER = "medical_writer", _("Medical writer")
        MEDICAL_REVIEWER = "medical_reviewer", _("Medical reviewer")

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="article_authors")
    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="article_authors", verbose_name=_("person")
    )
    contribution = models.CharField(
        _("contribution"),
        max_length=20,
        choices=Contribution.choices,
        default=Contribution.AUTHOR,
    )
    position = models.PositiveSmallIntegerField(_("position"), default=1)
    work_began_on = models.DateField(
        _("work began on"),
        default=timezone.localdate,
        help_text=_("A relevant relationship is mitigated by then."),
    )

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = _("author, writer or reviewer")
        verbose_name_plural = _("authors, writers and reviewers")
        constraints = [
            models.UniqueConstraint(fields=["article", "person"], name="articles_author_once")
        ]

    def __str__(self) -> str:
        return str(self.person)


class LearningObjective(models.Model):
    class BloomLevel(models.TextChoices):
        """The cognitive processes of the revised taxonomy (Anderson and Krathwohl, 2001)."""

        REMEMBER = "remember", _("Remember")
        UNDERSTAND = "understand", _("Understand")
        APPLY = "apply", _("Apply")
        ANALYSE = "analyse", _("Analyse")
        EVALUATE = "evaluate", _("Evaluate")
        CREATE = "create", _("Create")

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
    bloom_level = models.CharField(
        _("Bloom level"),
        max_length=20,
        choices=BloomLevel.choices,
        blank=True,
        help_text=_("Left empty, it follows from the verb."),
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
        TABLE = "table", _("Table")

    # What a busy reader wants most: first on the page, and nothing in it without a source.
    KEY_KINDS = (Kind.KEY_DATA, Kind.KEY_LEARNING)

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="sections")
    position = models.PositiveSmallIntegerField(_("position"), default=1)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices, default=Kind.TEXT)
    heading = models.CharField(
        _("heading"),
        max_length=200,
        blank=True,
        help_text=_(
            "Key data, key learning and figures may do without one. Of a table: its caption."
        ),
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
            ),
            models.CheckConstraint(
                name="articles_section_table_caption",
                condition=~Q(kind="table") | ~Q(heading=""),
                violation_error_message=_("A table has a caption: write it as the heading."),
            ),
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
    # What articles.reference_import.rechecking found out: when it last asked, and the corrections
    # and retractions (``SourceUpdate`` as JSON) that somebody has to look at.
    checked_at = models.DateTimeField(null=True, editable=False)
    updates = models.JSONField(default=list, editable=False)
    updates_seen = models.BooleanField(default=True, editable=False)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("reference")
        verbose_name_plural = _("references")
        constraints = [
            models.UniqueConstraint(
                fields=["article", "key"],
                name="articles_reference_key_unique",
                violation_error_message=_("Another reference of this article has this key."),
            ),
            models.CheckConstraint(
                name="articles_reference_updates_to_see",
                condition=Q(updates_seen=True) | ~Q(updates=[]),
            ),
        ]
        indexes = [
            models.Index(
                F("checked_at").asc(nulls_first=True),
                name="articles_reference_checked",
                condition=Q(csl__has_key="DOI"),
            ),
            models.Index(
                fields=["article"],
                name="articles_reference_unseen",
                condition=Q(updates_seen=False),
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Abbreviation(models.Model):
    """A short form and what it stands for; the page says it in full where it is used first."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="abbreviations")
    short = models.CharField(_("abbreviation"), max_length=30, help_text=_("For example: ORR"))
    long = models.CharField(
        _("in full"), max_length=200, help_text=_("For example: overall response rate")
    )

    class Meta:
        ordering = ["short"]
        verbose_name = _("abbreviation")
        verbose_name_plural = _("abbreviations")
        constraints = [
            models.UniqueConstraint(
                fields=["article", "short"],
                name="articles_abbreviation_once",
                violation_error_message=_("This abbreviation stands in another row."),
            )
        ]

    def __str__(self) -> str:
        return self.short
