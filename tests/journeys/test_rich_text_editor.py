# ruff: noqa: RUF001 - the dashes and quotes of the text are the point
"""The rich-text editor in a real browser, under the Content Security Policy of its pages.

``open_page`` fails a test whose pages complain: a refused style or script is a complaint.
"""

from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import SESSION_KEY
from django.test import Client
from playwright.sync_api import expect

from articles.models import Article
from tests.factories import PublishableArticleFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(open_page, live_server):
    """A page whose browser is signed in as an editor."""
    client = Client()
    client.force_login(UserFactory(group="Editors"))
    assert SESSION_KEY in client.session
    page = open_page()
    name = django_settings.SESSION_COOKIE_NAME
    page.context.add_cookies(
        [{"name": name, "value": client.cookies[name].value, "url": live_server.url}]
    )
    return page


def editor(page, number):
    return page.locator(f"#sections-{number} .ProseMirror[contenteditable=true]")


def test_what_is_typed_in_the_editor_is_kept(desk):
    article = PublishableArticleFactory()
    body = article.sections.get(position=1)
    body.body = (
        "<p>Old <strong>bold</strong> H<sub>2</sub>O 10<sup>9</sup>/L [@halpern]</p>"
        "<ul><li><p>One</p></li></ul>"
        "<table><tbody><tr><th><p>ORR</p></th></tr><tr><td><p>22.6%</p></td></tr></tbody></table>"
    )
    body.save()
    desk.goto(f"/admin/articles/article/{article.pk}/change/")
    desk.wait_for_selector("#sections-0 .ProseMirror strong")
    assert desk.locator("#sections-0 .ProseMirror table td").inner_text().strip() == "22.6%"

    editor(desk, 0).locator("> p").first.click()
    desk.keyboard.press("Home")
    desk.keyboard.type("New ")
    desk.keyboard.press("Control+b")
    desk.keyboard.type("strong")
    desk.keyboard.press("Control+b")
    desk.keyboard.type(" ")

    # A row that did not exist when the page was loaded gets an editor of its own.
    desk.locator("#sections-group .add-row a").click()
    editor(desk, 2).click()
    desk.keyboard.type("Added [@halpern]")
    desk.locator("#id_sections-2-kind").select_option("key_learning")
    desk.locator("#id_sections-2-position").fill("3")

    desk.locator("input[name=_save]").first.click()
    desk.wait_for_selector(".messagelist .success")
    sections = list(Article.objects.get().sections.values_list("kind", "body"))
    assert sections == [
        (
            "text",
            (
                "<p>New <strong>strong</strong> Old <strong>bold</strong> "
                "H<sub>2</sub>O 10<sup>9</sup>/L [@halpern]</p>"
                "<ul><li><p>One</p></li></ul>"
                "<table><tbody><tr><th><p>ORR</p></th></tr>"
                "<tr><td><p>22.6%</p></td></tr></tbody></table>"
            ),
        ),
        ("key_data", "<p>Numbers. [@halpern]</p>"),
        ("key_learning", "<p>Added [@halpern]</p>"),
    ]


PASTED = Path(__file__).parents[1] / "articles" / "pasted"
LISTS = (
    "<h3>Before treatment</h3><p>Check three things:</p>"
    "<ul><li><p>Blood count</p><ul><li><p>Neutrophils</p><ul><li><p>Twice a week</p></li></ul></li>"
    "<li><p>Platelets</p></li></ul></li><li><p>Infections</p></li></ul>"
    "<h4>Then</h4>"
    '<ol data-type="decimal"><li><p>Treat</p>'
    '<ol data-type="lower-alpha" type="a"><li><p>First dose</p></li>'
    "<li><p>Second dose</p></li></ol></li><li><p>Assess</p></li></ol>"
    "<p>After the list.</p>"
)
TABLE = (
    "<p>Responses by arm:</p><table><tbody>"
    "<tr><th><p>Arm</p></th><th><p>Patients</p></th><th><p>ORR, % (95% CI)</p></th></tr>"
    "<tr><td><p>A</p></td><td><p>40</p></td><td><p>52.5 (36.1–68.5)</p></td></tr>"
    "<tr><td><p>B</p></td><td><p>38</p></td><td><p>≥ 30</p></td></tr>"
    "</tbody></table><p>Made-up figures.</p>"
)
MARKS = (
    "<p>The “<strong>primary</strong>” end point wasn’t <em>p</em> &lt; 0.05 — it was "
    "H<sub>2</sub>O and 10<sup>9</sup>/L<sup>1</sup>.</p>"
    "<p>Both <strong><em>bold and italic</em></strong> survive<sup>2</sup>.</p>"
    "<p><sup>1</sup> Made-up figures.</p><p><sup>2</sup> By <em>local</em> assessment.</p>"
)
PASTE = """
(text, html) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/html", html);
  clipboardData.setData("text/plain", "the clipboard's plain text");
  text.dispatchEvent(
    new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}
"""


