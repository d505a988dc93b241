"""A work as the Crossref REST API describes it."""

from typing import Any, TypedDict

from django.utils.translation import gettext as _

from articles.references import Csl, set_retraction
from articles.references.csl import AHEAD_OF_PRINT

from .records import Reading, clean, clean_doi

_TYPES = {
    "book": "book",
    "book-chapter": "chapter",
    "book-part": "chapter",
    "book-section": "chapter",
    "database": "dataset",
    "dataset": "dataset",
    "dissertation": "thesis",
    "edited-book": "book",
    "journal-article": "article-journal",
    "monograph": "book",
    "posted-content": "article",
    "proceedings": "book",
    "proceedings-article": "paper-conference",
    "reference-book": "book",
    "reference-entry": "chapter",
    "report": "report",
}
_RETRACTIONS = {"retraction", "partial_retraction", "removal", "withdrawal"}


class SourceUpdate(TypedDict):
    """What became of a source after it came out; DOI and date as far as Crossref says."""

    kind: str  # "retraction", "erratum" …
    DOI: str  # of the notice
    date: str


def source_updates(work: dict[str, Any]) -> list[SourceUpdate]:
    """Return the corrections and retractions that Crossref knows of ``work``."""
    return [
        SourceUpdate(
            kind=clean(update.get("type")).lower().replace("_", " "),
            DOI=clean_doi(update.get("DOI")),
            date=_day(update),
        )
        for update in _list(work, "updated-by")
        if isinstance(update, dict) and clean(update.get("type"))
    ]


def is_retraction(update: SourceUpdate) -> bool:
    return update["kind"].replace(" ", "_") in _RETRACTIONS


def read_work(reading: Reading, line: int, doi: str, work: dict[str, Any]) -> None:
    """Add ``work`` (the API's "message") to ``reading``: the answer to ``doi`` of that line."""
    csl = _to_csl(work)
    notices = []
    for update in _list(work, "updated-by"):
        if not isinstance(update, dict):
            continue
        kind = clean(update.get("type")).lower()
        if kind in _RETRACTIONS:
            _retract(csl, update)
        else:
            notices.append(
                _("Crossref knows an update: %(kind)s, doi: %(doi)s.")
                % {"kind": kind.replace("_", " "), "doi": clean(update.get("DOI"))}
            )
    reading.add(line, doi, csl, tuple(notices))


def _retract(csl: Csl, update: dict[str, Any]) -> None:
    set_retraction(csl, retracted=True)
    known = {
        "DOI": clean_doi(update.get("DOI")),
        "date": _day(update),
        "source": clean(update.get("source")),
    }
    csl["custom"] = {"retraction": {name: text for name, text in known.items() if text}}


def _day(update: dict[str, Any]) -> str:
    day = _date(update, "updated").get("date-parts", [[]])[0]
    return "-".join(f"{number:02}" for number in day)


def _to_csl(work: dict[str, Any]) -> Csl:
    kind = _TYPES.get(clean(work.get("type")), "document")
    containers = _list(work, "container-title")
    # Of a chapter the series comes first and the book last.
    container = clean(containers[-1 if kind == "chapter" else 0]) if containers else ""
    event = work["event"] if isinstance(work.get("event"), dict) else {}
    csl: Csl = {
        "type": kind,
        "author": _names(work, "author"),
        "editor": _names(work, "editor"),
        "title": _title(work),
        "container-title": container,
        "container-title-short": _first(work, "short-container-title"),
        "issued": _date(work, "issued"),
        "volume": clean(work.get("volume")),
        "issue": clean(work.get("issue")),
        "page": clean(work.get("page")) or clean(work.get("article-number")),
        "edition": clean(work.get("edition-number")),
        "language": clean(work.get("language")),
        "DOI": clean_doi(work.get("DOI")),
    }
    if kind == "article-journal":
        return csl | _electronic(work, csl)
    if kind == "article":
        csl |= {"genre": "preprint", "container-title": container or _institution(work)}
        return csl
    return csl | {
        "publisher": clean(work.get("publisher")),
        "publisher-place": clean(work.get("publisher-location")),
        "event-title": clean(event.get("name")),
        "event-place": clean(event.get("location")),
        "number": clean(work.get("report-number")) if kind == "report" else "",
    }


def _electronic(work: dict[str, Any], csl: Csl) -> dict[str, Any]:
    """Return the day of the print, and when the article came out before it, as MEDLINE has them."""
    printed, online = _date(work, "published-print"), _date(work, "published-online")
    if printed and online and online["date-parts"] < printed["date-parts"]:
        return {"issued": printed, "available-date": online}
    if online and not printed and not (csl["volume"] or csl["issue"] or csl["page"]):
        return {"status": AHEAD_OF_PRINT}
    return {}


def _title(work: dict[str, Any]) -> str:
    title, subtitle = _first(work, "title", stop=False), _first(work, "subtitle", stop=False)
    if not subtitle or subtitle.casefold() in title.casefold():
        return title
    return f"{title}{'' if title.endswith(('?', '!', ':')) else ':'} {subtitle}".strip()


def _names(work: dict[str, Any], role: str) -> list[dict[str, str]]:
    names = []
    for person in _list(work, role):
        if not isinstance(person, dict):
            continue
        family, given = clean(person.get("family")), clean(person.get("given"))
        suffix = clean(person.get("suffix"))
        if group := clean(person.get("name")) or (family if not given else ""):
            names.append({"literal": group})
        elif family:
            names.append(
                {"family": family, "given": given} | ({"suffix": suffix} if suffix else {})
            )
        elif given:
            names.append({"literal": given})
    return names


def _date(work: dict[str, Any], field: str) -> dict[str, Any]:
    value = work.get(field)
    parts = value.get("date-parts") if isinstance(value, dict) else None
    first = parts[0] if isinstance(parts, list) and parts else None
    numbers = [part for part in first if type(part) is int] if isinstance(first, list) else []
    return {"date-parts": [numbers[:3]]} if numbers else {}


def _institution(work: dict[str, Any]) -> str:
    institutions = [entry for entry in _list(work, "institution") if isinstance(entry, dict)]
    name = clean(institutions[0].get("name")) if institutions else ""
    return name or clean(work.get("group-title")) or clean(work.get("publisher"))


def _list(work: dict[str, Any], field: str) -> list[Any]:
    value = work.get(field)
    return value if isinstance(value, list) else []


def _first(work: dict[str, Any], field: str, *, stop: bool = True) -> str:
    values = _list(work, field)
    return clean(values[0], stop=stop) if values else ""
