"""How much a browser transfers for a page."""

import gzip
import re
from collections.abc import Iterable

from playwright.sync_api import Response

from tests.gallery import Place

KB = 1024
# Bytes (gzip) per page, as docs/design.md promises: HTML, style sheets, scripts, fonts.
BUDGETS = {
    "article": (40 * KB, 18 * KB, 8 * KB, 60 * KB),
    "article in Greek letters, too": (40 * KB, 18 * KB, 8 * KB, 75 * KB),
    "other": (20 * KB, 18 * KB, 4 * KB, 30 * KB),
    "chart": (30 * KB, 18 * KB, 8 * KB, 30 * KB),
}
KINDS = ("document", "stylesheet", "script", "font")
PAGES_OF_ARTICLES = {
    *("teaser", "article", "article-table", "article-figure", "article-corrected"),
    *("desk-preview", "guest-preview"),
}
GREEK = re.compile("[\u0370-\u03ff]")
PAGES_OF_CHARTS = {"desk-results", "desk-article-results"}


def over_budget(
    loaded: list[Response], place: Place, sizes: dict[str, int], text: str
) -> Iterable[str]:
    if place.name in PAGES_OF_ARTICLES:
        is_greek = GREEK.search(text)
        budget = BUDGETS["article in Greek letters, too" if is_greek else "article"]
    elif place.name in PAGES_OF_CHARTS:
        budget = BUDGETS["chart"]
    elif place.is_desk or place.is_mail:
        return
    else:
        budget = BUDGETS["other"]
    spent: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
    for response in loaded:
        kind, url = response.request.resource_type, response.url
        if kind in spent:
            if kind == "document" or url not in sizes:
                sizes[url] = size(response, kind)
            spent[kind][url] = sizes[url]
    for kind, limit in zip(KINDS, budget, strict=True):
        if sum(spent[kind].values()) > limit:
            yield f"{kind}: more than {limit} bytes: {spent[kind]}"


def size(response: Response, kind: str) -> int:
    """What a browser transfers: fonts are compressed already, the rest is sent as gzip."""
    body = response.body()
    return len(body) if kind == "font" else len(gzip.compress(body, 6))
