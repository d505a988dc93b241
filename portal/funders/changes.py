"""The public log of changes of the funders page, from the append-only rows of history.

It tells of an agreement from its first day on, and of a funder from its first agreement on, as the
page does, and of levels whose name or rank changes. Amounts, references and signed documents are
never told of, whatever the page shows.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.apps import apps
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_countries import countries

from portal.core.content_cache import content_cached

from .models import Agreement

Row = dict[str, Any]

# Model of events → the fields that are told of, with their names.
_FIELDS: dict[str, dict[str, Any]] = {
    "SupportLevelEvent": {
        "label": gettext_lazy("Name of the level"),
        "rank": gettext_lazy("Rank"),
    },
    "FunderEvent": {
        "name": gettext_lazy("Legal name"),
        "country": gettext_lazy("Country"),
        "website": gettext_lazy("Website"),
        "ror_id": gettext_lazy("ROR id"),
    },
    "FormerNameEvent": {
        "name": gettext_lazy("Former name"),
        "last_day": gettext_lazy("Last day of this name"),
    },
    "AgreementEvent": {
        "kind": gettext_lazy("Kind of support"),
        "nature": gettext_lazy("What is given in kind"),
        "level_id": gettext_lazy("Level"),
        "starts_on": gettext_lazy("First day"),
        "ends_on": gettext_lazy("Last day"),
        "is_site_wide": gettext_lazy("For"),
        "purpose": gettext_lazy("Purpose"),
    },
}
_TITLES: dict[tuple[str, str], Any] = {
    ("SupportLevelEvent", "update"): gettext_lazy("Level of support changed"),
    ("FunderEvent", "insert"): gettext_lazy("Funder added"),
    ("FunderEvent", "update"): gettext_lazy("Funder changed"),
    ("FunderEvent", "delete"): gettext_lazy("Funder removed"),
    ("FormerNameEvent", "insert"): gettext_lazy("Former name added"),
    ("FormerNameEvent", "update"): gettext_lazy("Former name changed"),
    ("FormerNameEvent", "delete"): gettext_lazy("Former name removed"),
    ("AgreementEvent", "insert"): gettext_lazy("Agreement added"),
    ("AgreementEvent", "update"): gettext_lazy("Agreement changed"),
    ("AgreementEvent", "delete"): gettext_lazy("Agreement removed"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One field: "" stands for nothing."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What was done at one moment; ``subject``: the funder's (or level's) name from then on."""

    recorded_at: datetime
    subject: str
    title: str
    changes: tuple[Change, ...]

    @property
    def day(self) -> date:
        return timezone.localdate(self.recorded_at)


@content_cached
def change_log() -> tuple[LogEntry, ...]:
    """Return all changes, the latest first (4 queries when cold, however many there are)."""
    return tuple(reversed(list(_entries(timezone.localdate()))))


def _entries(today: date) -> Iterator[LogEntry]:
    rows = {name: _events(name, fields) for name, fields in _FIELDS.items()}
    agreements = {row["id"] for row in rows["AgreementEvent"] if row["starts_on"] <= today}
    rows["AgreementEvent"] = [row for row in rows["AgreementEvent"] if row["id"] in agreements]
    funders = {row["funder_id"] for row in rows["AgreementEvent"]}
    # As they were first called, until a row says otherwise.
    levels = {row["id"]: row["label"] for row in reversed(rows["SupportLevelEvent"])}
    names: dict[int, str] = {}
    last: dict[tuple[str, int], Row] = {}
    for event, row in _in_order(rows):
        before, after = last.get((event, row["id"]), {}), row
        last[event, row["id"]] = row
        if row["pgh_label"] == "delete":
            before, after = row, {}
        if event == "SupportLevelEvent":
            levels[row["id"]] = row["label"]
            is_told, subject = (event, row["pgh_label"]) in _TITLES, row["label"]
        else:
            if event == "FunderEvent":
                names[row["id"]] = row["name"]
            funder: int = row["funder_id"] if "funder_id" in row else row["id"]
            is_told, subject = funder in funders, names.get(funder, "")
        changes = tuple(_changes(event, before, after, levels)) if is_told else ()
        # Else it is about what is not public.
        if changes:
            title = str(_TITLES[event, row["pgh_label"]])
            yield LogEntry(row["pgh_created_at"], subject, title, changes)


def _events(name: str, fields: Iterable[str]) -> list[Row]:
    """Return all rows of a model of events, with the funder's key if it is about a part of one."""
    own = ("funder_id",) if name in {"FormerNameEvent", "AgreementEvent"} else ()
    # The models are made by pghistory: no module has their names.
    events: Any = apps.get_model("funders", name).objects.order_by("pgh_id")
    return list(events.values("id", "pgh_id", "pgh_label", "pgh_created_at", *own, *fields))


def _in_order(rows: dict[str, list[Row]]) -> list[tuple[str, Row]]:
    """Return the rows of all models in the order in which they were written."""
    places = list(rows)
    every = [(event, row) for event, of_model in rows.items() for row in of_model]
    # All rows of one transaction have one time: the funder's come before those of its parts.
    return sorted(
        every, key=lambda one: (one[1]["pgh_created_at"], places.index(one[0]), one[1]["pgh_id"])
    )


def _changes(event: str, before: Row, after: Row, levels: dict[int, str]) -> Iterator[Change]:
    for field, label in _FIELDS[event].items():
        old, new = (_text(field, row.get(field), levels) for row in (before, after))
        if old != new:
            yield Change(str(label), old, new)


def _text(field: str, value: Any, levels: dict[int, str]) -> str:
    """Return a field's value in words; "" for none."""
    words: dict[str, Callable[[Any], str]] = {
        "kind": lambda kind: str(Agreement.Kind(kind).label),
        "level_id": lambda level: levels.get(level, ""),
        "country": lambda country: str(countries.name(country)),
        "is_site_wide": lambda whole: _("the whole site") if whole else _("named articles"),
    }
    if value is None or value == "":
        return ""
    if isinstance(value, date):
        return date_format(value, "j F Y")
    return words.get(field, str)(value)
