"""What a survey version that is not published yet will ask: rows in which everything may change."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .surveys import Outcome, Statement, SurveyVersion


class DraftStatement(models.Model):
    """A statement's place in a draft.

    Publishing makes statements, wordings and items of these rows and deletes them. So what readers
    answer is frozen from its first moment, and exports get no column before it is published.
    """

    version = models.ForeignKey(
        SurveyVersion, on_delete=models.CASCADE, related_name="draft_statements"
    )
    statement = models.ForeignKey(
        Statement,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("None: the statement is new."),
    )
    position = models.PositiveSmallIntegerField(_("position"))
    key = models.SlugField(_("key"))
    text = models.CharField(_("text"), max_length=300)
    is_comparable = models.BooleanField(
        _("comparable with the previous wording"),
        null=True,
        blank=True,
        help_text=_("Empty: the wording is not new."),
    )
    outcome = models.PositiveSmallIntegerField(
        _("what agreement shows"), choices=Outcome.choices, default=Outcome.SATISFACTION
    )
    speaks_of_objectives = models.BooleanField(
        _("speaks of the learning objectives"), default=False
    )
    allows_not_applicable = models.BooleanField(
        _("may be answered “not applicable”"), default=False
    )

    class Meta:
        ordering = ["version", "position"]
        verbose_name = _("statement of a draft")
        verbose_name_plural = _("statements of drafts")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["version", "position"], name="feedback_draft_position"),
            models.UniqueConstraint(fields=["version", "key"], name="feedback_draft_key"),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.text}"
