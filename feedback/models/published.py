"""The survey that readers see under an article, remembered in process memory."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.core.content_cache import content_cached
from portal.core.page_rows import on_every_page

from .surveys import (
    NOT_APPLICABLE,
    ArticleSurvey,
    Level,
    Statement,
    StatementWording,
    SurveyItem,
    SurveyVersion,
)

DEFAULT_SURVEY = "default"


@dataclass(frozen=True, slots=True)
class PublishedSurvey:
    """A published survey version with its items in order: all that the form needs.

    ``labels``: five, or none for those of ``Level``. ``comment_question``: "" asks for no free
    text.
    """

    version_id: int
    survey_id: int
    items: tuple[SurveyItem, ...]
    labels: tuple[str, ...] = ()
    comment_question: str = ""


def level_labels(labels: Sequence[str]) -> dict[int, str | Promise]:
    """Return what each level is called, ``NOT_APPLICABLE`` last.

    ``labels``: those of a survey version, from the lowest level to the highest, or none.
    """
    own = dict(zip(Level.values, labels, strict=True)) if labels else dict(Level.choices)
    return {**own, NOT_APPLICABLE: _("Not applicable")}


def load_survey_version(key: str = DEFAULT_SURVEY) -> PublishedSurvey:
    """Read the newest published version of the survey ``key`` from the database (1 query).

    Raises ``SurveyVersion.DoesNotExist`` where none is published.
    """
    items = SurveyItem.objects.filter(version__in=_newest(survey__key=key)[:1]).order_by("position")
    found = tuple(items.select_related("version", "wording__statement"))
    if not found:
        raise SurveyVersion.DoesNotExist(f"No version of the survey {key!r} is published")
    return _published_survey(found)


def load_survey_of(article_id: int) -> PublishedSurvey:
    """Read the survey that stands under an article from the database (2 queries, seldom 3).

    Raises ``SurveyVersion.DoesNotExist`` where not even the default survey is published.
    """
    key = (
        ArticleSurvey.objects.filter(article=article_id)
        .values_list("survey__key", flat=True)
        .first()
    )
    try:
        return load_survey_version(key or DEFAULT_SURVEY)
    except SurveyVersion.DoesNotExist:
        return load_survey_version()


def _newest(**survey: Any) -> QuerySet[Any, Any]:
    return (
        SurveyVersion.objects.filter(published_at__isnull=False, items__isnull=False, **survey)
        .order_by("-number")
        .values("pk")
    )


def _published_survey(items: tuple[SurveyItem, ...]) -> PublishedSurvey:
    version = items[0].version
    return PublishedSurvey(
        version_id=version.pk,
        survey_id=version.survey_id,
        items=items,
        labels=tuple(version.labels),
        comment_question=version.comment_question,
    )


@on_every_page(
    "id",
    "position",
    "speaks_of_objectives",
    "allows_not_applicable",
    "version_id",
    "version__survey_id",
    "version__survey__key",
    "version__labels",
    "version__comment_question",
    "wording_id",
    "wording__text",
    "wording__statement_id",
    "wording__statement__key",
)
def _item_rows() -> QuerySet[SurveyItem]:
    """Name the items of the default survey and of those that stand under an article."""
    is_chosen = Exists(ArticleSurvey.objects.filter(survey=OuterRef("version__survey")))
    return SurveyItem.objects.filter(
        Q(version__survey__key=DEFAULT_SURVEY) | is_chosen,
        version=_newest(survey=OuterRef("version__survey"))[:1],
    ).order_by("version", "position")


@on_every_page("article_id", "survey_id")
def _chosen_rows() -> QuerySet[ArticleSurvey]:
    return ArticleSurvey.objects.order_by("article")


@content_cached
def _published_surveys() -> dict[int | str, PublishedSurvey]:
    """Return the surveys that readers see, by their key in the database; the default by name."""
    rows: dict[int, list[dict[str, Any]]] = {}
    for row in _item_rows():
        rows.setdefault(row["version__survey_id"], []).append(row)
    surveys: dict[int | str, PublishedSurvey] = {}
    for survey_id, own in rows.items():
        surveys[survey_id] = _published_survey(tuple(map(_item, own)))
        if own[0]["version__survey__key"] == DEFAULT_SURVEY:
            surveys[DEFAULT_SURVEY] = surveys[survey_id]
    return surveys


@content_cached
def _chosen_surveys() -> dict[int, int]:
    return {row["article_id"]: row["survey_id"] for row in _chosen_rows()}


def current_survey_version(article_id: int) -> PublishedSurvey:
    """Return the newest published version of an article's survey (0 queries once remembered).

    That is the one chosen for the article; the default one where none is chosen, or where no
    version of the chosen one is published. Raises ``SurveyVersion.DoesNotExist`` where not even
    that one is.
    """
    surveys = _published_surveys()
    survey = surveys.get(_chosen_surveys().get(article_id, 0)) or surveys.get(DEFAULT_SURVEY)
    if survey is None:
        raise SurveyVersion.DoesNotExist("No version of the default survey is published")
    return survey


def _item(row: dict[str, Any]) -> SurveyItem:
    statement = Statement(id=row["wording__statement_id"], key=row["wording__statement__key"])
    return SurveyItem(
        id=row["id"],
        position=row["position"],
        speaks_of_objectives=row["speaks_of_objectives"],
        allows_not_applicable=row["allows_not_applicable"],
        version=SurveyVersion(
            id=row["version_id"],
            survey_id=row["version__survey_id"],
            labels=row["version__labels"],
            comment_question=row["version__comment_question"],
        ),
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
