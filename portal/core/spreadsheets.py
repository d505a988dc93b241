"""The formula guard: what people typed stays text when a spreadsheet opens an export.

A spreadsheet reads a cell that begins like a formula as one, and runs it. ``guard`` (for Python)
and ``guard_sql`` (for COPY) put an apostrophe before such text, by one definition. Numbers and
dates are no text and are left alone. OWASP calls the attack "CSV injection".
"""

import re
from typing import TypeVar

from psycopg import sql

T = TypeVar("T")

# What makes a spreadsheet read a formula. TAB, CR and LF: a cell that begins with one is taken
# apart on import. Full-width and small forms and the typographic minus are folded to ASCII by some.
_STARTS = "=+@\t\r\n\0\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212-"
# What spreadsheets strip before they look: spaces of every width and invisible characters.
_BLANKS = (
    " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c"
    "\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff\u000b\u000c\u0085"
)
# Characters stand for themselves (the hyphen last), so that Python and PostgreSQL read it alike.
_PATTERN = f"^[{_BLANKS}]*[{_STARTS}]"
_FORMULA = re.compile(_PATTERN)


def guard(value: T) -> T | str:
    """Return ``value`` such that no spreadsheet runs it; only text that could run is changed."""
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value


def guard_sql(text: sql.Composable) -> sql.Composed:
    """Return the SQL expression that does to the expression ``text`` what ``guard`` does."""
    # PostgreSQL's text holds no NUL, and neither may a pattern.
    pattern = sql.Literal(_PATTERN.replace("\0", ""))
    return sql.SQL("CASE WHEN {0} ~ {1} THEN '''' || {0} ELSE {0} END").format(text, pattern)
