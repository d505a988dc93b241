"""What each column of a file holds: keys, labels, codes, wordings, and what an empty cell means."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django_countries import countries

from feedback.models import Level, Outcome
from portal.attestation.models import Profession, Specialty

from .cells import labels_of_choices
from .columns import ANSWER, BASE, COMMENT, Kind, Layout, Place, SurveyColumn
from .orders import Order, Shape
from .statements import MIN_SHARING

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A statement as a survey version put it, or a question for free text (``wording`` 0)."""

    survey: str
    survey_version: int
    statement: str
    wording: int
    text: str
    is_comparable: bool | None
    position: int
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """All there is to say about one column. ``codes``: each code with its label."""

    key: str
    label: str
    type: str
    empty: str
    codes: dict[str, str] = field(default_factory=dict)
    survey: str = ""
    statement: str = ""
    series: int | None = None
    outcome: Outcome | None = None
    wordings: tuple[Wording, ...] = ()


def entries(order: Order, layout: Layout) -> list[Entry]:
    """Return the codebook of the file of ``order``, in the order of its columns."""
    known = _base(order) | _answer(layout)
    if order.shape == Shape.LONG:
        keys = [*BASE, *ANSWER, *([COMMENT] if order.has_comments else [])]
        return [known[key] for key in keys]
    return [
        *(known[key] for key in BASE),
        *(_survey_entry(column, order) for column in layout.wide(order)),
    ]


# --- columns that are always there ----------------------------------------------------------------


def _base(order: Order) -> dict[str, Entry]:
    never = _("Never empty.")
    not_stated = _("The reader did not state it.")
    few = _("Another, or fewer than %(n)d people in this file share the combination.") % {
        "n": MIN_SHARING
    }

    def profile(key: str, label: str, codes: dict[str, str]) -> Entry:
        if order.format.has_labels:
            label = f"{label}. “{_('Other')}”: {few}"
        else:
            codes = {**codes, "other": few}
        return Entry(key=key, label=label, type="text", empty=not_stated, codes=codes)

    found = [
        Entry(
            key="respondent",
            label=_("Pseudonym of the reader, of this file alone: no other file has the same"),
            type="text",
            empty=never,
        ),
        Entry(key="article_id", label=_("Number of the article"), type="integer", empty=never),
        Entry(key="article_slug", label=_("Address of the article"), type="text", empty=never),
        Entry(key="article_title", label=_("Title of the article today"), type="text", empty=never),
        Entry(
            key="article_version",
            label=_("Version of the article that was answered about"),
            type="integer",
            empty=never,
        ),
        Entry(key="survey", label=_("Key of the survey"), type="text", empty=never),
        Entry(
            key="survey_version",
            label=_("Version of the survey that was answered"),
            type="integer",
            empty=never,
        ),
        Entry(
            key="answered_on",
            label=_("Day of the answer, or of its last change"),
            type="date",
            empty=never,
        ),
        profile("profession", _("Profession when answering"), labels_of_choices(Profession)),
        profile("specialty", _("Specialty when answering"), labels_of_choices(Specialty)),
        profile(
            "country",
            _("Country when answering (ISO 3166-1 alpha-2)"),
            {code: str(name) for code, name in countries},
        ),
    ]
    return {entry.key: entry for entry in found}


def _answer(layout: Layout) -> dict[str, Entry]:
    levels = layout.of_kind(Kind.LEVEL)
    wordings = tuple(_wording(place) for column in levels for place in column.places)
    never, empty = _("Never empty."), _("The answer is “not applicable”.")
    found = [
        Entry(
            key="statement",
            label=_("Key of the statement, within its survey"),
            type="text",
            empty=never,
            wordings=wordings,
        ),
        Entry(key="wording", label=_("Number of its wording"), type="integer", empty=never),
        Entry(
            key="series",
            label=_("Answers to one statement may be compared within one series alone"),
            type="integer",
            empty=never,
        ),
        Entry(
            key="level",
            label=_("Level of agreement"),
            type="integer",
            empty=empty,
            codes=_codes([str(level.label) for level in Level]),
        ),
        Entry(
            key="level_label",
            label=_("Level of agreement as the reader saw it"),
            type="text",
            empty=empty,
        ),
        _flag("not_applicable", never),
        Entry(
            key=COMMENT,
            label=_("Free text of the response, the same in each of its rows"),
            type="text",
            empty=_no_comment(),
        ),
    ]
    return {entry.key: entry for entry in found}


# --- columns that surveys brought -----------------------------------------------------------------


def _survey_entry(column: SurveyColumn, order: Order) -> Entry:
    if column.kind == Kind.COMMENT:
        return _comment_entry(column)
    assert column.statement is not None  # noqa: S101 - as the other kinds have
    wordings = tuple(map(_wording, column.places))
    if column.kind == Kind.NOT_APPLICABLE:
        empty = _("The survey that was answered did not ask this.")
        return _flag(
            column.key,
            empty,
            survey=column.survey.key,
            statement=column.statement.key,
            wordings=wordings,
        )
    return Entry(
        key=column.key,
        label=wordings[-1].text,
        type="text" if order.format.has_labels else "integer",
        empty=_(
            "The survey that was answered did not ask this, asked it in words or on a scale that "
            "cannot be compared (another column holds that), or the answer is “not applicable”."
        ),
        codes=_codes(column.labels),
        survey=column.survey.key,
        statement=column.statement.key,
        series=column.series,
        outcome=Outcome(column.statement.outcome),
        wordings=wordings,
    )


