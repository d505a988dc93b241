"""What holds for every page that the gallery lists, as the demo shows it.

The demo is loaded once for all tests of this file; they write nothing that another one reads.
"""

import gzip
import re
from collections.abc import Iterable
from http.cookies import SimpleCookie
from itertools import pairwise

import pytest
from django.test import Client
from playwright.sync_api import Page, Response

from feedback.models import Response as Feedback
from tests.axe import violations
from tests.gallery import DESK_EDITOR, FEW_RESPONSES, Gallery, Place, load_gallery, tour

# Not with transactions: after a test with them the database is emptied.
pytestmark = pytest.mark.django_db

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
# Markup of Django's admin (and its Select2) that no style sheet can mend; reported upstream or
# known there. Each names the rule and what stands in the element.
DJANGOS_OWN = (
    ("aria-prohibited-attr:", "search-label-icon"),  # the magnifier of the two lists' filter
    ("empty-table-header:", "<th"),  # the column for a row's title
    ("aria-input-field-name:", "select2-"),  # an empty autocomplete
)
# A message is no page: its landmarks are those of the mail program.
NOT_OF_MAILS = ("landmark-one-main:", "page-has-heading-one:", "region:")

SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
OUTLINE = "[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(h => +h.tagName[1])"
# By how many pixels the page is wider than the window when all text is twice as large.
SIDEWAYS_IN_LARGE_TEXT = f"""() => {{
    document.documentElement.style.fontSize = "200%";
    const pixels = {SIDEWAYS};
    document.documentElement.style.fontSize = "";
    return pixels;
}}"""
LANDMARKS = "['header', 'nav', 'main', 'footer'].filter(tag => document.querySelector(tag))"


@pytest.fixture(scope="module")
def gallery(standing_server: str) -> Gallery:
    return load_gallery()


def accepted(place: Place, violation: str) -> bool:
    if place.is_mail:
        return violation.startswith(NOT_OF_MAILS)
    return place.is_desk and any(
        violation.startswith(rule) and part in violation for rule, part in DJANGOS_OWN
    )


def axe(page: Page, place: Place) -> Iterable[str]:
    for violation in violations(page):
        if not accepted(place, violation):
            yield violation


def outline(page: Page, place: Place) -> Iterable[str]:
    """One h1 and no level left out; Django's admin has its own order of headings."""
    levels = page.evaluate(OUTLINE)
    if levels.count(1) != 1:
        yield f"{levels.count(1)} elements h1"
    if not place.is_desk and any(b > a + 1 for a, b in pairwise(levels)):
        yield f"levels of headings: {levels}"


def landmarks(page: Page, place: Place) -> Iterable[str]:
    wanted = ["header", "nav", "main", "footer"]
    if place.name in ("error-400", "error-500", "error-503"):
        wanted = ["header", "main"]  # rendered without anything that could fail again
    if not place.is_mail and not place.is_desk and page.evaluate(LANDMARKS) != wanted:
        yield f"landmarks: {page.evaluate(LANDMARKS)}"


def errors(page: Page, place: Place) -> Iterable[str]:
    """A form that came back has "Error:" in its title and the focus on what is wrong."""
    if not place.name.endswith("-error") or place.visitor == DESK_EDITOR:
        return
    if not place.is_desk and not page.title().startswith("Error:"):
        yield f"title {page.title()!r}"
    if not page.locator("[data-error-summary]").count():
        yield "no summary of errors"
    elif not place.is_desk and page.evaluate(
        "!document.activeElement.matches('[data-error-summary]')"
    ):
        yield "the focus is not on the summary"


def sideways(page: Page, place: Place) -> Iterable[str]:
    if (pixels := page.evaluate(SIDEWAYS)) > 0:
        yield f"{pixels} px wider than the window of {page.viewport_size}"
    if place.is_desk or place.is_mail:
        return
    if (pixels := page.evaluate(SIDEWAYS_IN_LARGE_TEXT)) > 0:
        yield f"{pixels} px wider than the window of {page.viewport_size}, with text of 200%"


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


NARROW = {"width": 320, "height": 800}
WIDE = {"width": 1280, "height": 800}


