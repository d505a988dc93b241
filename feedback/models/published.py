"""The survey that readers see under an article, remembered in process memory."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from portal.core.content_cache import content_cached
from portal.core.page_rows import on_every_page

from .surveys import Statement, StatementWording, SurveyItem, SurveyVersion


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
