"""Vancouver style (ICMJE and NLM, "Samples of Formatted References") from CSL-JSON. Nothing is
invented: what the source does not say is left out.

On purpose not as NLM prints it: six authors and "et al." of more; no year of copyright, date of an
update, number of contract or author's address, which CSL has no place for.
"""

import re
from collections.abc import Callable
from typing import Any

from django.conf.locale import LANG_INFO

from .csl import (
    AHEAD_OF_PRINT,
    IN_PRESS,
    Csl,
    is_retracted,
    retraction_of,
    safe_url,
    text_of,
)
from .dates import format_date

AUTHORS_SHOWN = 6
INITIALS_SHOWN = 2
_AVAILABLE = "Available from: "


def format_vancouver(csl: Csl) -> str:
    """Return the reference as one line of plain text, for example (ICMJE's first sample)
    "Halpern SD, Ubel PA, Caplan AL. Solid-organ transplantation in HIV-infected patients.
    N Engl J Med. 2002 Jul 25;347(4):284-7."
    """
    formatter = _FORMATTERS.get(text_of(csl, "type"))
    if formatter is None:
        formatter = _within_a_journal if csl.get("container-title") else _on_its_own
    parts = [_names(csl, "author"), *formatter(csl), *_notes(csl)]
    return " ".join(_sentence(part) for part in parts if part)


def _sentence(text: str) -> str:
    # NLM: a stop after an address would be read as a part of it, but for one after a slash.
    if text.startswith(_AVAILABLE):
        return f"{text}." if text.endswith("/") else text
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _joined(separator: str, *parts: str) -> str:
    return separator.join(part for part in parts if part)


# --- Names ----------------------------------------------------------------------------------------


def _name(name: Any) -> tuple[str, bool]:
    """Return a name as it is written, and whether it is that of a group."""
    if not isinstance(name, dict):
        return "", False
    if literal := text_of(name, "literal"):
        return literal.rstrip("."), not literal.startswith("et al")
    family = _joined(
        " ",
        text_of(name, "dropping-particle"),
        text_of(name, "non-dropping-particle"),
        text_of(name, "family"),
    )
    words = (word for word in re.split(r"[\s.\-]+", text_of(name, "given")) if word)
    # "SD" are two initials already, however they were typed.
    initials = "".join(
        word if word.isupper() and len(word) <= INITIALS_SHOWN else word[0].upper()
        for word in words
    )[:INITIALS_SHOWN]
    return _joined(" ", family, initials, text_of(name, "suffix").rstrip(".")), False


def _names(csl: Csl, role: str) -> str:
    listed = csl.get(role)
    names = [
        (text, is_group)
        for name in (listed if isinstance(listed, list) else [])
        for text, is_group in [_name(name)]
        if text
    ]
    if len(names) > AUTHORS_SHOWN:
        names = [*names[:AUTHORS_SHOWN], ("et al", False)]
    line = ""
    for number, (text, is_group) in enumerate(names):
        beside_a_group = is_group or (number > 0 and names[number - 1][1])
        separator = "; " if beside_a_group and text != "et al" else ", "
        line = f"{line}{separator}{text}" if line else text
    return line


def _editors(csl: Csl) -> str:
    editors = csl.get("editor")
    word = "editors" if isinstance(editors, list) and len(editors) > 1 else "editor"
    names = _names(csl, "editor")
    return f"{names}, {word}" if names else ""


# --- Parts of a reference -------------------------------------------------------------------------


def _title(csl: Csl, medium: str = "") -> str:
    title = text_of(csl, "title")
    kinds = (text_of(csl, "genre"), text_of(csl, "medium") or medium)
    return _joined(" ", title, *(f"[{kind}]" for kind in kinds if kind)) if title else ""


def _pages(csl: Csl) -> str:
    """Shorten 284-287 to 284-7 and S93-S99 to S93-9, as MEDLINE does."""
    pages = (text_of(csl, "page") or text_of(csl, "number")).replace("–", "-")  # noqa: RUF001

    def shorten(match: re.Match[str]) -> str:
        prefix, first, last = match.groups()
        if len(first) != len(last):
            return match[0]
        same = 0
        while same < len(first) - 1 and first[same] == last[same]:
            same += 1
        return f"{prefix}{first}-{last[same:]}"

    return re.sub(r"\b([A-Za-z]*)(\d+)-\1(\d+)\b", shorten, pages)


def _is_read_online(csl: Csl) -> bool:
    """Whether the source was seen at an address alone; a DOI says where without a date."""
    return bool(safe_url(csl) and csl.get("accessed") and not csl.get("DOI"))


def _cited(csl: Csl) -> str:
    cited = format_date(csl, "accessed")
    return f"[cited {cited}]" if cited else ""


def _available(csl: Csl) -> str:
    url = safe_url(csl)
    return f"{_AVAILABLE}{url}" if url else ""


def _edition(csl: Csl) -> str:
    edition = text_of(csl, "edition").rstrip(".")
    if re.search(r"\bed(?:n|ition)?$", edition, re.IGNORECASE):
        return edition
    if edition.isdecimal():
        tens, ones = divmod(int(edition) % 100, 10)
        edition += {1: "st", 2: "nd", 3: "rd"}.get(ones, "th") if tens != 1 else "th"
    return f"{edition} ed" if edition else ""


