"""What readers answered, as it stands and as it stood before."""

from typing import Any

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

from articles.models import Article, ArticleVersion
from portal.attestation.models import Profession, Reader, Specialty

from .surveys import MAX_COMMENT_LENGTH, NOT_APPLICABLE, Level, SurveyVersion


class MarkForTally(pgtrigger.Trigger):
    """Mark the articles whose responses an ``operation`` changed: ``feedback.tallies`` counts anew.

    Once per statement, whichever path it came by; only ever adds rows, so nobody waits.
    """

    level = pgtrigger.Statement
    when = pgtrigger.After

    def __init__(self, operation: pgtrigger.Operation, **tables: str) -> None:
        super().__init__(
            name=f"mark_for_tally_{str(operation).lower()}",
            operation=operation,
            referencing=pgtrigger.Referencing(**tables),  # type: ignore[no-untyped-call]
        )
        self.tables = list(tables.values())

    def get_func(self, model: Any) -> str:
        # The tables' names are ours.
        tables = [f"SELECT DISTINCT article_id FROM {table}" for table in self.tables]  # noqa: S608
        return f"""
            INSERT INTO feedback_tallychange (article_id) {" UNION ".join(tables)};
            RETURN NULL;
        """


def _levels_are_on_the_scale() -> Q:
    """Every level is 0 (not applicable) to 5, none is NULL, however many statements there are."""
    return Q(levels__contained_by=[NOT_APPLICABLE, *Level.values]) & Q(levels__len__gte=1)


class ResponseBase(models.Model):
    """What a response and each of its earlier states hold.

    ``levels`` is one array, in the order of the (frozen) survey version's items: one row per
    response was measured three times as fast to write as one row per answer. 1 to 5, or 0 for
    "not applicable".
    """

    levels = ArrayField(models.PositiveSmallIntegerField(), verbose_name=_("levels"))
    survey_version = models.ForeignKey(
        SurveyVersion, on_delete=models.PROTECT, related_name="+", verbose_name=_("survey version")
    )
    article_version = models.ForeignKey(
        ArticleVersion,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("article version"),
    )
    comment = models.TextField(
        _("free text"), max_length=MAX_COMMENT_LENGTH, blank=True, db_default=""
    )
    # As they were when the reader answered.
    profession = models.CharField(
        _("profession"), max_length=30, choices=Profession.choices, blank=True
    )
    specialty = models.CharField(
        _("specialty"), max_length=30, choices=Specialty.choices, blank=True
    )
    country = CountryField(verbose_name=_("country"), blank=True)

    class Meta:
        abstract = True


class Response(ResponseBase):
    """A reader's answers about an article: one, however often the form is sent."""

    reader = models.ForeignKey(
        Reader, on_delete=models.PROTECT, related_name="responses", verbose_name=_("reader")
    )
    article = models.ForeignKey(
        Article, on_delete=models.PROTECT, related_name="responses", verbose_name=_("article")
    )
    submitted_at = models.DateTimeField(_("first answered"), default=timezone.now)
    updated_at = models.DateTimeField(_("last changed"), default=timezone.now)

    class Meta:
        verbose_name = _("response")
        verbose_name_plural = _("responses")
        default_permissions = ()
        permissions = [
            ("view_results", _("Can see survey results")),
            ("export_responses", _("Can export pseudonymous responses")),
            ("view_comments", _("Can read readers’ free text")),
            ("hide_comments", _("Can hide readers’ free text")),
            ("export_comments", _("Can export readers’ free text")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["reader", "article"], name="feedback_one_response_per_reader_and_article"
            ),
            models.CheckConstraint(
                name="feedback_levels_on_the_scale", condition=_levels_are_on_the_scale()
            ),
            models.CheckConstraint(
                name="feedback_comment_is_short",
                condition=LessThanOrEqual(Length("comment"), MAX_COMMENT_LENGTH),
            ),
        ]
        indexes = [
            models.Index(fields=["article", "submitted_at"], name="feedback_by_article"),
            # To count the people of a rare country, in the index alone (feedback.results.people).
            models.Index(
                fields=["country", "article"],
                include=["reader", "submitted_at", "survey_version"],
                name="feedback_of_country",
            ),
            # To find what readers wrote, in the index alone: most write nothing.
            models.Index(
                fields=["article"],
                include=["submitted_at", "profession", "specialty", "country", "id"],
                name="feedback_with_comment",
                condition=~models.Q(comment=""),
            ),
        ]
        triggers = [
            MarkForTally(pgtrigger.Insert, new="added"),
            MarkForTally(pgtrigger.Update, old="before", new="after"),
            MarkForTally(pgtrigger.Delete, old="gone"),
        ]

    def __str__(self) -> str:
        return f"{self.article_id}: {self.levels}"


class ResponseHistory(ResponseBase):
    """What a response was before its reader changed it. Never changed and never deleted.

    It may move to another response: that of the account's reader, when a signed-out answer and a
    signed-in answer meet.
    """

    response = models.ForeignKey(Response, on_delete=models.PROTECT, related_name="history")
    answered_at = models.DateTimeField(_("answered"))
    replaced_at = models.DateTimeField(_("replaced"), default=timezone.now)

    class Meta:
        ordering = ["response", "answered_at", "pk"]
        verbose_name = _("earlier answer")
        verbose_name_plural = _("earlier answers")
        default_permissions = ()
        triggers = [
            pgtrigger.ReadOnly(name="unchangeable", exclude=["response"]),
            pgtrigger.Protect(name="undeletable", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.response_id}: {self.levels}"


class HiddenComment(models.Model):
    """Says that staff have hidden a response's free text, and why; gone when the text changes."""

    response = models.OneToOneField(
        Response, on_delete=models.CASCADE, related_name="hidden_comment"
    )
    reason = models.CharField(_("reason"), max_length=300)
    hidden_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    hidden_at = models.DateTimeField(_("hidden"), default=timezone.now)

    class Meta:
        verbose_name = _("hidden free text")
        verbose_name_plural = _("hidden free texts")
        default_permissions = ()
        constraints = [
            models.CheckConstraint(name="feedback_hidden_with_reason", condition=~Q(reason=""))
        ]

    def __str__(self) -> str:
        return f"{self.response_id}: {self.reason}"
