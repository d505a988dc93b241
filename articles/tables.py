"""Tables in running text: each in a region that scrolls and that the keyboard reaches."""

import re

from django.utils.html import format_html
from django.utils.translation import gettext as _

_TABLE = re.compile(r"<(/?)table>")


def wrap_tables(html: str) -> str:
    """Return sanitised ``html`` with each outermost table in a labelled, focusable region."""
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
            _("Table %(number)d") % {"number": number},
        )

    return _TABLE.sub(wrap, html)
