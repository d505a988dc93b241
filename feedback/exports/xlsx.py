"""Cells of a workbook as XML, by Python and by SQL: text is text in either, never a formula.

A cell without an address stands right of the one before it; an empty one keeps its place. Text is
written into its cell ("inline"): there is no table of strings to keep in memory.
"""

import re
from collections.abc import Sequence
from datetime import date

from psycopg import sql

from portal.core.spreadsheets import guard, guard_sql

EMPTY = "<c/>"
TEXT = ('<c t="inlineStr"><is><t xml:space="preserve">', "</t></is></c>")
PLAIN = ('<c t="inlineStr"><is><t>', "</t></is></c>")
HEADER = ('<c s="1" t="inlineStr"><is><t xml:space="preserve">', "</t></is></c>")
NUMBER = ("<c><v>", "</v></c>")
DAY = ('<c s="2"><v>', "</v></c>")
DAY_ZERO = date(1899, 12, 30)  # the day that workbooks count from

# XML cannot hold these at all. (PostgreSQL holds no NUL, and no half of a surrogate pair.)
_ILLEGAL = "\u0001-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff"
_REPLACEMENT = "\ufffd"
# Excel reads "_x0041_" as "A", and "_x005F_" as an underscore.
_ESCAPE, _ESCAPED = "_(?=x[0-9A-Fa-f]{4}_)", "_x005F_"
# In this order. Lines end with LF in cells; TAB, LF and backslash would be escaped by COPY.
_REPLACED = (
    ("&", "&amp;"),
    ("<", "&lt;"),
    (">", "&gt;"),
    ("\r\n", "&#10;"),
    ("\r", "&#10;"),
    ("\n", "&#10;"),
    ("\t", "&#9;"),
    ("\\", "&#92;"),
)


def escape(text: str) -> str:
    """Return ``text`` as it stands in XML; what XML cannot hold becomes U+FFFD."""
    text = re.sub(f"[\0{_ILLEGAL}\ud800-\udfff]", _REPLACEMENT, text)
    text = re.sub(_ESCAPE, _ESCAPED, text)
    for plain, escaped in _REPLACED:
        text = text.replace(plain, escaped)
    return text


def escape_sql(text: sql.Composable) -> sql.Composed:
    """Return the SQL expression that does to the expression ``text`` what ``escape`` does."""
    expression = sql.SQL("regexp_replace(regexp_replace({}, {}, {}, 'g'), {}, {}, 'g')").format(
        text, f"[{_ILLEGAL}]", _REPLACEMENT, _ESCAPE, _ESCAPED
    )
    for plain, escaped in _REPLACED:
        expression = sql.SQL("replace({}, {}, {})").format(expression, plain, escaped)
    return expression


def cell(value: object, *, is_header: bool = False) -> str:
    """Return a cell: a number or a date as such, all else as guarded text, None as empty."""
    if value is None or value == "":
        return EMPTY
    if isinstance(value, int):
        return f"{NUMBER[0]}{value:d}{NUMBER[1]}"
    if isinstance(value, date):
        return f"{DAY[0]}{(value - DAY_ZERO).days}{DAY[1]}"
    before, after = HEADER if is_header else TEXT
    return f"{before}{escape(str(guard(str(value))))}{after}"


def row(values: Sequence[object], *, is_header: bool = False) -> bytes:
    cells = "".join(cell(value, is_header=is_header) for value in values)
    return f"<row>{cells}</row>\n".encode()


def _wrapped(parts: tuple[str, str], value: sql.Composable) -> sql.Composed:
    # ``||`` of a NULL is NULL: an empty cell.
    return sql.SQL("coalesce({} || {} || {}, {})").format(parts[0], value, parts[1], EMPTY)


def text_sql(text: sql.Composable) -> sql.Composed:
    """Return the SQL expression of the cell of a text; "" and NULL are empty cells."""
    guarded = escape_sql(guard_sql(sql.SQL("nullif({}, '')").format(text)))
    return _wrapped(TEXT, guarded)


def plain_sql(text: sql.Composable) -> sql.Composed:
    """Return the cell of a text that holds nothing but letters and digits."""
    return _wrapped(PLAIN, text)


def number_sql(number: sql.Composable) -> sql.Composed:
    return _wrapped(NUMBER, number)


def day_sql(day: sql.Composable) -> sql.Composed:
    number = sql.SQL("({} - {}::date)").format(day, sql.Literal(DAY_ZERO))
    return _wrapped(DAY, number)
