"""Pages of a browser without JavaScript."""

from collections.abc import Iterable

from playwright.sync_api import Page

from tests.gallery import Place

# Forms that nobody could send, and what only a script would bring to life.
DEAD = """() => {
    const all = selector => [...document.querySelectorAll(selector)];
    const isSeen = element => element.checkVisibility({visibilityProperty: true});
    const isControl = element => element.localName !== 'fieldset' && isSeen(element);
    const isSender = control => ['submit', 'image'].includes(control.type) && isSeen(control);
    const name = element => element.outerHTML.slice(0, 120);
    return {
        'heading': all('h1').filter(isSeen).length === 1 ? [] : all('h1').map(name),
        'cannot be sent': all('form').filter(
            form => [...form.elements].some(isControl) && ![...form.elements].some(isSender)
        ).map(name),
        'does nothing': all(`
            button, input[type=button], a:not([href]), a[href="#"], a[href^="javascript:"],
            [role=button], [onclick]
        `).filter(element => isSeen(element) && !(element.form && isSender(element))).map(name),
    };
}"""


def alive(page: Page, place: Place) -> Iterable[str]:
    """The heading stands there, each form can be sent, and nothing is shown that needs a script."""
    for what, elements in page.evaluate(DEAD).items():
        yield from (f"without JavaScript {what}: {element}" for element in elements)