@pytest.mark.parametrize("program", ["word", "libreoffice"])
@pytest.mark.parametrize(
    ("document", "stored"),
    [("lists", LISTS), ("table", TABLE), ("marks", MARKS)],
    ids=["lists", "table", "marks"],
)
def test_what_a_word_document_pastes_is_clean(desk, document, program, stored):
    article = PublishableArticleFactory()
    desk.goto(f"/admin/articles/article/{article.pk}/change/")
    text = editor(desk, 0)
    text.click()
    desk.keyboard.press("Control+a")
    desk.keyboard.press("Delete")
    html = (PASTED / f"{document}.{program}.html").read_text()
    text.evaluate(PASTE, html)
    desk.locator("input[name=_save]").first.click()
    desk.wait_for_selector(".messagelist .success")
    assert article.sections.get(position=1).body == stored


def test_hostile_html_on_the_clipboard_runs_nothing_and_is_not_stored(desk):
    article = PublishableArticleFactory()
    desk.goto(f"/admin/articles/article/{article.pk}/change/")
    text = editor(desk, 0)
    text.click()
    desk.keyboard.press("Control+a")
    text.evaluate(
        PASTE,
        "<p>x<img src=x onerror='window.ran = 1'><script>window.ran = 1</script></p>"
        "<p><a href='javascript:window.ran = 1'>y</a><a href='https://example.org/'>z</a></p>"
        "<svg onload='window.ran = 1'></svg>",
    )
    desk.locator("input[name=_save]").first.click()
    desk.wait_for_selector(".messagelist .success")
    assert desk.evaluate("window.ran") is None
    assert article.sections.get(position=1).body == (
        '<p>x</p><p>y<a href="https://example.org/">z</a></p>'
    )


def test_the_policy_is_relaxed_on_the_editors_pages_alone(desk):
    article = PublishableArticleFactory()
    policies = {
        path: desk.goto(path).headers["content-security-policy"]
        for path in (
            "/admin/",
            "/admin/articles/article/",
            f"/admin/articles/article/{article.pk}/preview/",
            f"/admin/articles/article/{article.pk}/publish/",
            f"/admin/articles/article/{article.pk}/change/",
        )
    }
    relaxed = policies.pop(f"/admin/articles/article/{article.pk}/change/")
    assert "'nonce-" in relaxed
    assert "style-src-attr 'unsafe-inline'" in relaxed
    assert "script-src 'self' 'nonce-" in relaxed
    for policy in policies.values():
        assert "nonce" not in policy
        assert "unsafe" not in policy


def test_special_characters_by_keyboard_and_by_mouse(desk):
    article = PublishableArticleFactory()
    desk.goto(f"/admin/articles/article/{article.pk}/change/")
    text, first = editor(desk, 0), desk.locator("#sections-0")
    text.click()
    desk.keyboard.press("Control+a")
    desk.keyboard.type("ORR ")
    palette = first.locator("summary", has_text="Special characters")
    palette.focus()
    desk.keyboard.press("Enter")
    desk.keyboard.press("Tab")
    at_least = first.get_by_role("button", name="greater than or equal to")
    expect(at_least).to_be_focused()
    desk.keyboard.press("Space")
    # Where the keyboard is, it stays; Escape leads back to the text.
    expect(at_least).to_be_focused()
    desk.keyboard.press("Escape")
    expect(text).to_be_focused()
    desk.keyboard.type("30 ")
    palette.click()
    for name in ("plus or minus", "no-break space", "micro"):
        first.get_by_role("button", name=name).click()
    desk.locator("input[name=_save]").first.click()
    desk.wait_for_selector(".messagelist .success")
    assert article.sections.get(position=1).body == "<p>ORR ≥30 ±&nbsp;µ</p>"
