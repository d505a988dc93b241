"""From what an editor pasted or uploaded to sources: which format is it, and who must be asked."""

import re
import time
from collections.abc import Sequence

from django.utils.translation import gettext as _

from .clients import SourceError, fetch_crossref, fetch_pubmed
from .crossref import read_work
from .nbib import LOOKS_LIKE_MEDLINE, read_nbib
from .records import DOI, MAX_RECORDS, PMID, Problem, Reading, clean_doi
from .ris import LOOKS_LIKE_RIS, read_ris

MAX_IDENTIFIERS = 50
# An editor waits, and a web process with them: what was not asked by then is left for another try.
ASKING_SECONDS = 30
_PMID_FORMS = re.compile(
    r"(?:PMID:?\s*|https?://pubmed\.ncbi\.nlm\.nih\.gov/)?([1-9]\d{0,8})/?", re.IGNORECASE
)


class UnreadableInput(Exception):  # noqa: N818 - it reads as what happened
    """Nothing can be read from it; the message tells the editor why."""


def decode(content: bytes) -> str:
    """Return the text of a file in UTF-8 or UTF-16 (with its mark), or else Windows-1252.

    Raises ``UnreadableInput`` for what is no text.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
        break
    raise UnreadableInput(
        _("This is no text file. Export the references as RIS, or from PubMed as “PubMed” (.nbib).")
    )


def read_references(text: str) -> Reading:
    """Return the sources in ``text``: RIS, PubMed's format, or DOIs and PMIDs, which are asked for.

    Raises ``UnreadableInput`` if there are more than can be read at once.
    """
    if LOOKS_LIKE_RIS.search(text):
        return _at_most_a_file(read_ris(text))
    if LOOKS_LIKE_MEDLINE.search(text):
        return _at_most_a_file(read_nbib(text))
    return _ask(text)


def _at_most_a_file(reading: Reading) -> Reading:
    if len(reading.records) > MAX_RECORDS:
        raise UnreadableInput(
            _(
                "This holds %(count)d references; at most %(most)d can be read at once. "
                "Export fewer, or in parts."
            )
            % {"count": len(reading.records), "most": MAX_RECORDS}
        )
    return reading


def _ask(text: str) -> Reading:
    reading = Reading()
    dois: list[tuple[int, str]] = []
    pmids: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        for word in _words(line):
            doi = clean_doi(word)
            if DOI.fullmatch(doi):
                dois.append((number, doi))
            elif match := _PMID_FORMS.fullmatch(word):
                pmids.setdefault(match[1], number)
            else:
                reading.fail(number, word, _("This is neither a DOI nor a PMID."))
    count = len(dois) + len(pmids)
    if count > MAX_IDENTIFIERS:
        raise UnreadableInput(
            _("These are %(count)d DOIs and PMIDs; at most %(most)d can be asked for at once.")
            % {"count": count, "most": MAX_IDENTIFIERS}
        )
    _ask_crossref(reading, dois)
    _ask_pubmed(reading, pmids)
    reading.records.sort(key=lambda record: record.line)
    reading.problems.sort(key=lambda problem: problem.line)
    return reading


def _words(line: str) -> list[str]:
    """Return the identifiers of a line; a line that holds none is one word, to be reported once."""
    joined = re.sub(r"\b(doi|PMID)\s*:\s+", r"\1:", line.strip(), flags=re.IGNORECASE)
    words = [word.strip(",;") for word in joined.split()]
    known = [
        word for word in words if DOI.fullmatch(clean_doi(word)) or _PMID_FORMS.fullmatch(word)
    ]
    return words if len(known) == len(words) else [joined]


def _ask_crossref(reading: Reading, dois: Sequence[tuple[int, str]]) -> None:
    deadline = time.monotonic() + ASKING_SECONDS
    given_up = ""
    for line, doi in dois:
        if not given_up and time.monotonic() > deadline:
            given_up = _("There was no time left to ask for it. Try it again.")
        if given_up:
            reading.fail(line, doi, given_up)
            continue
        try:
            work = fetch_crossref(doi)
        except SourceError as error:
            reading.fail(line, doi, str(error))
            given_up = str(error) if error.is_down else ""
        else:
            read_work(reading, line, doi, work)


def _ask_pubmed(reading: Reading, pmids: dict[str, int]) -> None:
    if not pmids:
        return
    try:
        answer = read_nbib(fetch_pubmed(list(pmids)))
    except SourceError as error:
        for pmid, line in pmids.items():
            reading.fail(line, pmid, str(error))
        return
    answered = {str(record.csl.get("PMID")): record for record in answer.records}
    for pmid, line in pmids.items():
        if record := answered.get(pmid):
            reading.add(line, pmid, record.csl, record.notices)
        else:
            reading.fail(line, pmid, _("PubMed does not know it."))
    reading.problems += [
        Problem(0, problem.text, problem.message)
        for problem in answer.problems
        if PMID.sub("", problem.text).strip()
    ]
