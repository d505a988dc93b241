"""The agreement-scale survey: what was asked, word for word, and what was answered."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

from articles.models import Article, ArticleVersion
from portal.attestation.models import Profession, Reader, Specialty
from portal.core.content_cache import content_cached
from portal.core.page_rows import on_every_page
from portal.core.triggers import BumpContentStamp, append_only


class Level(models.IntegerChoices):
    """The agreement scale."""

    STRONGLY_DISAGREE = 1, _("Strongly disagree")
    DISAGREE = 2, _("Disagree")
    NEUTRAL = 3, _("Neither agree nor disagree")
    AGREE = 4, _("Agree")
    STRONGLY_AGREE = 5, _("Strongly agree")


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
        triggers = [pgtrigger.ReadOnly(name="stable_key", fields=["survey", "key"])]

    def __str__(self) -> str:
        return self.key


class StatementWording(models.Model):
    """One wording of a statement, and whether its answers compare with those of the one before."""

    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="wordings")
    number = models.PositiveSmallIntegerField(_("version of the wording"), default=1)
    text = models.CharField(_("text"), max_length=300)
    is_comparable = models.BooleanField(_("comparable with the previous wording"), default=True)

    class Meta:
        ordering = ["statement", "number"]
        verbose_name = _("wording")
        verbose_name_plural = _("wordings")
        constraints = [
            models.UniqueConstraint(fields=["statement", "number"], name="feedback_wording_number")
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return self.text


class SurveyVersion(models.Model):
    """The statements of a survey in one order. Frozen by the database once published."""

    survey = models.ForeignKey(Survey, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField(_("version"))
    published_at = models.DateTimeField(_("published"), null=True, blank=True)
    wordings = models.ManyToManyField(StatementWording, through="SurveyItem", related_name="+")

    class Meta:
        ordering = ["survey", "-number"]
        verbose_name = _("survey version")
        verbose_name_plural = _("survey versions")
        constraints = [
            models.UniqueConstraint(fields=["survey", "number"], name="feedback_version_number")
        ]
        triggers = [
            pgtrigger.Protect(
                name="frozen_once_published",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__published_at__isnull=False),
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


@dataclass(frozen=True, slots=True)
class PublishedSurvey:
    """A published survey version with its items in order: all that the form needs."""

    version_id: int
    survey_id: int
    items: tuple[SurveyItem, ...]


def load_survey_version(key: str = "default") -> PublishedSurvey:
    """Read the newest published version of the survey ``key`` from the database (1 query).

    Raises ``SurveyVersion.DoesNotExist`` where none is published.
    """
    return _published_survey(
        _newest_items(key).select_related("version", "wording__statement"), key
    )


def _newest_items(key: str) -> QuerySet[SurveyItem]:
    newest = SurveyVersion.objects.filter(
        survey__key=key, published_at__isnull=False, items__isnull=False
    ).order_by("-number")
    return SurveyItem.objects.filter(version=newest.values("pk")[:1]).order_by("position")


def _published_survey(found: Iterable[SurveyItem], key: str) -> PublishedSurvey:
    items = tuple(found)
    if not items:
        raise SurveyVersion.DoesNotExist(f"No version of the survey {key!r} is published")
    version = items[0].version
    return PublishedSurvey(version_id=version.pk, survey_id=version.survey_id, items=items)


@on_every_page(
    "id",
    "position",
    "version_id",
    "version__survey_id",
    "wording_id",
    "wording__text",
    "wording__statement_id",
    "wording__statement__key",
)
def _default_item_rows() -> QuerySet[SurveyItem]:
    return _newest_items("default")


@content_cached
def current_survey_version() -> PublishedSurvey:
    """Return the default survey's newest published version (0 queries once remembered).

    Raises ``SurveyVersion.DoesNotExist`` where none is published.
    """
    return _published_survey(map(_item, _default_item_rows()), "default")


def _item(row: dict[str, Any]) -> SurveyItem:
    statement = Statement(id=row["wording__statement_id"], key=row["wording__statement__key"])
    return SurveyItem(
        id=row["id"],
        position=row["position"],
        version=SurveyVersion(id=row["version_id"], survey_id=row["version__survey_id"]),
        wording=StatementWording(
            id=row["wording_id"], text=row["wording__text"], statement=statement
        ),
    )


def items_by_version(version_ids: Collection[int] | QuerySet[Any]) -> dict[int, list[SurveyItem]]:
    """Return the items of survey versions, newest version first (1 query).

    An item's index in its list is its place in ``Response.levels``.
    """
    versions: dict[int, list[SurveyItem]] = {}
    for item in (
        SurveyItem.objects.filter(version__in=version_ids)
        .select_related("version__survey", "wording__statement__survey")
        .order_by("version__survey_id", "-version__number", "position")
    ):
        versions.setdefault(item.version_id, []).append(item)
    return versions


def _levels_are_on_the_scale() -> Q:
    """Every level is 1 to 5 and none is NULL, in however many statements the version has."""
    return Q(levels__contained_by=list(Level.values)) & Q(levels__len__gte=1)


class ResponseBase(models.Model):
    """What a response and each of its earlier states hold.

    ``levels`` is one array, in the order of the (frozen) survey version's items: one row per
    response was measured three times as fast to write as one row per answer.
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
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["reader", "article"], name="feedback_one_response_per_reader_and_article"
            ),
            models.CheckConstraint(
                name="feedback_levels_on_the_scale", condition=_levels_are_on_the_scale()
            ),
        ]
        indexes = [models.Index(fields=["article", "submitted_at"], name="feedback_by_article")]

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
