"""Each check of every page finds what it is for, on a page of a few lines that has one fault."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.gallery import Place
from tests.journeys.checks import keyboard, media, scriptless, structure

PLACE = Place("form-error", "/form/")
SUMMARY = '<div data-error-summary tabindex="-1"><li><a href="#name">Name is missing</a></li></div>'
GOOD = f"""<!doctype html><html lang="en"><head><title>Error: A form</title><style>
:focus-visible {{ outline: 3px solid; }}
a {{ display: inline-block; min-block-size: 24px; }}
a.skip-link:not(:focus) {{ clip-path: inset(50%); }}
.box {{ background: #eee; border: 1px solid; }}
@media print {{ .skip-link, nav {{ display: none; }} .prose a::after {{ content: attr(href); }} }}
/* here */
</style></head><body>
<a class="skip-link" href="#main">Skip</a><header><nav><a href="/">Home</a></nav></header>
<main id="main" tabindex="-1"><h1>A form</h1>{SUMMARY}
<form><label>Name <input id="name"></label><button>Send</button></form>
<div class="prose box"><a href="https://example.org/">Elsewhere</a></div><!-- here --></main>
<script>document.querySelector("[data-error-summary]").focus();</script></body></html>"""
CHECKS = {
    "errors": structure.errors,
    "sideways": structure.sideways,
    "mirrored": structure.mirrored,
    "still": media.still,
    "skip_link": keyboard.skip_link,
    "focus": keyboard.focus,
    "forced_colours": media.forced_colours,
    "paper": media.paper,
    "alive": scriptless.alive,
}
# Check → what is put into the page's style sheet, or its text, and what the check says then.
FAULTS = [
    ("errors", "<p data-error-summary></p>", "no summary of errors, or several"),
    ("errors", "#name { display: none }", "a link of the summary leads to nothing: #name"),
    ("sideways", "h1 { width: 2000px }", "1"),
    ("mirrored", "[dir=rtl] h1 { margin-left: -2000px }", "from right to left: "),
    ("mirrored", "[dir=rtl] a { display: inline }", "from right to left: target-size"),
    ("still", "h1 { transition: color 1s }", "moves: <h1>"),
    ("skip_link", ".skip-link { display: none }", "the first Tab leads to <a href"),
    ("skip_link", "main { display: none }", "the skip link leads to <body>"),
    ("focus", "button:focus { outline: none }", "no ring around the focus: <button>"),
    ("focus", "form { overflow: hidden }", "ring cut off by <form>"),
    ("focus", "h1 { position: fixed; inset: 0; margin: 0 }", "covered by <h1>"),
    ("focus", '<i tabindex="1">x</i>', 'out of the order of Tab: <i tabindex="1">'),
    ("forced_colours", ".box { border: 0 }", 'in forced colours edgeless: <div class="prose box"'),
    (
        "forced_colours",
        "h1 { forced-color-adjust: none; color: Canvas }",
        "in forced colours unseen: <h1>",
    ),
    ("paper", "@media print { nav { display: block } }", "printed: <nav>"),
    ("paper", "@media print { h1 { display: none } }", "heading or text are not printed"),
    ("paper", "@media print { a::after { display: none; content: none !important } }", "address"),
    ("paper", "@media print { h1 { width: 2000px } }", "1"),
    ("alive", "h1 { display: none }", "without JavaScript heading: <h1>"),
    ("alive", "form button { display: none }", "without JavaScript cannot be sent: <form>"),
    ("alive", '<button type="button">Copy</button>', "without JavaScript does nothing: <button"),
]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 320, "height": 800})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", CHECKS)
def test_finds_nothing_where_nothing_is_wrong(page, name):
    page.set_content(GOOD)
    assert list(CHECKS[name](page, PLACE)) == []


@pytest.mark.parametrize(("name", "fault", "complaint"), FAULTS)
def test_finds_what_is_wrong(page, name, fault, complaint):
    where = "<!-- here -->" if fault.startswith("<") else "/* here */"
    page.set_content(GOOD.replace(where, fault))
    found = list(CHECKS[name](page, PLACE))
    assert [one for one in found if one.startswith(complaint)], found
