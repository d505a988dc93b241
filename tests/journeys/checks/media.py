"""Pages on paper, in the few colours that a person forces upon them, and without motion."""

from collections.abc import Iterable

from playwright.sync_api import Page

from tests.gallery import Place
from tests.journeys.checks.structure import SIDEWAYS

# What A4 leaves between print.css's margins, in pixels.
PAPER = {"width": 673, "height": 978}
ON_PAPER = """() => {
    const shown = selector => [...document.querySelectorAll(selector)].filter(
        element => element.checkVisibility() && element.getBoundingClientRect().bottom > 0
            && element.getBoundingClientRect().height > 0
    ).map(element => element.outerHTML.slice(0, 100));
    const after = element => getComputedStyle(element, '::after').content;
    return {
        controls: shown(`
            .skip-link, .skip-to-content-link, header nav, nav, .header-search, #user-tools,
            .object-tools, .submit-row, .button-row, .pagination, #changelist-filter, [data-print]
        `),
        heading: shown('main h1').length,
        text: document.querySelector('main')?.getBoundingClientRect().width > 0,
        hidden: [...document.querySelectorAll('.prose a[href^=http], .references a[href^=http]')]
            .filter(link => link.checkVisibility() && !after(link).includes(link.href))
            .map(link => link.href),
    };
}"""
BEYOND = """[...document.querySelectorAll('body *')].filter(
    element => element.getBoundingClientRect().right > document.documentElement.clientWidth
).map(element => element.outerHTML.slice(0, 60))"""
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
# Helpers of the two below: the ground that something stands on, whether it can be seen.
GROUNDS = """
    const probe = document.body.appendChild(document.createElement('i'));
    probe.style.color = 'Canvas';
    const canvas = getComputedStyle(probe).color;
    probe.remove();
    const isClear = colour => colour === 'transparent' || /, 0\\)$/.test(colour);
    const ground = element => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (!isClear(colour)) return colour;
        }
        return canvas;
    };
    const isClipped = element => getComputedStyle(element).clipPath === 'inset(50%)';
    const isSeen = element => {
        const box = element.getBoundingClientRect();
        return element.checkVisibility({visibilityProperty: true, opacityProperty: true})
            && box.width > 1 && box.height > 1 && box.bottom + scrollY > 0
            && !isClipped(element);
    };
"""
# Boxes that differ from what is around them by their ground alone, or by more: to be asked again.
REMEMBER_BOXES = f"""() => {{
    {GROUNDS}
    window.boxesOnTheirGround = [...document.querySelectorAll('body *')].filter(element => {{
        const colour = getComputedStyle(element).backgroundColor;
        return isSeen(element) && !isClear(colour) && colour !== ground(element.parentElement);
    }});
}}"""
IN_FORCED_COLOURS = f"""() => {{
    {GROUNDS}
    const name = element => element.outerHTML.slice(0, 120);
    // A browser draws its own boxes to tick, with an edge.
    const isNative = element => element.matches('input:is([type=checkbox], [type=radio])')
        && getComputedStyle(element).appearance !== 'none';
    const hasEdge = element => isNative(element) || ['', '::before', '::after'].some(part => {{
        const style = getComputedStyle(element, part || null);
        return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || [
            'Top', 'Bottom', 'Left', 'Right'
        ].some(side => parseFloat(style[`border${{side}}Width`]) > 0);
    }});
    // The lines of a table are those of its cells.
    const isRuled = element => element.localName === 'tr' && [...element.cells].every(hasEdge);
    const isLost = element => (
        getComputedStyle(element).backgroundColor === ground(element.parentElement)
        || isClear(getComputedStyle(element).backgroundColor)
    );
    const hasText = element => [...element.childNodes].some(
        node => node.nodeType === Node.TEXT_NODE && node.data.trim()
    );
    return {{
        unseen: [...document.querySelectorAll('body *:not(script, style, svg *, option)')].filter(
            element => hasText(element) && isSeen(element)
                && getComputedStyle(element).color === ground(element)
        ).map(name),
        edgeless: window.boxesOnTheirGround.filter(
            element => isLost(element) && !hasEdge(element) && !isRuled(element)
        ).map(name),
    }};
}}"""


def still(page: Page, place: Place) -> Iterable[str]:
    """For whom motion is too much, nothing moves: the walk's browsers ask for that."""
    for element in page.evaluate(MOVING):
        yield f"moves: {element}"


def forced_colours(page: Page, place: Place) -> Iterable[str]:
    """No text vanishes, and what its ground told apart has an edge."""
    page.evaluate(REMEMBER_BOXES)
    page.emulate_media(forced_colors="active")
    found = page.evaluate(IN_FORCED_COLOURS)
    for what, elements in found.items():
        yield from (f"in forced colours {what}: {element}" for element in elements)


def paper(page: Page, place: Place) -> Iterable[str]:
    """On paper stand heading, text and addresses; no controls, nothing beyond the sheet."""
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    if (pixels := page.evaluate(SIDEWAYS)) > 0:
        wide = page.evaluate(BEYOND)
        yield f"{pixels} px wider than the sheet: {wide}"
    if place.is_mail:
        return
    found = page.evaluate(ON_PAPER)
    for control in found["controls"]:
        yield f"printed: {control}"
    if found["heading"] != 1 or not found["text"]:
        yield "heading or text are not printed"
    for address in found["hidden"]:
        yield f"address not printed: {address}"
