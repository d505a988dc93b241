"""What tests of the desk's results share: a day, closed months, and a page's words."""

import html
import re
from datetime import UTC, date, datetime
from urllib.parse import urlencode

from django.urls import reverse

TODAY = datetime(2026, 4, 10, 12, tzinfo=UTC)
DECEMBER, JANUARY = date(2025, 12, 1), date(2026, 1, 1)
FEBRUARY, MARCH = date(2026, 2, 1), date(2026, 3, 1)

# Statement by statement: 12 readers; counts of levels 1 to 5 are reckoned by hand in the tests.
ROWS = [
    [5, 1, 3, 1],
    [5, 1, 3, 2],
    [5, 2, 3, 2],
    [5, 2, 3, 3],
    [5, 3, 3, 3],
    [5, 3, 3, 3],
    [5, 4, 3, 4],
    [5, 4, 3, 4],
    [5, 4, 3, 4],
    [5, 5, 3, 4],
    [5, 5, 3, 5],
    [5, 5, 3, 5],
]


def at(month):
    """A moment in the middle of ``month``."""
    return datetime(month.year, month.month, 15, tzinfo=UTC)


def results_url(**filters):
    query = urlencode(filters)
    return reverse("admin:feedback_results") + (f"?{query}" if query else "")


def text(response):
    """The page's words, tags and runs of space removed, with plain hyphens."""
    words = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(html.unescape(words).replace("\N{EN DASH}", "-").split())
