"""The formula guard: what people typed stays text when a spreadsheet opens an export.

A spreadsheet reads a cell that begins like a formula as one, and runs it. ``guard`` (for Python)
and ``guard_sql`` (for COPY) put an apostrophe before such text, by one definition; and also within
a text, after what a spreadsheet of another country takes for the end of a cell: semicolon, tab,
line end. Numbers and dates are no text and are left alone. OWASP calls the attack "CSV injection".

Nothing else in the portal writes CSV or workbooks (``tests/test_spreadsheet_writers.py``).
"""

import csv
import io
import re
from collections.abc import Iterable
from typing import TypeVar

from psycopg import sql

T = TypeVar("T")

# What makes a spreadsheet read a formula. Full-width and small forms and the typographic minus are
# folded to ASCII by some. Characters stand for themselves (the hyphen last), so that Python and
# PostgreSQL read these patterns alike.
_SIGNS = "=+@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212-"
# At the very beginning also these: such a cell is taken apart on import.
_STARTS = f"\t\r\n\0{_SIGNS}"
# What spreadsheets strip or do not show: spaces of every width, control and invisible characters.
_BLANKS = (
    " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c"
    "\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff\u000b\u000c\u0085\u0001-\u0008\u000e-\u001f"
    "\u007f\u00ad\u061c\u180e\u200e\u200f\u202a-\u202e\u2061-\u2064\u2066-\u2069"
)
# In a cell that begins in the midst of a text, a doubled quotation mark is an empty one.
_PATTERN = f'^(?=[{_BLANKS}]*[{_STARTS}])|(?<=[;\t\r\n])(?=[\0{_BLANKS}"]*[{_SIGNS}])'
_FORMULA = re.compile(_PATTERN)


def guard(value: T) -> T | str:
    """Return ``value`` such that no spreadsheet runs it; only text that could run is changed."""
    return _FORMULA.sub("'", value) if isinstance(value, str) else value


def guard_sql(text: sql.Composable) -> sql.Composed:
    """Return the SQL expression that does to the expression ``text`` what ``guard`` does."""
    # PostgreSQL's text holds no NUL, and neither may a pattern.
    pattern = sql.Literal(_PATTERN.replace("\0", ""))
    return sql.SQL("regexp_replace({}, {}, '''', 'g')").format(text, pattern)


def as_csv(rows: Iterable[Iterable[object]], *, line_end: str = "\n") -> str:
    """Return ``rows`` as CSV, every cell guarded; the first one may be the header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=line_end)
    writer.writerows([guard(value) for value in row] for row in rows)
    return text.getvalue()