def _flag(key: str, empty: str, **more: Any) -> Entry:
    return Entry(
        key=key,
        label=_("Whether the answer is “not applicable”"),
        type="integer",
        empty=empty,
        codes={"0": _("No"), "1": _("Yes")},
        **more,
    )


def _comment_entry(column: SurveyColumn) -> Entry:
    wordings = tuple(
        Wording(
            survey=column.survey.key,
            survey_version=version.number,
            statement="",
            wording=0,
            text=version.comment_question,
            is_comparable=None,
            position=0,
        )
        for version in column.versions
    )
    return Entry(
        key=column.key,
        label=wordings[-1].text,
        type="text",
        empty=_no_comment(),
        survey=column.survey.key,
        wordings=wordings,
    )


def _no_comment() -> str:
    return _("The reader wrote nothing, was not asked, or staff have hidden the text.")


def _codes(labels: Iterable[str]) -> dict[str, str]:
    return {str(code): label for code, label in enumerate(labels, 1)}


def _wording(place: Place) -> Wording:
    wording = place.item.wording
    return Wording(
        survey=wording.statement.survey.key,
        survey_version=place.version.number,
        statement=wording.statement.key,
        wording=wording.number,
        text=wording.text,
        is_comparable=wording.follows_id is not None if wording.number > 1 else None,
        position=place.number,
        outcome=Outcome(wording.statement.outcome),
    )


# --- as files -------------------------------------------------------------------------------------

HEADER = (
    "column",
    "label",
    "type",
    "codes",
    "empty_means",
    "survey",
    "statement",
    "series",
    "moore_level",
    "wordings",
)

WORDING_HEADER = (
    "column",
    "survey",
    "survey_version",
    "position",
    "statement",
    "wording",
    "text",
    "comparable_with_previous",
    "moore_level",
)


def rows(found: Iterable[Entry]) -> list[list[object]]:
    """Return the codebook as a table, a row per column, with ``HEADER`` first."""
    return [list(HEADER), *map(_row, found)]


def _row(entry: Entry) -> list[object]:
    return [
        entry.key,
        entry.label,
        entry.type,
        " | ".join(f"{code} = {label}" for code, label in entry.codes.items()),
        entry.empty,
        entry.survey,
        entry.statement,
        entry.series,
        entry.outcome.value if entry.outcome else None,
        " | ".join(
            # A column of answers names its statement once; the column of keys, each.
            f"{wording.survey} {wording.survey_version}{_key(entry, wording)}: {wording.text}"
            for wording in entry.wordings
        ),
    ]


def _key(entry: Entry, wording: Wording) -> str:
    return "" if entry.statement == wording.statement else f" {wording.statement}"


def code_rows(found: Iterable[Entry]) -> list[list[object]]:
    """Return the codes as a table: column, code, label."""
    table: list[list[object]] = [["column", "code", "label"]]
    table += [[entry.key, *code] for entry in found for code in entry.codes.items()]
    return table


def wording_rows(found: Iterable[Entry]) -> list[list[object]]:
    """Return the wordings as a table, a row per column and survey version."""
    says = {None: "", True: "yes", False: "no"}
    table: list[list[object]] = [list(WORDING_HEADER)]
    table += [
        [
            entry.key,
            wording.survey,
            wording.survey_version,
            wording.position or None,
            wording.statement,
            wording.wording or None,
            wording.text,
            says[wording.is_comparable],
            wording.outcome.value if wording.outcome else None,
        ]
        for entry in found
        for wording in entry.wordings
    ]
    return table


def as_json(order: Order, found: Iterable[Entry]) -> bytes:
    document = {
        "format_version": FORMAT_VERSION,
        "format": order.format.value,
        "shape": order.shape.value,
        # Of levels and profiles: what stands in the file, "code" or "label".
        "values": "label" if order.format.has_labels else "code",
        "columns": [_document(entry) for entry in found],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


def _document(entry: Entry) -> dict[str, Any]:
    document: dict[str, Any] = {
        "key": entry.key,
        "label": entry.label,
        "type": entry.type,
        "empty_means": entry.empty,
    }
    if entry.codes:
        document["codes"] = [{"code": c, "label": label} for c, label in entry.codes.items()]
    if entry.survey:
        document |= {"survey": entry.survey, "statement": entry.statement or None}
    if entry.outcome:
        document |= {
            "series": entry.series,
            "moore_level": entry.outcome.value,
            "outcome": str(entry.outcome.label),
        }
    if entry.wordings:
        document["wordings"] = [
            {
                "survey": wording.survey,
                "survey_version": wording.survey_version,
                "statement": wording.statement or None,
                "wording": wording.wording or None,
                "text": wording.text,
                "comparable_with_previous": wording.is_comparable,
                "moore_level": wording.outcome.value if wording.outcome else None,
                "position": wording.position or None,
            }
            for wording in entry.wordings
        ]
    return document
