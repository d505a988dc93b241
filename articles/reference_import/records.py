"""What reading yields, and how the words of other systems become clean text."""

import html
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from articles.references import Csl

MAX_RECORDS = 1000
# As on the form by hand, where what was imported is edited afterwards.
MAX_LENGTHS = {
    "title": 1000,
    "container-title": 500,
    "volume": 50,
    "issue": 50,
    "page": 50,
    "URL": 1000,
}
DOI = re.compile(r"10\.\d{4,9}/\S+")
PMID = re.compile(r"[1-9]\d{0,8}")

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028\u2029\ufeff]")
# Markup, and not "p<0.05 and q>3": a name, then attributes with quoted values alone.
_TAG = re.compile(r"</?[A-Za-z][\w:.-]*(?:\s+[\w:.-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*/?>")
_TEX = re.compile(r"<tex-math\b.*?</tex-math>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not read: its line (counted from 1; 0: no line), its text, and why."""

    line: int
    text: str
    message: str


@dataclass(frozen=True, slots=True)
class Record:
    """One source that was read. ``notices`` are words for the editor."""

    csl: Csl
    line: int
    notices: tuple[str, ...] = ()


@dataclass(slots=True)
class Reading:
    records: list[Record] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def fail(self, line: int, text: str, message: str) -> None:
        self.problems.append(Problem(line, text.strip()[:200], message))

    def add(self, line: int, text: str, csl: Csl, notices: tuple[str, ...] = ()) -> None:
        """Take in a source without its empty fields, or say why it cannot be one."""
        csl = {name: value for name, value in csl.items() if value not in ("", None, [], {})}
        for name, value in list(csl.items()):
            if isinstance(value, str) and len(value) > MAX_LENGTHS.get(name, len(value)):
                self.fail(line, text, _("Its field “%(field)s” is too long.") % {"field": name})
                return
        if not (csl.get("title") or csl.get("container-title")):
            self.fail(line, text, _("It has neither a title nor a journal."))
            return
        for name, pattern in (("DOI", DOI), ("PMID", PMID)):
            if name in csl and not pattern.fullmatch(str(csl[name])):
                self.fail(line, str(csl[name]), _("This is no %(name)s.") % {"name": name})
                del csl[name]
        self.records.append(Record(csl, line, notices))


def clean(text: Any, *, stop: bool = True) -> str:
    """Return ``text`` as one line without markup, entities, control characters or doubled spaces.

    ``stop`` False: without a full stop at its end, too, which PubMed writes after titles.
    """
    if not isinstance(text, str | int):
        return ""
    line = str(text)
    for _level in range(3):  # "&amp;amp;lt;" comes from systems that escape what is escaped
        unescaped = html.unescape(line)
        if unescaped == line:
            break
        line = unescaped
    line = _TAG.sub("", _TEX.sub("", line))
    line = " ".join(_CONTROLS.sub(" ", unicodedata.normalize("NFC", line)).split())
    return line if stop or line.endswith("..") else line.removesuffix(".")


def clean_doi(text: Any) -> str:
    """Return the DOI in "doi:10.1/x", "https://doi.org/10.1/x" or "10.1/x", else the text."""
    line = clean(text)
    match = re.fullmatch(
        r"(?:doi:?\s*|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)", line, re.IGNORECASE
    )
    return match[1].rstrip(".,;") if match else line


def split_pages(first: str, last: str) -> str:
    """Return "284-287" of the pages' two fields, either of which may hold both."""
    return first if not last or last == first or "-" in first else f"{first}-{last}"


def parse_name(text: str) -> dict[str, str]:
    """Return a CSL name from "Family, Given", "Family, Given, Jr" or the name of a group."""
    parts = [part.strip() for part in text.split(",")]
    family, given = parts[0], parts[1] if len(parts) > 1 else ""
    if not given:
        # "World Health Organization," is how reference managers mark a group.
        return {"literal": family}
    name = {"family": family, "given": given}
    suffix = parts[2] if len(parts) > 2 else ""  # noqa: PLR2004 - the third of three
    tail = re.fullmatch(r"(.+?)\s+(Jr\.?|Sr\.?|2nd|3rd|4th|II|III|IV)", given)
    if tail and not suffix:
        name["given"], suffix = tail[1], tail[2]
    return name | ({"suffix": suffix} if suffix else {})


def parse_numbers(*words: str) -> dict[str, Any]:
    """Return a CSL date from the words for year, month and day, as far as they are numbers."""
    numbers: list[int] = []
    for word, last in zip(words, (9999, 12, 31), strict=False):
        if not (word.isascii() and word.isdecimal() and 1 <= int(word[:5]) <= last):
            break
        numbers.append(int(word))
    return {"date-parts": [numbers]} if numbers else {}
