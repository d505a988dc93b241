"""Which answers may be added up: comparable wordings of one statement on one scale."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from django.utils.translation import get_language

from feedback.models import Level, Outcome, StatementWording, SurveyItem, SurveyVersion
from feedback.models import items_by_version as items_of


@dataclass(frozen=True, slots=True)
class Series:
    """Comparable wordings of a statement on one scale.

    ``places``: survey version → the statement's place in its levels, from 0. ``labels``: none for
    the default scale. ``number``: 1 for the statement's first series.
    """

    key: str
    number: int
    survey: str
    text: str
    outcome: Outcome
    labels: tuple[str, ...]
    places: dict[int, int]

    @property
    def labels_shown(self) -> tuple[str, str, str, str, str]:
        first, second, third, fourth, fifth = self.labels or _default_labels(get_language())
        return first, second, third, fourth, fifth


@cache
def _default_labels(language: str | None) -> tuple[str, ...]:
    return tuple(str(level.label) for level in Level)


def all_series() -> list[Series]:
    """Return the series of all published surveys, in the newest order of each (2 queries)."""
    versions = items_of(SurveyVersion.objects.filter(published_at__isnull=False).values("pk"))
    first_wordings = first_comparable_wordings()
    # (Statement, first comparable wording, labels) → its items, newest survey version first.
    found: dict[tuple[int, int, tuple[str, ...]], list[tuple[SurveyItem, int]]] = defaultdict(list)
    for items in versions.values():
        for place, item in enumerate(items):
            labels = tuple(item.version.labels)
            key = item.wording.statement_id, first_wordings[item.wording_id], labels
            found[key].append((item, place))
    numbers: dict[int, list[tuple[int, int, tuple[str, ...]]]] = defaultdict(list)
    for key, places in found.items():
        numbers[key[0]].append((places[-1][0].version.number, key[1], key[2]))
    series = []
    for (statement, first, labels), places in found.items():
        newest = places[0][0]
        oldest = places[-1][0].version.number
        series.append(
            Series(
                key=newest.wording.statement.key,
                number=1 + sorted(numbers[statement]).index((oldest, first, labels)),
                survey=newest.version.survey.name,
                text=newest.wording.text,
                outcome=Outcome(newest.wording.statement.outcome),
                labels=labels,
                places={item.version_id: place for item, place in places},
            )
        )
    return series


def first_comparable_wordings() -> dict[int, int]:
    """Return for each wording the first one that it may be compared with (1 query)."""
    first: dict[int, int] = {}
    for wording in StatementWording.objects.order_by("statement", "number"):
        first[wording.pk] = first[wording.follows_id] if wording.follows_id else wording.pk
    return first
