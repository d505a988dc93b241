"""Which columns a file has: the same for every selection, in an order that only grows at its end.

Columns that depend on surveys stand in the order in which they were first published. A level's
column holds one *series* of answers that may be compared: the wordings that say so, on one scale.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from feedback.models import (
    Level,
    Statement,
    Survey,
    SurveyItem,
    SurveyVersion,
    items_by_version,
)
from feedback.results.statements import first_comparable_wordings

from .orders import Order, Shape

# What every row begins with.
BASE = (
    "respondent",
    "article_id",
    "article_slug",
    "article_title",
    "article_version",
    "survey",
    "survey_version",
    "answered_on",
    "profession",
    "specialty",
    "country",
)
# What an answer is, in a file with a row for each.
ANSWER = ("statement", "wording", "series", "level", "level_label", "not_applicable")
COMMENT = "comment"
DEFAULT_SURVEY = "default"


class Kind(StrEnum):
    """What a survey's column in a wide file holds."""

    LEVEL = "level"
    NOT_APPLICABLE = "not_applicable"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a survey version asks a statement; ``number``: its place in ``levels``, from 1."""

    number: int
    version: SurveyVersion
    item: SurveyItem


@dataclass(slots=True, kw_only=True)
class SurveyColumn:
    """One column of a wide file that some published survey version brought.

    ``series``: 1 for the statement's first. ``places``: all that fill the column, in the order of
    publication. ``labels``: five, of levels 1 to 5. ``versions``: those that ask for free text.
    """

    kind: Kind
    key: str
    survey: Survey
    statement: Statement | None = None
    series: int = 1
    labels: tuple[str, ...] = ()
    places: list[Place] = field(default_factory=list)
    versions: list[SurveyVersion] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Layout:
    """``surveys``: every survey's columns in order; ``versions``: published, the oldest first."""

    surveys: tuple[SurveyColumn, ...]
    versions: tuple[SurveyVersion, ...]

    def of_kind(self, kind: Kind) -> list[SurveyColumn]:
        return [column for column in self.surveys if column.kind == kind]

    def wide(self, order: Order) -> list[SurveyColumn]:
        """Return the surveys' columns that the file of ``order`` has."""
        if order.shape == Shape.LONG:
            return []
        return [c for c in self.surveys if c.kind != Kind.COMMENT or order.has_comments]

    def keys(self, order: Order) -> list[str]:
        """Return the keys of all columns of the file of ``order``, unguarded."""
        if order.shape == Shape.LONG:
            return [*BASE, *ANSWER, *([COMMENT] if order.has_comments else [])]
        return [*BASE, *(column.key for column in self.wide(order))]


def load_layout() -> Layout:
    """Read what was ever published (2 queries)."""
    published = SurveyVersion.objects.filter(published_at__isnull=False)
    versions = list(published.select_related("survey").order_by("published_at", "pk"))
    items = items_by_version(published.values("pk"))
    series = first_comparable_wordings()
    builder = _Builder()
    for version in versions:
        for number, item in enumerate(items.get(version.pk, ()), 1):
            builder.add_item(Place(number, version, item), series[item.wording_id])
        if version.comment_question:
            builder.add_comment(version)
    return Layout(tuple(builder.columns.values()), tuple(versions))


def labels_of(version: SurveyVersion) -> tuple[str, ...]:
    """Return the labels of levels 1 to 5 under which ``version`` was answered."""
    return tuple(version.labels or (str(level.label) for level in Level))


class _Builder:
    def __init__(self) -> None:
        self.columns: dict[tuple[object, ...], SurveyColumn] = {}
        self._taken = {*BASE, *ANSWER}

    def add_item(self, place: Place, wordings: int) -> None:
        statement = place.item.wording.statement
        survey = statement.survey
        level = (Kind.LEVEL, statement.pk, wordings, tuple(place.version.labels))
        if level not in self.columns:
            number = 1 + sum(key[:2] == level[:2] for key in self.columns)
            name = _name(survey, statement.key)
            self.columns[level] = SurveyColumn(
                kind=Kind.LEVEL,
                key=self._free(name if number == 1 else f"{name}.{number}"),
                survey=survey,
                statement=statement,
                series=number,
                labels=labels_of(place.version),
            )
        self.columns[level].places.append(place)
        self._add_not_applicable(place, statement)

    def _add_not_applicable(self, place: Place, statement: Statement) -> None:
        key = (Kind.NOT_APPLICABLE, statement.pk)
        if key not in self.columns:
            if not place.item.allows_not_applicable:
                return
            self.columns[key] = SurveyColumn(
                kind=Kind.NOT_APPLICABLE,
                key=self._free(_name(statement.survey, statement.key) + ".not_applicable"),
                survey=statement.survey,
                statement=statement,
                # Those who answered before could not say so: 0 for them, not empty.
                places=[p for p in self._places(statement) if p is not place],
            )
        self.columns[key].places.append(place)

    def _places(self, statement: Statement) -> Iterator[Place]:
        for key, column in self.columns.items():
            if key[:2] == (Kind.LEVEL, statement.pk):
                yield from column.places

    def add_comment(self, version: SurveyVersion) -> None:
        key = (Kind.COMMENT, version.survey_id)
        if key not in self.columns:
            self.columns[key] = SurveyColumn(
                kind=Kind.COMMENT,
                key=self._free(_name(version.survey, COMMENT)),
                survey=version.survey,
            )
        self.columns[key].versions.append(version)

    def _free(self, name: str) -> str:
        """Return ``name``, with a number where another column had it before."""
        free, number = name, 1
        while free in self._taken:
            number += 1
            free = f"{name}_{number}"
        self._taken.add(free)
        return free


def _name(survey: Survey, key: str) -> str:
    return key if survey.key == DEFAULT_SURVEY else f"{survey.key}.{key}"