def _event(csl: Csl) -> str:
    title = text_of(csl, "event-title") or text_of(csl, "event")
    return _joined("; ", title, format_date(csl, "event-date"), text_of(csl, "event-place"))


def _publisher(csl: Csl) -> str:
    place = _joined(": ", text_of(csl, "publisher-place"), text_of(csl, "publisher"))
    return _joined("; ", place, format_date(csl))


def _language(csl: Csl) -> str:
    """Return "Norwegian", of a source in English nothing."""
    language = text_of(csl, "language")
    code = language.lower().replace("_", "-")
    if code[:2] == "en" and (len(code) == len("en") or code[:3] in {"en-", "eng"}):
        return ""
    if code.partition("-")[0] in {"nb", "nn"}:
        return "Norwegian"
    info = LANG_INFO.get(code) or LANG_INFO.get(code.partition("-")[0]) or {}
    return str(info.get("name", "")) or (language if len(code) > len("nor") else "")


# --- Kinds of sources -----------------------------------------------------------------------------


def _within_a_journal(csl: Csl) -> list[str]:
    volume, issue, pages = text_of(csl, "volume"), text_of(csl, "issue"), _pages(csl)
    section = text_of(csl, "section")
    where = volume + (f"({issue})" if issue else "") or (f"Sect. {section}" if section else "")
    journal = text_of(csl, "container-title-short") or text_of(csl, "container-title")
    date = format_date(csl)
    status = text_of(csl, "status").lower()
    if status in {IN_PRESS, "forthcoming"}:
        return [_title(csl), journal, f"{status.capitalize()} {date}".strip()]
    available = ""
    if _is_read_online(csl):
        journal = f"{journal} [Internet]"
        date = _joined(" ", date, _cited(csl))
        available = _available(csl)
    issue_of = _joined(";", date, where) + (f":{pages}" if pages else "")
    return [_title(csl), journal, issue_of.removeprefix(":"), _language(csl), available]


def _on_its_own(csl: Csl) -> list[str]:
    is_online = _is_read_online(csl)
    volume, number = text_of(csl, "volume"), text_of(csl, "number")
    pages = text_of(csl, "number-of-pages")
    # Who edited a book without an author stands in the author's place.
    has_author = bool(_names(csl, "author"))
    editors = _editors(csl)
    return [
        "" if has_author else editors,
        _title(csl, "Internet" if is_online else ""),
        _edition(csl),
        f"Vol. {volume}" if volume else "",
        editors if has_author else "",
        _event(csl),
        _joined(" ", _publisher(csl), _cited(csl) if is_online else ""),
        f"{pages} p" if pages.isdecimal() else pages,
        f"Report No.: {number}" if number and text_of(csl, "type") == "report" else "",
        _language(csl),
        _available(csl) if is_online else "",
    ]


def _thesis(csl: Csl) -> list[str]:
    return _on_its_own({"genre": "dissertation"} | csl)


def _chapter(csl: Csl) -> list[str]:
    within = _joined(". ", _editors(csl), text_of(csl, "container-title"))
    volume, pages = text_of(csl, "volume"), _pages(csl)
    is_online = _is_read_online(csl)
    if within and is_online:
        within = f"{within} [Internet]"
    return [
        _title(csl),
        f"In: {within}" if within else "",
        _edition(csl),
        f"Vol. {volume}" if volume else "",
        _event(csl),
        _joined(" ", _publisher(csl), _cited(csl) if is_online else ""),
        f"p. {pages}" if pages else "",
        _language(csl),
        _available(csl) if is_online else "",
    ]


def _webpage(csl: Csl) -> list[str]:
    site = text_of(csl, "container-title")
    medium = [_title(csl), f"{site} [Internet]"] if site else [_title(csl, "Internet")]
    published = _joined(" ", _publisher(csl), _cited(csl))
    return [*medium, published, _language(csl), _available(csl)]


# --- What follows every kind ----------------------------------------------------------------------


def _notes(csl: Csl) -> list[str]:
    doi, pmid, pmcid = (text_of(csl, field) for field in ("DOI", "PMID", "PMCID"))
    epub = format_date(csl, "available-date")
    return [
        f"doi: {doi}" if doi else "",
        f"Epub {epub}" if epub else "",
        "Epub ahead of print" if text_of(csl, "status") == AHEAD_OF_PRINT else "",
        text_of(csl, "note"),
        _retraction(csl),
        _joined(
            "; ",
            f"PubMed PMID: {pmid}" if pmid else "",
            f"PubMed Central PMCID: {pmcid}" if pmcid else "",
        ),
    ]


def _retraction(csl: Csl) -> str:
    if not is_retracted(csl):
        return ""
    known = retraction_of(csl)
    where = known.get("note") or (f"doi: {known['DOI']}" if known.get("DOI") else "")
    return f"Retraction in: {where}" if where else "Retracted"


_FORMATTERS: dict[str, Callable[[Csl], list[str]]] = {
    "article": _within_a_journal,
    "article-journal": _within_a_journal,
    "article-magazine": _within_a_journal,
    "article-newspaper": _within_a_journal,
    "book": _on_its_own,
    "chapter": _chapter,
    "paper-conference": _chapter,
    "report": _on_its_own,
    "thesis": _thesis,
    "webpage": _webpage,
}
