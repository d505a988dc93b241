"""What a keyboard, large text, narrow windows and paper find, with the longest of words.

What holds for every page is in test_every_page.py.
"""

import pytest
from playwright.sync_api import Page, expect

from portal.core.models import Page as PlainPage
from portal.core.models import SiteSettings
from tests.factories import (
    AgreementFactory,
    PublishableArticleFactory,
    ReferenceFactory,
    add_figure,
    publish,
)

# Not with transactions: after a test with them the database is emptied.
pytestmark = pytest.mark.django_db

ARTICLE = "/articles/late-failure/"
FEEDBACK = f"{ARTICLE}feedback/"
# Donaudampfschifffahrt is no match for the words of pathology and of company registers.
LONG_TERM = "Immunohistochemicallyverifiedpseudolymphohistiocytoproliferation"
PUBLIC = [
    "/",
    "/articles/",
    "/topics/car-t/",
    "/search/?q=nothing-at-all",
    "/search/?q=text",
    ARTICLE,  # the teaser
    "/healthcare-professionals/",
    "/patients/",
    "/funders/",
    "/pages/about/",
    "/updates/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/no-such-page/",
]
ATTESTED = [ARTICLE, FEEDBACK]
TABLE = "<table><tr><th>Group</th><th>n</th></tr><tr><td>Antibodies</td><td>298</td></tr></table>"


@pytest.fixture(scope="module")
def content(standing_server: str) -> None:
    SiteSettings.objects.create(contact_email="editors@example.org")
    PlainPage.objects.create(slug="about", title="About us", body=f"<p>Text.</p>{TABLE}")
    AgreementFactory(funder__name=f"{LONG_TERM} Forschungsgesellschaft mbH", funder__country="DE")
    AgreementFactory(funder__name="Elmbridge", kind="educational_grant")
    article = PublishableArticleFactory(
        slug="late-failure",
        title=f"Late failure of {LONG_TERM}",
        summary="Some text.",
        is_demo=True,
    )
    topic = article.topics.get()
    topic.name, topic.slug = "CAR T", "car-t"
    topic.save()
    article.sections.create(
        position=3, kind="key_learning", body=f"<p>Less is more. [@halpern]</p>{TABLE}"
    )
    cited = ReferenceFactory(article=article, key="with-address")
    cited.csl |= {"DOI": "10.1000/182"}
    cited.save()
    article.sections.create(position=4, heading="More", body="<p>More. [@with-address]</p>")
    add_figure(article, heading=LONG_TERM, credit="An artist", licence="CC0")
    publish(article)


def attest(page: Page) -> None:
    page.goto("/healthcare-professionals/")
    page.locator("#id_is_healthcare_professional").check()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("/")


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


# Width in pixels, direction of the script, size of the text.
WINDOWS = [(320, "ltr", "100%"), (320, "rtl", "100%"), (640, "ltr", "200%"), (1280, "ltr", "200%")]


def test_no_page_is_wider_than_the_window(open_page, content):
    page = open_page()
    for address in [*PUBLIC, *ATTESTED]:
        if address == ATTESTED[0]:
            attest(page)
        page.goto(address)
        for width, direction, text_size in WINDOWS:
            page.set_viewport_size({"width": width, "height": 800})
            page.evaluate(
                "([dir, size]) => { document.documentElement.dir = dir;"
                " document.documentElement.style.fontSize = size; }",
                [direction, text_size],
            )
            assert sideways(page) <= 0, (address, width, direction, text_size)


NAME = "element => element.id || element.href || element.textContent.trim()"
# What Tab stops at, in the order of the page: of radio buttons that none of is chosen, the first.
STOPS = f"""() => {{
    const groups = new Set();
    return [...document.querySelectorAll(
        'a[href], button, input, select, textarea, summary, [tabindex]'
    )].filter(element => {{
        const isStop = element.tabIndex >= 0 && !element.disabled
            && element.checkVisibility({{visibilityProperty: true}});
        if (!isStop || element.type !== 'radio') return isStop;
        return !groups.has(element.name) && groups.add(element.name);
    }}).map({NAME});
}}"""
FOCUSED = f"document.activeElement === document.body || ({NAME})(document.activeElement)"


