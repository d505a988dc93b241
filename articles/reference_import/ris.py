"""RIS, which every reference manager writes: records from TY to ER, a field a line."""

import re
from typing import Any

from django.utils.translation import gettext as _

from articles.references import Csl

from .records import PMID, Reading, clean, clean_doi, parse_name, parse_numbers, split_pages
from .tagged import TaggedRecord, read_fields

LOOKS_LIKE_RIS = re.compile(r"^\s*TY {1,2}- ?", re.MULTILINE)

_TAG_LINE = re.compile(r"\s*([A-Z][A-Z0-9]) {1,2}-(?: (.*))?$")
_MORE = re.compile(r".*\S")
# What TY says → the CSL type, and fields that follow from it.
_TYPES: dict[str, tuple[str, Csl]] = {
    "ABST": ("article-journal", {"genre": "abstract"}),
    "ADVS": ("motion_picture", {}),
    "BLOG": ("webpage", {}),
    "BOOK": ("book", {}),
    "CHAP": ("chapter", {}),
    "CONF": ("paper-conference", {}),
    "CPAPER": ("paper-conference", {}),
    "DATA": ("dataset", {}),
    "DBASE": ("dataset", {}),
    "DICT": ("chapter", {}),
    "EBOOK": ("book", {}),
    "ECHAP": ("chapter", {}),
    "EDBOOK": ("book", {}),
    "EJOUR": ("article-journal", {}),
    "ELEC": ("webpage", {}),
    "ENCYC": ("chapter", {}),
    "GEN": ("document", {}),
    "GOVDOC": ("report", {}),
    "INPR": ("article-journal", {"status": "in press"}),
    "JFULL": ("article-journal", {}),
    "JOUR": ("article-journal", {}),
    "MGZN": ("article-magazine", {}),
    "MPCT": ("motion_picture", {}),
    "NEWS": ("article-newspaper", {}),
    "PREPRINT": ("article", {"genre": "preprint"}),
    "RPRT": ("report", {}),
    "THES": ("thesis", {}),
    "UNPB": ("document", {}),
    "VIDEO": ("motion_picture", {}),
    "WEB": ("webpage", {}),
}
_IN_JOURNALS = {"article", "article-journal", "article-magazine", "article-newspaper"}
_WITHIN_BOOKS = {"chapter", "paper-conference"}
# Tags of the format; those that _to_csl does not use (abstract, keywords, notes) are not kept.
_KNOWN = re.compile(
    r"A[1-5BDNUV]|B[TL]|C[1-8ANPTYRL]|D[ABIOPS]|E[DPRT]|I[DS]|J[1-3AFO]|KW|L[1-4ABK]"
    r"|M[1-3D]|N[12OV]|OP|P[BYPM]|R[INPD]|S[ENPTH]|T[1-6AIT]|U[1-5RN]|V[LO]|W[12PTV]"
    r"|Y[1-2]|TY|H[12]|ED|LA"
)


def read_ris(text: str) -> Reading:
    """Return the sources in ``text``, and every line that was not understood."""
    reading = Reading()
    record: TaggedRecord | None = None
    for entry in read_fields(text, _TAG_LINE, _MORE, end="ER"):
        if entry.tag == "TY":
            _close(reading, record, has_end=False)
            record = TaggedRecord([entry])
        elif record is None:
            line = f"{entry.tag} - {entry.value}" if entry.tag else entry.value
            reading.fail(entry.line, line, _("It belongs to no record (from TY to ER)."))
        elif entry.tag == "ER":
            _close(reading, record, has_end=True)
            record = None
        elif not _KNOWN.fullmatch(entry.tag):
            reading.fail(entry.line, f"{entry.tag} - {entry.value}", _("This tag is not known."))
        else:
            record.fields.append(entry)
    _close(reading, record, has_end=False)
    return reading


def _close(reading: Reading, record: TaggedRecord | None, *, has_end: bool) -> None:
    if record is None:
        return
    notices = []
    if not has_end:
        notices.append(_("Its last line (ER) is missing: is the file complete?"))
    kind = record.fields[0].value.upper()
    if kind not in _TYPES:
        notices.append(_("The type “%(type)s” is not known.") % {"type": kind})
    reading.add(record.line, record.title_line, _to_csl(record), tuple(notices))


def _to_csl(record: TaggedRecord) -> Csl:
    kind, given = _TYPES.get(record.fields[0].value.upper(), ("document", {}))

    def first(*tags: str) -> str:
        return clean(record.first(*tags))

    container = first("T2", "JF", "JO", "BT", "JA", "J2")
    title = clean(record.first("TI", "T1", "CT"), stop=False)
    if kind == "book":
        title, container = title or clean(record.first("BT"), stop=False), ""
    editors = ["ED", "A2"] if kind in _WITHIN_BOOKS or kind == "book" else ["ED"]
    pages = split_pages(first("SP"), first("EP")) or first("C7")
    thesis = {"genre": first("M3")} if kind == "thesis" else {}
    return {
        "type": kind,
        "author": _names(record, "AU", "A1"),
        "editor": _names(record, *editors),
        "title": title,
        "container-title": container,
        "container-title-short": first("JA", "J2", "J1") if kind in _IN_JOURNALS else "",
        "issued": _date(first("DA", "PY", "Y1"), first("PY", "Y1")),
        "accessed": _date(first("Y2"), "") if kind not in _IN_JOURNALS else {},
        "volume": first("VL"),
        "issue": first("IS"),
        "page": pages if kind != "book" else "",
        "number-of-pages": first("SP") if kind == "book" else "",
        "publisher": first("PB"),
        "publisher-place": first("CY", "PP") if kind not in _IN_JOURNALS else "",
        "edition": first("ET") if kind not in _IN_JOURNALS else "",
        "language": first("LA"),
        "DOI": _doi(record),
        "PMID": _pmid(record),
        "URL": next((url for url in record.all("UR", "L1") if url.startswith("http")), ""),
        **thesis,
        **given,
    }


def _names(record: TaggedRecord, *tags: str) -> list[dict[str, str]]:
    return [parse_name(name) for text in record.all(*tags) if (name := clean(text))]


def _date(text: str, year: str) -> dict[str, Any]:
    """Return the CSL date of "2002/07/25/", "2002-07-25" or "2002"; ``year`` if it has none."""
    date = parse_numbers(*re.split(r"[/-]", text)[:3])
    return date or parse_numbers(year[:4])


def _doi(record: TaggedRecord) -> str:
    if doi := record.first("DO", "DI"):
        return clean_doi(doi)
    # EndNote's and publishers' other places for it.
    found = (clean_doi(text) for text in record.all("M3", "UR", "L3", "N1"))
    return next((doi for doi in found if doi.startswith("10.")), "")


def _pmid(record: TaggedRecord) -> str:
    if pmid := clean(record.first("PM")):
        return pmid
    for note in record.all("N1"):
        if match := re.search(r"\bPMID:?\s*(\d+)", note):
            return match[1]
    source = " ".join(record.all("DB", "DP")).lower()
    number = clean(record.first("AN", "C2"))
    is_pubmed = "pubmed" in source or "medline" in source
    return number if is_pubmed and PMID.fullmatch(number) else ""
