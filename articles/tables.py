"""Tables in running text: header cells say what they head, and the keyboard reaches all of them."""

import re

from django.utils.html import format_html
from django.utils.translation import gettext as _

from portal.core.rich_text import plain_text

from .citations import TAG

_TABLE = re.compile(r"<(/?)table>")
_NAME = re.compile(r"</?([a-z0-9]+)")


def wrap_tables(html: str, caption: str = "") -> str:
    """Return sanitised ``html`` with each outermost table in a labelled, focusable region.

    ``caption``: the name of the table, where ``html`` holds one alone; otherwise they are numbered.
    """
    depth = number = 0

    def wrap(tag: re.Match[str]) -> str:
        nonlocal depth, number
        if tag[1]:
            depth -= 1
            return "</table></div>" if depth == 0 else tag.group()
        depth += 1
        if depth > 1:
            return tag.group()
        number += 1
        return format_html(
            '<div class="table-region" role="region" aria-label="{}" tabindex="0"><table>',
            caption or _("Table %(number)d") % {"number": number},
        )

    return _TABLE.sub(wrap, _with_scopes(html))


def _with_scopes(html: str) -> str:
    """Return ``html`` with a scope on each header cell.

    The sanitiser writes ``th`` and ``td`` and their spans alone. A header cell heads its column in
    a first row, or beside other header cells; alone at the beginning of a later row it heads that
    row.
    """
    if "<th" not in html:
        return html
    parts: list[str] = []
    position = 0
    for row in re.finditer(r"<tr>(.*?)(?=</?tr>|</table>|$)", html, re.DOTALL):
        parts += [html[position : row.start(1)], _row_with_scopes(row[1], _is_first(html, row))]
        position = row.end(1)
    return "".join([*parts, html[position:]])


def _is_first(html: str, row: re.Match[str]) -> bool:
    return html.rfind("<tr>", 0, row.start()) <= html.rfind("<table>", 0, row.start())


def _row_with_scopes(row: str, is_first: bool) -> str:
    heads_columns = is_first or "<td" not in row
    is_first_cell = True

    def scope(cell: re.Match[str]) -> str:
        nonlocal is_first_cell
        value = "col" if heads_columns or not is_first_cell else "row"
        is_first_cell = False
        return cell.group() if cell[1] == "d" else f'<th scope="{value}"{cell[2]}>'

    return re.sub(r"<t([hd])((?:\s[^<>]*)?)>", scope, row)


def table_problem(html: str) -> str:
    """Return what keeps sanitised ``html`` from being the text of a table section, or ""."""
    names = [name[1] for tag in TAG.finditer(html) if (name := _NAME.match(tag.group()))]
    tables = names.count("table") // 2
    if tables == 0:
        return _("A section of the kind “table” holds a table: insert or paste one into its text.")
    if tables > 1:
        return _("A section holds one table: move each of the others to a section of its own.")
    cells = re.findall(r"<t([hd])[ >]", html)
    if "h" not in cells:
        return _(
            "The table has no header cells: put the cursor into its first row, and press “Toggle "
            "header row” above the text."
        )
    if "d" not in cells or not plain_text(html):
        return _("The table has nothing but headers: fill in its rows.")
    return ""
