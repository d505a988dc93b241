"""What a keyboard, large text, narrow windows and other schemes find, with the longest of words.

What axe finds is in test_every_page.py.
"""

import pytest
from playwright.sync_api import Page, expect

from portal.core.models import Page as PlainPage
from portal.core.models import SiteSettings
from tests.axe import violations
from tests.factories import (
    AgreementFactory,
    PublishableArticleFactory,
    ReferenceFactory,
    UserFactory,
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


def test_right_to_left_axe_finds_nothing(open_page, content):
    page = open_page(viewport={"width": 320, "height": 800})
    attest(page)
    page.goto(FEEDBACK)
    page.evaluate("document.documentElement.dir = 'rtl'")
    assert violations(page) == []


def test_summary_of_errors_leads_to_what_is_wrong(open_page, content):
    page = open_page()
    attest(page)
    page.goto(FEEDBACK)
    page.get_by_role("button", name="Send feedback").click()
    page.locator("[data-error-summary] a").first.click()
    assert page.evaluate("document.querySelector(':target').contains(document.activeElement)")


FOCUS = r"""() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const ring = parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset);
    const clipping = [];
    for (let outer = element.parentElement; outer; outer = outer.parentElement) {
        const around = getComputedStyle(outer);
        if (outer === document.documentElement || outer === document.body) continue;
        if (around.overflowX === 'visible' && around.clipPath === 'none') continue;
        const [block, inline] = (around.clipPath.match(/-?[\d.]+(?=px)/g) || [0, 0]).map(Number);
        const whole = outer.getBoundingClientRect();
        const edge = {
            left: whole.left + inline,
            right: whole.right - inline,
            top: whole.top + block,
            bottom: whole.bottom - block,
        };
        if (
            (edge.left > box.left - ring && edge.left > 0) ||
            (edge.right < box.right + ring && edge.right < innerWidth) ||
            edge.top > box.top - ring || edge.bottom < box.bottom + ring
        ) clipping.push(outer.outerHTML.slice(0, 100));
    }
    const x = box.left + Math.min(box.width / 2, 10);
    const y = box.top + box.height / 2;
    const top = document.elementFromPoint(x, y);
    return {
        name: element.outerHTML.slice(0, 100),
        isEnd: element === document.body,
        isRinged: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
        clipping,
        isSeen: Boolean(top) && (element.contains(top) || top.contains(element)),
    };
}"""


def walk_with_tab(page: Page, address: str) -> list[str]:
    """Press Tab from the page's start to its end; return what had the focus."""
    page.goto(address)
    names: list[str] = []
    for _step in range(120):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus["isEnd"]:
            break
        names.append(focus["name"])
        assert focus["isRinged"], (address, focus)
        assert focus["clipping"] == [], (address, focus)
        assert focus["isSeen"], (address, focus)
    return names


WITH_TAB = [
    ARTICLE,
    FEEDBACK,
    "/healthcare-professionals/",
    "/funders/",
    "/",
    "/search/?q=text",
    "/accounts/login/",
    "/updates/",
]


def test_focus_is_always_visible_and_never_covered(open_page, content):
    page = open_page()
    attest(page)
    for address in WITH_TAB:
        names = walk_with_tab(page, address)
        assert "skip-link" in names[0]
        assert len(names) > 10


def test_focus_is_always_visible_on_a_form_of_the_desk(open_page, content, client, site_url):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = open_page()
    page.context.add_cookies(
        [
            {"name": name, "value": one.value, "url": site_url}
            for name, one in client.cookies.items()
        ]
    )
    names = walk_with_tab(page, "/admin/people/person/add/")
    assert sum("<input" in name for name in names) > 3


def test_skip_link_leads_past_the_header(open_page, content):
    page = open_page()
    page.goto("/funders/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


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


# Its edges, ring and letters in colours of the system, which nothing of ours replaces.
FORCED = """element => {
    const style = getComputedStyle(element);
    // An edge without a style has no width, either.
    const edges = ['Top', 'Bottom', 'Left', 'Right'].filter(
        side => parseFloat(style[`border${side}Width`]) > 0
    );
    const isForced = style.forcedColorAdjust === 'auto' && style.color !== style.backgroundColor;
    return [edges.length, isForced];
}"""


def test_forced_colours_leave_edges_and_focus(open_page, content):
    page = open_page(forced_colors="active")
    attest(page)
    for address, selector, edges in (
        (ARTICLE, ".prose .key-data", 1),
        (ARTICLE, ".prose .key-learning", 1),
        (FEEDBACK, ".survey .button", 4),
        ("/accounts/login/", ".page .button", 4),
        ("/accounts/login/", ".page input[type=email]", 4),
    ):
        if not page.url.endswith(address):
            page.goto(address)
        assert page.locator(selector).first.evaluate(FORCED) == [edges, True], selector
    page.keyboard.press("Tab")
    focus = page.evaluate(FOCUS)
    assert focus["isRinged"], focus


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
