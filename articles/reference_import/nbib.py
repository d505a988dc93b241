"""PubMed's own format (MEDLINE): its .nbib files, and what NCBI's E-utilities answer."""

import re
from typing import Any

from django.utils.translation import gettext as _

from articles.references import Csl
from articles.references.csl import AHEAD_OF_PRINT, RETRACTED
from articles.references.dates import MONTHS

from .records import Reading, clean, clean_doi, parse_name, parse_numbers
from .tagged import TaggedRecord, read_fields

LOOKS_LIKE_MEDLINE = re.compile(r"^PMID ?- ", re.MULTILINE)

_TAG_LINE = re.compile(r"([A-Z][A-Z0-9]{1,3}) {0,2}-(?: (.*))?$")
_MORE = re.compile(r"\s{2,}\S")
# MEDLINE's three letters → Django's codes, of which Vancouver style makes names.
_LANGUAGES = {
    "chi": "zh-hans",
    "cze": "cs",
    "dan": "da",
    "dut": "nl",
    "fin": "fi",
    "fre": "fr",
    "ger": "de",
    "gre": "el",
    "heb": "he",
    "hun": "hu",
    "ita": "it",
    "jpn": "ja",
    "kor": "ko",
    "nor": "no",
    "per": "fa",
    "pol": "pl",
    "por": "pt",
    "rum": "ro",
    "rus": "ru",
    "slo": "sk",
    "spa": "es",
    "swe": "sv",
    "tur": "tr",
    "ukr": "uk",
}
_GENRES = {"Letter": "letter", "Editorial": "editorial", "Preprint": "preprint"}
# Tag → how the note about another article begins.
_NOTES = {
    "ROF": "Retraction of",
    "EIN": "Erratum in",
    "RPF": "Corrected and republished from",
    "CRF": "Corrected and republished from",
}


def read_nbib(text: str) -> Reading:
    """Return the sources in ``text``, and every line that was not understood."""
    reading = Reading()
    record: TaggedRecord | None = None
    for entry in read_fields(text, _TAG_LINE, _MORE):
        if entry.tag == "PMID":
            _close(reading, record)
            record = TaggedRecord([entry])
        elif entry.tag and record:
            record.fields.append(entry)
        else:
            line = f"{entry.tag} - {entry.value}" if entry.tag else entry.value
            message = (
                _("It has no tag, nor goes on with the line before.")
                if record
                else _("It belongs to no record: each begins with PMID.")
            )
            reading.fail(entry.line, line, message)
    _close(reading, record)
    return reading


def _close(reading: Reading, record: TaggedRecord | None) -> None:
    if record:
        reading.add(record.line, record.title_line, _to_csl(record))


def _to_csl(record: TaggedRecord) -> Csl:
    def first(*tags: str) -> str:
        return clean(record.first(*tags))

    kinds = record.all("PT")
    title, book = (clean(record.first(tag), stop=False) for tag in ("TI", "BTI"))
    csl: Csl = {
        "type": "article-journal",
        "author": _names(record, "FAU", "AU", "CN"),
        "title": title or clean(record.first("TT"), stop=False),
        "container-title": first("JT", "TA"),
        "container-title-short": first("TA"),
        "issued": _date(first("DP")),
        "volume": first("VI"),
        "issue": first("IP"),
        "page": first("PG") or _article_number(record),
        "genre": next((_GENRES[kind] for kind in kinds if kind in _GENRES), ""),
        "language": _LANGUAGES.get(record.first("LA"), ""),
        "DOI": _doi(record),
        "PMID": first("PMID"),
        "PMCID": first("PMC"),
        "note": " ".join(
            f"{words}: {_without_pmid(text)}"
            for tag, words in _NOTES.items()
            for text in record.all(tag)
        ),
    }
    if book:
        csl |= {
            "type": "chapter" if title else "book",
            "title": title or book,
            "container-title": book if title else "",
            "container-title-short": "",
            "editor": _names(record, "FED", "ED"),
            "publisher": clean(record.first("PB"), stop=False),
            "publisher-place": first("PL"),
            "edition": first("EN"),
        }
    csl |= _electronic(record)
    if "Retracted Publication" in kinds or record.all("RIN"):
        notice = _without_pmid(record.first("RIN"))
        csl["status"] = RETRACTED
        csl["custom"] = {"retraction": {"source": "PubMed"} | ({"note": notice} if notice else {})}
    return csl


def _names(record: TaggedRecord, full: str, short: str, group: str = "") -> list[dict[str, str]]:
    names: list[dict[str, str]] = []
    previous = ""
    for entry in record.fields:
        text = clean(entry.value)
        if entry.tag == full and text:
            names.append(parse_name(text))
        elif entry.tag == short and previous != full and text:
            # "Halpern SD": the short form, alone in old records.
            family, _space, initials = text.rpartition(" ")
            names.append(
                {"family": family, "given": " ".join(initials)} if family else {"literal": text}
            )
        elif entry.tag == group and text:
            names.append({"literal": text})
        previous = entry.tag
    return names


def _date(text: str) -> dict[str, Any]:
    """Return the CSL date of "2002 Jul 25", "2002 Nov-Dec", "2002 Winter" or "2002"."""
    year, _space, rest = text.partition(" ")
    words = re.split(r"[ -]", rest) if rest else []
    months = [str(MONTHS.index(word) + 1) for word in words if word in MONTHS]
    if not months:
        date = parse_numbers(year[:4])
        return date | ({"season": rest} if date and rest else {})
    days = [word for word in words if word.isdecimal()]
    first = parse_numbers(year, months[0], *days[:1])
    if len(months) > 1 and first:
        last = parse_numbers(year, months[1], *days[1:2])
        return {"date-parts": first["date-parts"] + last["date-parts"]}
    return first


def _electronic(record: TaggedRecord) -> dict[str, Any]:
    """Return when the article came out before its print, if it did."""
    day = record.first("DEP")
    status = record.first("PST")
    if status == "aheadofprint":
        return {"status": AHEAD_OF_PRINT}
    if status == "ppublish" and day:
        return {"available-date": parse_numbers(day[:4], day[4:6], day[6:8])}
    return {}


def _identifier(record: TaggedRecord, kind: str) -> str:
    """Return "10.1/x" of "10.1/x [doi]"."""
    for text in record.all("LID", "AID"):
        if text.endswith(f"[{kind}]"):
            return clean(text.removesuffix(f"[{kind}]"))
    return ""


def _doi(record: TaggedRecord) -> str:
    return clean_doi(_identifier(record, "doi"))


def _article_number(record: TaggedRecord) -> str:
    return _identifier(record, "pii") if not record.first("IP") and record.first("VI") else ""


def _without_pmid(text: str) -> str:
    return re.sub(r"\s*(?:doi: \S+\s*)?PMID: \d+\.?$", "", clean(text))
