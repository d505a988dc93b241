"""axe, headings, landmarks, forms that came back, nothing wider than the window."""

from collections.abc import Iterable
from itertools import pairwise

from playwright.sync_api import Page

from tests.axe import STANDARDS, violations
from tests.gallery import Place

# Markup of Django's admin (and its Select2) that no style sheet can mend; reported upstream or
# known there. Each names the rule and what stands in the element.
DJANGOS_OWN = (
    ("aria-prohibited-attr:", "search-label-icon"),  # the magnifier of the two lists' filter
    ("empty-table-header:", "<th"),  # the column for a row's title
    ("aria-input-field-name:", "select2-"),  # an empty autocomplete
    ("label-title-only:", 'id="searchbar"'),  # its label is a picture with a text
)
# A message is no page: its landmarks are those of the mail program.
NOT_OF_MAILS = ("landmark-one-main:", "page-has-heading-one:", "region:")
# The rules that read where things stand; what the others read is the same from right to left.
OF_PLACES = ["target-size", "scrollable-region-focusable"]

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
# Whether the link led to something that is seen and can be typed into, or chosen from.
HAS_LED = """link => {
    const at = document.activeElement;
    return at !== link && at !== document.body && at.checkVisibility({visibilityProperty: true});
}"""


def accepted(place: Place, violation: str) -> bool:
    if place.is_mail:
        return violation.startswith(NOT_OF_MAILS)
    return place.is_desk and any(
        violation.startswith(rule) and part in violation for rule, part in DJANGOS_OWN
    )


def axe(page: Page, place: Place, only: list[str] = STANDARDS) -> Iterable[str]:
    for violation in violations(page, only):
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
    if not place.name.endswith("-error"):
        return
    if not page.title().startswith("Error:"):
        yield f"title {page.title()!r}"
    if page.locator("[data-error-summary]").count() != 1:
        yield "no summary of errors, or several"
    elif page.evaluate("!document.activeElement.matches('[data-error-summary]')"):
        yield "the focus is not on the summary"
    if not page.locator("[data-error-summary] li").count():
        yield "nothing in the summary of errors"
    # What is wrong with a form as a whole is no link.
    for link in page.locator("[data-error-summary] a").all():
        link.click()
        if not link.evaluate(HAS_LED):
            yield f"a link of the summary leads to nothing: {link.get_attribute('href')}"


def sideways(page: Page, place: Place) -> Iterable[str]:
    if (pixels := page.evaluate(SIDEWAYS)) > 0:
        yield f"{pixels} px wider than the window of {page.viewport_size}"
    if place.is_desk or place.is_mail:
        return
    if (pixels := page.evaluate(SIDEWAYS_IN_LARGE_TEXT)) > 0:
        yield f"{pixels} px wider than the window of {page.viewport_size}, with text of 200%"


def mirrored(page: Page, place: Place) -> Iterable[str]:
    """The same page as a script from right to left would have it."""
    page.evaluate("document.documentElement.dir = 'rtl'")
    for complaint in (*axe(page, place, OF_PLACES), *sideways(page, place)):
        yield f"from right to left: {complaint}"
    page.evaluate("document.documentElement.dir = 'ltr'")
