"""Where a line of shown text must not end: within "CAR T-cell", within a range, after "Dr".

Only what is shown is changed: what is stored, searched and mailed keeps the characters that were
typed, and so do web addresses and DOIs, which readers copy.
"""

import re

from .citations import map_text

NO_BREAK_SPACE = "\u00a0"
WORD_JOINER = "\u2060"

_TITLE = r"(?:Dr|Prof|Mr|Mrs|Ms|Sir|Dame)\.?"
_UNIT = (
    r"(?:%|[mkµμ]?g|[mdµμ]?[lL]|[kmcµμ]?m|mmHg|Gy|mSv|IU|units?|mmol|"
    r"seconds?|min|minutes?|hours?|h|days?|weeks?|months?|years?)(?!\w)"
)
_BREAKS = re.compile(
    # First whatever stays as it is: addresses, DOIs, markers of unknown references.
    r"(?P<kept>\S*(?:://|www\.|\b10\.\d{4,9}/|@)\S*)"
    # "CAR T-cell", "B cells", "Dr Ada", "12 months": the space.
    rf"|(?P<space>(?<=[A-Z]{{2}})[ ](?=[A-Z](?:-|[ ]cells?\b))|(?<=\b[A-Z])[ ](?=cells?\b)"
    rf"|(?<=\d)[ ](?={_UNIT}))"
    rf"|(?P<title>\b{_TITLE})[ ](?=[^\W\d_])"
    # "B-cell", "DESCAR-T", "PFS-2", "PET-CT": a hyphen beside a single sign or between capitals.
    r"|(?P<hyphen>(?<=\b\w)-(?=\w)|(?<=\w)-(?=\w\b)|(?<=\b\d\d)-(?=\w)|(?<=[A-Z\d])-(?=[A-Z\d]+\b))"
    r"|(?P<dash>(?<=\d)–(?=\d))"  # noqa: RUF001 - ranges are written with the dash
)


def typeset(text: str) -> str:
    """Return ``text`` (plain, or between two tags) with what holds its terms together."""
    return _BREAKS.sub(_hold, text)


def _hold(found: re.Match[str]) -> str:
    if found["kept"]:
        return found["kept"]
    if found["title"]:
        return found["title"] + NO_BREAK_SPACE
    return NO_BREAK_SPACE if found["space"] else found.group() + WORD_JOINER


def typeset_html(html: str) -> str:
    """Return sanitised ``html`` with its text set as by ``typeset``, its tags untouched."""
    return map_text(html, lambda text, is_in_link: typeset(text))


def whole_names(names: str) -> str:
    """Return a list of names, parted by commas, in which a line can end between two names alone."""
    return ", ".join(name.replace(" ", NO_BREAK_SPACE) for name in names.split(", "))
