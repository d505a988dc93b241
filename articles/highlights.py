"""Where a search found its words: cards and excerpts with the words marked.

PostgreSQL marks them with control characters, which are dropped from the texts before, and
everything is escaped before these become tags. Its parser takes ``<b>`` in a text for markup and
would drop it, so the two angles travel as such, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from .pages import Card
from .search import SEARCH_CONFIG

# "<", ">", start and stop of a mark.
_ANGLES, _START, _STOP = "\x01\x02", "\x03", "\x04"
_TO_ANGLES = str.maketrans(_ANGLES, "<>")
# translate() drops what has no partner: all four, where they stand in a text.
_FROM, _TO = f"<>{_ANGLES}{_START}{_STOP}", _ANGLES

_MARKS = f"StartSel={_START},StopSel={_STOP}"
_WHOLE = f"{_MARKS},HighlightAll=true"
_FRAGMENTS = f'{_MARKS},MaxFragments=2,MaxWords=24,MinWords=10,FragmentDelimiter=" … "'

_HEADLINES = """
    SELECT
        ts_headline(%(config)s::regconfig, translate(shown.title, %(from)s, %(to)s), query,
            %(whole)s),
        ts_headline(%(config)s::regconfig, translate(shown.summary, %(from)s, %(to)s), query,
            %(whole)s),
        ts_headline(%(config)s::regconfig,
            translate(article.search_objectives, %(from)s, %(to)s), query, %(fragments)s),
        CASE WHEN %(with_text)s THEN ts_headline(%(config)s::regconfig,
            translate(article.search_text, %(from)s, %(to)s), query, %(fragments)s) ELSE '' END
    FROM unnest(%(slugs)s::text[], %(titles)s::text[], %(summaries)s::text[])
        WITH ORDINALITY AS shown (slug, title, summary, place)
    LEFT JOIN articles_article AS article ON article.slug = shown.slug
    CROSS JOIN websearch_to_tsquery(%(config)s::regconfig, %(text)s) AS query
    ORDER BY shown.place
"""


@dataclass(frozen=True, slots=True)
class Hit:
    """A card with the found words marked, and a line of the objectives or the text with them."""

    card: Card
    excerpt: SafeString


def highlight(cards: Sequence[Card], text: str, *, with_text: bool) -> list[Hit]:
    """Mark what a search for ``text`` found on each card, in order (1 query; none for no card).

    ``with_text``: also look into the sections, which are for attested readers alone.
    """
    if not cards:
        return []
    values: dict[str, Any] = {
        "config": SEARCH_CONFIG,
        "text": text,
        "slugs": [card.slug for card in cards],
        "titles": [card.title for card in cards],
        "summaries": [card.summary for card in cards],
        "with_text": with_text,
        "from": _FROM,
        "to": _TO,
        "whole": _WHOLE,
        "fragments": _FRAGMENTS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_HEADLINES, values)
        rows = cursor.fetchall()
    return [
        Hit(
            replace(card, title=_marked(title), summary=_marked(summary)),
            # A headline of what does not match is its beginning: that tells nothing.
            next((_marked(line) for line in lines if line and _START in line), SafeString()),
        )
        for card, (title, summary, *lines) in zip(cards, rows, strict=True)
    ]


def _marked(headline: str) -> SafeString:
    html = str(escape(headline.translate(_TO_ANGLES)))
    html = html.replace(_START, "<mark>").replace(_STOP, "</mark>")
    return mark_safe(html)  # noqa: S308 - escaped above