def test_tab_stops_at_everything_once_and_in_order(open_page, content):
    page = open_page()
    attest(page)
    for address in [ARTICLE, FEEDBACK, "/"]:
        page.goto(address)
        stops = page.evaluate(STOPS)
        assert len(stops) > 10
        reached = []
        for _stop in stops:
            page.keyboard.press("Tab")
            reached.append(page.evaluate(FOCUSED))
        assert reached == stops
        # And on, out of the page.
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUSED) in {True, stops[0]}


def test_topics_open_without_a_script_and_close_with_escape(open_page, content):
    for has_javascript in (True, False):
        page = open_page(java_script_enabled=has_javascript)
        page.goto("/")
        link = page.locator(".menu-list").get_by_role("link", name="CAR T")
        expect(link).to_be_hidden()
        page.locator(".menu summary").click()
        expect(link).to_be_visible()
        if has_javascript:
            page.keyboard.press("Escape")
            expect(link).to_be_hidden()
            expect(page.locator(".menu summary")).to_be_focused()


def test_citation_shows_its_source_and_leads_there_and_back(open_page, content):
    for has_javascript in (True, False):
        page = open_page(java_script_enabled=has_javascript)
        attest(page)
        page.goto(ARTICLE)
        citation = page.locator(".citation a").first
        citation.focus()
        if has_javascript:
            popover = page.locator(".citation-popover")
            expect(popover).to_contain_text("Halpern")
            page.keyboard.press("Escape")
            expect(popover).to_be_hidden()
        citation.press("Enter")
        assert page.url.endswith("#ref-halpern")
        page.locator("#ref-halpern .backlink").first.click()
        assert page.url.endswith("#cite-halpern-1")


def test_arrow_keys_choose_a_level_and_none_is_preselected(open_page, content):
    page = open_page()
    attest(page)
    page.goto(FEEDBACK)
    assert page.locator("input:checked").count() == 0
    scale = page.locator("fieldset.scale").first
    radios = scale.get_by_role("radio")
    radios.first.focus()
    page.keyboard.press("ArrowRight")
    expect(radios.nth(1)).to_be_checked()
    assert min(radios.nth(at).locator("..").bounding_box()["height"] for at in range(5)) >= 44


def test_forced_colours_show_what_is_chosen(open_page, content):
    page = open_page(forced_colors="active")
    attest(page)
    page.goto(FEEDBACK)
    option = page.locator(".scale-option").first
    before = option.evaluate("element => getComputedStyle(element).borderTopWidth")
    option.click()
    after = option.evaluate("element => getComputedStyle(element).borderTopWidth")
    assert (before, after) == ("1px", "3px")


def printed_address(page: Page, link: str) -> str:
    """What stands after the link on paper."""
    return page.locator(link).evaluate("element => getComputedStyle(element, '::after').content")


def test_print_shows_addresses_and_references_and_hides_controls(open_page, content):
    page = open_page()
    attest(page)
    page.goto(ARTICLE)
    page.emulate_media(media="print")
    for hidden in (".site-nav", ".header-search", ".share", ".survey", ".contents"):
        expect(page.locator(hidden).first).to_be_hidden()
    for text in page.locator(".references, .reference-text").all():
        expect(text).to_be_visible()
    assert printed_address(page, ".reference-text a") == '" (https://doi.org/10.1000/182)"'
    expect(page.locator(".site-funding")).to_be_visible()
    page.goto("/patients/")
    page.evaluate(
        "document.querySelector('.site-funding p').insertAdjacentHTML("
        "'beforeend', '<a href=\"https://example.org/x\">x</a>')"
    )
    assert printed_address(page, ".site-funding a[href^=https]") == '" (https://example.org/x)"'
