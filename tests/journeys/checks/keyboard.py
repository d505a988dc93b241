"""What has the focus is ringed, whole and in sight; Tab begins where it should."""

from collections.abc import Iterable

from playwright.sync_api import Page

from tests.gallery import Place

# Whatever Tab could stop at is given the focus in turn, as after a key: one Tab was pressed before.
FOCUS = r"""() => {
    const complaints = [];
    const complain = (element, what) => complaints.push(
        `${what}: ${element.outerHTML.slice(0, 120)}`
    );
    const isIn = element => element.tabIndex >= 0 && !element.matches(':disabled')
        && element.checkVisibility({visibilityProperty: true});
    const hasRing = style => (
        style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
        || style.outlineStyle === 'auto'
        || style.boxShadow !== 'none'
    );
    // What would cut off the ring, however far one scrolled: an element around that hides what
    // overflows it. By a pixel more, for fractions of one.
    const clips = (outer, box, reach) => {
        const around = getComputedStyle(outer);
        if (around.overflowX === 'visible' && around.clipPath === 'none') return false;
        const [block, inline] = (around.clipPath.match(/-?[\d.]+(?=px)/g) || [0, 0]).map(Number);
        const frame = outer.getBoundingClientRect();
        const [left, top] = [frame.left - outer.scrollLeft, frame.top - outer.scrollTop];
        const right = Math.max(frame.right, left + outer.scrollWidth);
        const bottom = Math.max(frame.bottom, top + outer.scrollHeight);
        return (
            left + inline > box.left - reach && left > 0
            || right - inline < box.right + reach && right < innerWidth
            || top + block > box.top - reach || bottom - block < box.bottom + reach
        );
    };
    const all = [...document.querySelectorAll(
        'a[href], button, input, select, textarea, summary, [tabindex], [contenteditable="true"]'
    )].filter(isIn);
    for (const element of all) {
        if (element.tabIndex > 0) complain(element, 'out of the order of Tab');
        element.focus();
        if (document.activeElement !== element) {
            complain(element, 'takes no focus');
            continue;
        }
        const style = getComputedStyle(element);
        if (!hasRing(style)) complain(element, 'no ring around the focus');
        const box = element.getClientRects()[0];
        const reach = parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset) - 1;
        for (let outer = element.parentElement; outer; outer = outer.parentElement) {
            if (outer === document.body || outer === document.documentElement) break;
            if (clips(outer, element.getBoundingClientRect(), reach)) {
                complain(element, `ring cut off by ${outer.outerHTML.slice(0, 60)}`);
            }
        }
        // The middle of what the window shows of it; a field may be higher than the window.
        const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
        const [above, below] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
        const top = document.elementFromPoint(
            left + Math.min((right - left) / 2, 10), (above + below) / 2
        );
        if (!top || !element.contains(top) && !top.contains(element)) {
            complain(element, `covered by ${top?.outerHTML.slice(0, 60)}`);
        }
    }
    scrollTo(0, 0);
    return complaints;
}"""
# As when the page has just been opened: the next Tab leads to what comes first.
FROM_THE_TOP = """() => {
    document.documentElement.tabIndex = -1;
    document.documentElement.focus();
    document.documentElement.removeAttribute("tabindex");
}"""
FOCUSED = "document.activeElement.outerHTML.slice(0, 120)"


def skip_link(page: Page, place: Place) -> Iterable[str]:
    """The first Tab from the page's top leads to a link past the header that works."""
    if place.is_mail or place.name in ("error-400", "error-500", "error-503"):
        return
    page.evaluate(FROM_THE_TOP)
    page.keyboard.press("Tab")
    if "skip-" not in (first := page.evaluate(FOCUSED)):
        yield f"the first Tab leads to {first}"
        return
    page.keyboard.press("Enter")
    if page.evaluate("document.activeElement.localName") != "main":
        yield f"the skip link leads to {page.evaluate(FOCUSED)}"


def focus(page: Page, place: Place) -> Iterable[str]:
    """Each element that Tab reaches has a ring, and nothing covers it."""
    if not place.is_mail:  # a mail program has a ring of its own
        page.keyboard.press("Tab")
        yield from page.evaluate(FOCUS)
