"""What is asked, word for word: surveys, their statements, and versions that freeze."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from articles.models import Article
from portal.core.triggers import BumpContentStamp, append_only


class Level(models.IntegerChoices):
    """The agreement scale."""

    STRONGLY_DISAGREE = 1, _("Strongly disagree")
    DISAGREE = 2, _("Disagree")
    NEUTRAL = 3, _("Neither agree nor disagree")
    AGREE = 4, _("Agree")
    STRONGLY_AGREE = 5, _("Strongly agree")


# In ``Response.levels``: the reader chose "not applicable", where the item allows it.
NOT_APPLICABLE = 0
MAX_COMMENT_LENGTH = 2000  # characters


class Survey(models.Model):
    key = models.SlugField(
        _("key"), unique=True, help_text=_("Stable: exports name columns by it.")
    )
    name = models.CharField(_("name"), max_length=100)

    class Meta:
        verbose_name = _("survey")
        verbose_name_plural = _("surveys")
        triggers = [pgtrigger.ReadOnly(name="stable_key", fields=["key"])]

    def __str__(self) -> str:
        return self.name


class Outcome(models.IntegerChoices):
    """Moore's level of what agreement with a statement can show."""

    SATISFACTION = 2, _("Satisfaction (Moore level 2)")
    INTENTION = 4, _("Self-reported intention, not measured performance (Moore level 4)")


class Statement(models.Model):
    """A statement to agree with: a stable key whose wording may change over time."""

    survey = models.ForeignKey(Survey, on_delete=models.PROTECT, related_name="statements")
    key = models.SlugField(_("key"), help_text=_("Stable: exports name columns by it."))
    outcome = models.PositiveSmallIntegerField(
        _("what agreement shows"), choices=Outcome.choices, default=Outcome.SATISFACTION
    )

    class Meta:
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        constraints = [
            models.UniqueConstraint(fields=["survey", "key"], name="feedback_statement_key")
        ]
        triggers = [
            # Another outcome would say something else of answers that are already there.
            pgtrigger.ReadOnly(name="stable_key", fields=["survey", "key", "outcome"])
        ]

    def __str__(self) -> str:
        return self.key