# Two halves, so that two processes can share the work.
@pytest.mark.parametrize("half", [0, 1])
def test_in_two_windows(browser, standing_server, gallery, half):
    """Narrow and light, then wide and dark: all rules of axe, and nothing wider than the window,
    also with text twice as large. Once: headings, landmarks, errors, budgets.

    The other two combinations follow: colours do not hang on the width, and
    tests/design/test_contrast.py has every pair of them in both schemes.
    """
    found: list[str] = []
    sizes: dict[str, int] = {}
    with tour(gallery, browser, standing_server, viewport=NARROW, color_scheme="light") as opened:
        for place in gallery.places[half::2]:
            page = opened.visit(place)
            page.evaluate("document.fonts.ready")
            complaints = [
                *over_budget(list(opened.loaded), place, sizes, page.inner_text("body")),
                *outline(page, place),
                *landmarks(page, place),
                *errors(page, place),
                *axe(page, place),
                *sideways(page, place),
            ]
            page.set_viewport_size(WIDE)
            page.emulate_media(color_scheme="dark")
            complaints += [*axe(page, place), *sideways(page, place)]
            found += [f"{place.name}: {complaint}" for complaint in complaints]
    found += opened.complaints
    assert not found, "\n".join(found)


# The lines of a text, a form, a list, an error: what stands at a side of the page.
RIGHT_TO_LEFT = {"article", "article-table", "gate", "home", "gate-error", "survey-error"}


def test_from_right_to_left(browser, standing_server, gallery):
    found: list[str] = []
    with tour(gallery, browser, standing_server, viewport=NARROW) as opened:
        for place in gallery.places:
            if place.name in RIGHT_TO_LEFT:
                page = opened.visit(place)
                page.evaluate("document.documentElement.dir = 'rtl'")
                complaints = [*axe(page, place), *sideways(page, place)]
                page.set_viewport_size(WIDE)
                complaints += [*axe(page, place), *sideways(page, place)]
                found += [f"{place.name}: {complaint}" for complaint in complaints]
    assert not found, "\n".join(found)


# What moves, or would: with a duration of more than nothing.
MOVING = """() => {
    const isMoving = style => [style.transitionDuration, style.animationDuration].some(
        durations => durations.split(',').some(duration => parseFloat(duration) > 0)
    );
    return [...document.querySelectorAll('*')].filter(
        element => [null, '::before', '::after'].some(
            part => isMoving(getComputedStyle(element, part))
        )
    ).map(element => element.outerHTML.slice(0, 100));
}"""
# Parts of a chart that are drawn in the colours of the page around them.
DRAWN = """chart => [...chart.querySelectorAll('rect')].map(
    part => [getComputedStyle(part).fill, getComputedStyle(part).stroke]
)"""


def test_nothing_moves_for_whom_motion_is_too_much(browser, standing_server, gallery):
    found: dict[str, list[str]] = {}
    with tour(gallery, browser, standing_server, reduced_motion="reduce") as opened:
        for place in gallery.places:
            if place.name in {"home", "article", "desk-article", "desk-articles"}:
                found[place.name] = opened.visit(place).evaluate(MOVING)
    assert found == {"home": [], "article": [], "desk-article": [], "desk-articles": []}


def test_charts_keep_their_colours_among_forced_ones(browser, standing_server, gallery):
    """Their levels are told apart by colour alone, so nothing may replace them all by one."""
    place = next(one for one in gallery.places if one.name == "desk-article-results")
    with tour(gallery, browser, standing_server, forced_colors="active") as opened:
        page = opened.visit(place)
        parts = page.locator(".bar-chart").first.evaluate(DRAWN)
        swatches = page.locator(".swatch").evaluate_all(
            "all => all.map(one => getComputedStyle(one).backgroundColor)"
        )
    assert len(set(swatches)) == 5
    assert {fill for fill, _stroke in parts} <= set(swatches)
    assert all(stroke not in {fill, "none"} for fill, stroke in parts)


def title_of(place: Place, gallery: Gallery) -> str:
    """What the browser's tab would say there, also after a form was sent as it stood there."""
    html = place.html
    if not html:
        client = Client(raise_request_exception=False)
        client.cookies = SimpleCookie(gallery.cookies[place.visitor])
        ask = client.post if place.press else client.get
        html = ask(place.address, follow=True).content.decode()
    found = re.search(r"<title>(.*?)</title>", html, re.DOTALL)
    assert found, f"{place.name}: {html[:200]}"
    return found[1].strip()


def test_no_two_have_the_same_title(gallery):
    """One address in several states says so, too: an error, what was saved."""
    titles: dict[str, set[tuple[str, str]]] = {}
    for place in gallery.places:
        titles.setdefault(title_of(place, gallery), set()).add((place.address, place.press))
    assert len(titles) > 60
    assert [same for same in titles.values() if len(same) > 1] == []


def test_few_responses_are_fewer_than_may_be_shown(gallery):
    assert 1 <= Feedback.objects.filter(article__slug=FEW_RESPONSES).count() < 10
