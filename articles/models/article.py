"""The article as editors see it."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.core.triggers import BumpContentStamp
from portal.funders.models import Agreement

from .addresses import KeepAddress, validate_address
from .topics import Topic

# What readers see has been published and is not withdrawn, wherever its draft stands.
VISIBLE = Q(published_version__isnull=False, withdrawn_at__isnull=True)


class ArticleQuerySet(models.QuerySet["Article"]):
    def published(self) -> "ArticleQuerySet":
        """Articles that readers may see, newest first."""
        return self.filter(VISIBLE).order_by("-first_published_at", "-pk")

    def due_at(self, now: datetime) -> "ArticleQuerySet":
        """Articles whose scheduled time has come, the earliest first."""
        return self.filter(status=Article.Status.SCHEDULED, scheduled_for__lte=now).order_by(
            "scheduled_for", "pk"
        )

    def due_for_review(self, on: date) -> "ArticleQuerySet":
        """Articles whose next medical review was due by ``on``, the longest overdue first."""
        return self.filter(next_review_due_on__lte=on).order_by("next_review_due_on", "pk")

    def within(self, topics: Iterable[int]) -> "ArticleQuerySet":
        """Articles whose published version has at least one of the ``topics`` (their keys)."""
        return self.filter(search_topics__overlap=list(topics))

    def by_author(self, slug: str) -> "ArticleQuerySet":
        """Articles whose published version has the person ``slug`` in its byline."""
        # The link to the person is indexed; it alone may mean another part than the author's.
        return self.filter(
            published_version__people__slug=slug,
            published_version__document__authors__contains=[{"slug": slug}],
        )


def _user(name: Any, on_delete: Any = models.PROTECT) -> Any:
    """Return a link to whoever did something; null is the system, or nobody yet."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=on_delete,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=name,
    )


class Article(models.Model):
    """An article as editors see it: the draft, and ``status`` says where the draft stands.

    Readers see ``published_version`` unless it is withdrawn, whatever becomes of the draft.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        IN_REVIEW = "in_review", _("In medical review")
        APPROVED = "approved", _("Approved")
        SCHEDULED = "scheduled", _("Scheduled")
        PUBLISHED = "published", _("Published")
        WITHDRAWN = "withdrawn", _("Withdrawn")

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
    intended_audience = models.CharField(
        _("intended audience"),
        max_length=300,
        blank=True,
        help_text=_("For example: haematologists and oncology nurses who care for adults."),
    )
    medically_reviewed_on = models.DateField(_("medically reviewed on"), null=True, blank=True)
    next_review_due_on = models.DateField(
        _("next medical review due on"),
        null=True,
        blank=True,
        help_text=_("From that day on, the desk’s start page reminds of it."),
    )
    ai_statement = models.CharField(
        _("use of AI tools"),
        max_length=500,
        blank=True,
        help_text=_(
            "Readers see it. Say it either way: “No AI tools were used.”, or which tool did what, "
            "and who checked it."
        ),
    )
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

    # Changed by verbs (articles/services), never by a form.
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
    # Counts the saves of the form: who saves an older revision than the stored one is told.
    revision = models.PositiveIntegerField(default=0, editable=False)
    edited_by = _user(_("changed by"), on_delete=models.SET_NULL)
    submitted_by = _user(_("submitted by"))
    approved_by = _user(_("approved by"))
    approved_at = models.DateTimeField(_("approved at"), null=True, editable=False)
    # Of the content that was approved (articles.approval): nothing else can be published.
    approved_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    scheduled_for = models.DateTimeField(_("scheduled for"), null=True, editable=False)
    scheduled_kind = models.CharField(max_length=20, blank=True, editable=False)
    scheduled_notice = models.TextField(blank=True, editable=False)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, editable=False)
    withdrawal_reason = models.TextField(_("reason for the withdrawal"), blank=True, editable=False)
    search_vector = SearchVectorField(null=True, editable=False)
    # Of the published version: what the search filters by, and the words in which it shows where
    # it found something (those of the sections to attested readers alone).
    search_type = models.CharField(max_length=20, blank=True, editable=False)
    search_topics = ArrayField(models.BigIntegerField(), default=list, editable=False)
    search_objectives = models.TextField(blank=True, editable=False)
    search_text = models.TextField(blank=True, editable=False)

    objects = ArticleQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at"]
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        permissions = [
            ("submit_article", _("Can submit articles for medical review")),
            ("return_article", _("Can return articles to their author")),
            ("approve_article", _("Can approve articles")),
            ("schedule_article", _("Can schedule articles")),
            ("publish_article", _("Can publish articles")),
            ("withdraw_article", _("Can withdraw articles")),
            ("reinstate_article", _("Can take up withdrawn articles again")),
        ]
        constraints = [
            models.CheckConstraint(
                name="articles_published_has_version",
                condition=Q(status__in=["draft", "in_review", "approved", "scheduled"])
                | Q(published_version__isnull=False, first_published_at__isnull=False),
            ),
            models.CheckConstraint(
                name="articles_approved_content",
                condition=~Q(status__in=["approved", "scheduled"])
                | Q(approved_at__isnull=False) & ~Q(approved_sha256=""),
            ),
            models.CheckConstraint(
                name="articles_approved_by_another",
                condition=Q(approved_by=None)
                | Q(submitted_by=None)
                | ~Q(approved_by=F("submitted_by")),
            ),
            models.CheckConstraint(
                name="articles_scheduled_has_time",
                condition=Q(status="scheduled", scheduled_for__isnull=False)
                | ~Q(status="scheduled") & Q(scheduled_for=None),
            ),
            models.CheckConstraint(
                name="articles_withdrawn_has_reason",
                condition=Q(withdrawn_at=None, withdrawal_reason="") & ~Q(status="withdrawn")
                | Q(withdrawn_at__isnull=False, published_version__isnull=False)
                & ~Q(withdrawal_reason="")
                & ~Q(status="published"),
            ),
            models.CheckConstraint(
                name="articles_review_due_after_review",
                condition=Q(medically_reviewed_on=None)
                | Q(next_review_due_on=None)
                | Q(next_review_due_on__gt=F("medically_reviewed_on")),
                violation_error_message=_("The next medical review is due after the last one."),
            ),
        ]
        indexes = [
            GinIndex(fields=["search_vector"], name="articles_search"),
            GinIndex(fields=["search_topics"], name="articles_of_topic", condition=VISIBLE),
            # To be counted: what is grouped comes sorted, from the index alone.
            models.Index(fields=["search_topics"], name="articles_topic_counts", condition=VISIBLE),
            models.Index(
                fields=["-first_published_at", "-id"], name="articles_latest", condition=VISIBLE
            ),
            models.Index(
                fields=["scheduled_for"], name="articles_due", condition=Q(status="scheduled")
            ),
        ]
        triggers = [BumpContentStamp(), KeepAddress()]

    def __str__(self) -> str:
        return self.title

    @property
    def is_visible(self) -> bool:
        """Whether readers see a version of it."""
        return self.published_version_id is not None and self.withdrawn_at is None

    def clean(self) -> None:
        super().clean()
        validate_address(self)

    def get_absolute_url(self) -> str:
        return reverse("article", args=[self.slug])