class StatementWording(models.Model):
    """One wording of a statement. Its answers add up with those of the wording it ``follows``.

    That is the wording asked before it, which need not have the number before: an earlier one may
    have come back in between. None: it is the statement's first or compares with none before it.
    """

    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="wordings")
    number = models.PositiveSmallIntegerField(_("version of the wording"), default=1)
    text = models.CharField(_("text"), max_length=300)
    follows = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["statement", "number"]
        verbose_name = _("wording")
        verbose_name_plural = _("wordings")
        constraints = [
            models.UniqueConstraint(fields=["statement", "number"], name="feedback_wording_number")
        ]
        triggers = [
            append_only(),
            pgtrigger.Trigger(
                name="follows_its_own",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                condition=pgtrigger.Q(new__follows__isnull=False),
                func="""
                    IF NOT EXISTS (
                        SELECT FROM feedback_statementwording
                        WHERE id = NEW.follows_id AND statement_id = NEW.statement_id
                            AND number < NEW.number
                    ) THEN
                        RAISE EXCEPTION
                            'A wording follows none but an earlier one of its own statement';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.text


class SurveyVersion(models.Model):
    """The statements of a survey in one order. Frozen by the database once published."""

    survey = models.ForeignKey(Survey, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField(_("version"))
    labels = ArrayField(
        models.CharField(max_length=60),
        verbose_name=_("labels of the scale"),
        default=list,
        blank=True,
        help_text=_(
            "Five, from the lowest level to the highest. None: from “Strongly disagree” to "
            "“Strongly agree”."
        ),
    )
    comment_question = models.CharField(
        _("question for free text"),
        max_length=300,
        blank=True,
        help_text=_("Empty: readers are asked for no free text."),
    )
    published_at = models.DateTimeField(_("published"), null=True, blank=True)
    wordings = models.ManyToManyField(StatementWording, through="SurveyItem", related_name="+")

    class Meta:
        ordering = ["survey", "-number"]
        verbose_name = _("survey version")
        verbose_name_plural = _("survey versions")
        constraints = [
            models.UniqueConstraint(fields=["survey", "number"], name="feedback_version_number"),
            models.CheckConstraint(
                name="feedback_no_or_five_labels",
                condition=Q(labels__len=0) | Q(labels__len=len(Level)),
            ),
            models.UniqueConstraint(
                fields=["survey"],
                name="feedback_one_draft_per_survey",
                condition=Q(published_at__isnull=True),
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="frozen_once_published",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__published_at__isnull=False),
            ),
            pgtrigger.Trigger(
                name="complete_once_published",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                condition=pgtrigger.Q(new__published_at__isnull=False),
                func="""
                    IF NOT EXISTS (SELECT FROM feedback_surveyitem WHERE version_id = NEW.id) THEN
                        RAISE EXCEPTION 'A survey version needs a statement to be published';
                    END IF;
                    IF EXISTS (
                        SELECT FROM feedback_surveyitem AS item
                        JOIN feedback_statementwording AS wording ON wording.id = item.wording_id
                        JOIN feedback_statement AS statement ON statement.id = wording.statement_id
                        WHERE item.version_id = NEW.id
                        GROUP BY statement.id
                        HAVING count(*) > 1 OR statement.survey_id <> NEW.survey_id
                    ) THEN
                        RAISE EXCEPTION
                            'A survey version asks each statement of its own survey only once';
                    END IF;
                    RETURN NEW;
                """,
            ),
            BumpContentStamp(),
        ]

    def __str__(self) -> str:
        return f"{self.survey} {self.number}"


class SurveyItem(models.Model):
    """A wording's place in a survey version: ``Response.levels`` is in this order."""

    version = models.ForeignKey(SurveyVersion, on_delete=models.PROTECT, related_name="items")
    wording = models.ForeignKey(StatementWording, on_delete=models.PROTECT)
    position = models.PositiveSmallIntegerField(_("position"))
    speaks_of_objectives = models.BooleanField(
        _("speaks of the learning objectives"),
        default=False,
        help_text=_("The article’s learning objectives are shown beside the statement."),
    )
    allows_not_applicable = models.BooleanField(
        _("may be answered “not applicable”"), default=False
    )

    class Meta:
        ordering = ["version", "position"]
        verbose_name = _("item")
        verbose_name_plural = _("items")
        constraints = [
            models.UniqueConstraint(fields=["version", "position"], name="feedback_item_position"),
            models.UniqueConstraint(fields=["version", "wording"], name="feedback_item_once"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="frozen_with_version",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                # FOR SHARE: an item waits for a publication that is under way, and the other way
                # round, so that none slips into a version while it is being published.
                declare=[("version", "feedback_surveyversion%ROWTYPE")],
                func="""
                    FOR version IN
                        SELECT * FROM feedback_surveyversion
                        WHERE (TG_OP <> 'DELETE' AND id = NEW.version_id)
                            OR (TG_OP <> 'INSERT' AND id = OLD.version_id)
                        FOR SHARE
                    LOOP
                        IF version.published_at IS NOT NULL THEN
                            RAISE EXCEPTION 'The items of a published survey version are frozen';
                        END IF;
                    END LOOP;
                    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                    RETURN NEW;
                """,
            )
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.wording}"


class ArticleSurvey(models.Model):
    """The survey that stands under an article instead of the default one."""

    article = models.OneToOneField(
        Article,
        on_delete=models.CASCADE,
        related_name="chosen_survey",
        verbose_name=_("article"),
    )
    survey = models.ForeignKey(
        Survey, on_delete=models.PROTECT, related_name="articles", verbose_name=_("survey")
    )

    class Meta:
        verbose_name = _("survey of an article")
        verbose_name_plural = _("surveys of articles")
        triggers = [
            pgtrigger.Trigger(
                name="survey_is_published",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func="""
                    IF NOT EXISTS (
                        SELECT FROM feedback_surveyversion
                        WHERE survey_id = NEW.survey_id AND published_at IS NOT NULL
                    ) THEN
                        RAISE EXCEPTION 'The survey of an article must have been published';
                    END IF;
                    RETURN NEW;
                """,
            ),
            BumpContentStamp(),
        ]

    def __str__(self) -> str:
        return f"{self.article_id}: {self.survey}"
