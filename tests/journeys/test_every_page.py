"""What holds for every page that the gallery lists, as the demo shows it.

The demo is loaded once for all tests of this file; they write nothing that another one reads.
"""

import re
from collections.abc import Iterable
from http.cookies import SimpleCookie

import pytest
from django.test import Client

from feedback.models import Response as Feedback
from tests.gallery import FEW_RESPONSES, Gallery, Place, load_gallery
from tests.journeys.checks import budgets, keyboard, media, scriptless, structure
from tests.tour import Tour, tour

# Not with transactions: after a test with them the database is emptied.
pytestmark = pytest.mark.django_db

NARROW = {"width": 320, "height": 800}
WIDE = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def gallery(standing_server: str) -> Gallery:
    return load_gallery()


def complaints(opened: Tour, place: Place, sizes: dict[str, int]) -> Iterable[str]:
    """Everything that is wrong with a page: one visit, one way of showing it after another.

    Narrow and light, the same from right to left, wide and dark, in forced colours, on paper. The
    other two combinations of width and scheme follow: colours do not hang on the width, and
    tests/design/test_contrast.py has every pair of them in both schemes.
    """
    page = opened.visit(place)
    page.evaluate("document.fonts.ready")
    yield from budgets.over_budget(list(opened.loaded), place, sizes, page.inner_text("body"))
    yield from structure.outline(page, place)
    yield from structure.landmarks(page, place)
    yield from structure.errors(page, place)
    yield from media.still(page, place)
    yield from structure.axe(page, place)
    yield from structure.sideways(page, place)
    yield from keyboard.skip_link(page, place)
    yield from keyboard.focus(page, place)
    yield from structure.mirrored(page, place)
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="dark")
    yield from structure.axe(page, place)
    yield from structure.sideways(page, place)
    yield from keyboard.focus(page, place)
    yield from media.forced_colours(page, place)
    yield from keyboard.focus(page, place)
    yield from media.paper(page, place)


# Two halves, so that two processes can share the work.
@pytest.mark.parametrize("half", [0, 1])
def test_everything_in_one_visit(browser, standing_server, gallery, half):
    found: list[str] = []
    sizes: dict[str, int] = {}
    options = {"viewport": NARROW, "color_scheme": "light", "reduced_motion": "reduce"}
    with tour(gallery, browser, standing_server, **options) as opened:
        for place in gallery.places[half::2]:
            found += [f"{place.name}: {one}" for one in complaints(opened, place, sizes)]
    found += opened.complaints
    assert not found, "\n".join(found)


def test_without_javascript(browser, standing_server, gallery):
    """Each page answers as it should, which the tour sees to, and is of use."""
    found: list[str] = []
    options = {"viewport": NARROW, "java_script_enabled": False}
    with tour(gallery, browser, standing_server, keeps_tab=True, **options) as opened:
        for place in gallery.places:
            if not place.is_mail:
                page = opened.visit(place)
                found += [f"{place.name}: {one}" for one in scriptless.alive(page, place)]
    assert not found, "\n".join(found)


# Parts of a chart that are drawn in the colours of the page around them.
DRAWN = """chart => [...chart.querySelectorAll('rect[class]')].map(
    part => [getComputedStyle(part).fill, getComputedStyle(part).stroke]
)"""


def test_charts_keep_their_colours_among_forced_ones(browser, standing_server, gallery):
    """Their levels are told apart by colour alone, so nothing may replace them all by one."""
    place = next(one for one in gallery.places if one.name == "desk-article-results")
    with tour(gallery, browser, standing_server, forced_colors="active") as opened:
        page = opened.visit(place)
        parts = page.locator(".bar-chart").first.evaluate(DRAWN)
        swatches = page.locator(".swatch rect[class]").evaluate_all(
            "all => all.map(one => getComputedStyle(one).fill)"
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
        html = client.get(place.address, follow=True).content.decode()
        if place.press:
            # Of several buttons, the one that was pressed says so.
            button = (
                rf'<button[^>]* name="(\w+)"[^>]* value="(\w+)"[^>]*>\s*{re.escape(place.press)}'
            )
            pressed = dict(re.findall(button, html))
            html = client.post(place.address, pressed, follow=True).content.decode()
    found = re.search(r"<title>(.*?)</title>", html, re.DOTALL)
    assert found, f"{place.name}: {html[:200]}"
    return found[1].strip()


def test_no_two_have_the_same_title(gallery):
    """One address in several states says so, too: an error, what was saved."""
    titles: dict[str, set[tuple[str, str]]] = {}
    names: dict[str, list[str]] = {}
    for place in gallery.places:
        # A mail is no tab; its copy on the web has its title.
        if place.html:
            continue
        title = title_of(place, gallery)
        titles.setdefault(title, set()).add((place.address, place.press))
        names.setdefault(title, []).append(place.name)
    assert len(titles) > 60
    assert {title: names[title] for title, same in titles.items() if len(same) > 1} == {}


def test_few_responses_are_fewer_than_may_be_shown(gallery):
    assert 1 <= Feedback.objects.filter(article__slug=FEW_RESPONSES).count() < 10
