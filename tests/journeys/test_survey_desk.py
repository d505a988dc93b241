"""From a published survey to its next version and to an article, in a real browser."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Page, expect

from feedback.models import ArticleSurvey, Survey, load_survey_version
from tests.factories import UserFactory, published_article

pytestmark = pytest.mark.django_db(transaction=True)

WIDTHS = (320, 768, 1280)
PICTURES = Path(django_settings.BASE_DIR, "var", "screenshots")
# Something stands out of the page to the side.
SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture
def sign_in(open_page, site_url) -> Callable[..., Page]:
    """Return a function that opens a page whose browser is signed in as somebody of ``group``."""

    def sign_in(group: str, **options: object) -> Page:
        client = Client()
        client.force_login(UserFactory(group=group, is_staff=True))
        page = open_page(**options)
        name = django_settings.SESSION_COOKIE_NAME
        page.context.add_cookies(
            [{"name": name, "value": client.cookies[name].value, "url": site_url}]
        )
        return page

    return sign_in


def look(page: Page, name: str) -> None:
    """Take a picture at each width; nothing stands out to the side."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert not page.evaluate(SIDEWAYS), f"{name} at {width} px"
        page.screenshot(path=PICTURES / f"journey-{name}-{width}.png", full_page=True)


def statement(page: Page, number: int):
    return page.get_by_role("group", name=f"Statement {number}", exact=True)


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])
def test_staff_write_a_new_version_look_and_publish(sign_in, has_script):
    page = sign_in("Staff", java_script_enabled=has_script)
    page.goto("/admin/feedback/survey/")
    page.get_by_role("link", name="Article feedback").click()
    expect(page.get_by_text("readers see it now")).to_be_visible()
    page.get_by_role("button", name="New version").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Draft of version 2")

    # A new wording, which must say whether it is comparable.
    first = statement(page, 1)
    first.get_by_text("Change the wording").click()
    first.get_by_label("New wording").fill("The content was easy to understand")
    page.get_by_role("button", name="Save the draft").last.click()
    problem = page.get_by_role("link", name=re.compile("Statement 1: Say whether the new wording"))
    expect(problem).to_be_visible()
    if has_script:
        problem.click()
        expect(first.get_by_role("radio", name=re.compile("Yes, it asks the same"))).to_be_focused()
    first.get_by_role("radio", name=re.compile("No, it asks something else")).check()

    # Moved, taken out and added, by the keyboard; what was typed goes along.
    page.get_by_role("button", name="Move statement 1 down").press("Enter")
    moved = statement(page, 2)
    expect(moved.get_by_label("New wording")).to_have_value("The content was easy to understand")
    expect(moved.get_by_role("radio", name=re.compile("No, it asks"))).to_be_checked()
    expect(page.get_by_role("status")).to_contain_text("Not saved yet.")
    assert page.url.endswith("#statement-2")
    page.get_by_role("button", name="Take statement 3 out").press("Enter")
    expect(
        page.get_by_role("button", name=re.compile("Put back in: The content was relevant"))
    ).to_be_visible()
    page.get_by_role("button", name="Add a statement").press("Enter")
    new = statement(page, 4)
    new.get_by_label("Statement", exact=True).fill("I will tell a colleague")
    new.get_by_role("radio", name=re.compile("Self-reported intention")).check()
    new.get_by_role("checkbox", name="Offer “not applicable”").check()
    page.get_by_label(re.compile("Question for free text")).fill("What else?")
    if has_script:
        look(page, "draft")

    # The preview shows it as readers will see it.
    page.get_by_role("button", name="Save and preview").click()
    expect(page.get_by_text("This is the draft of version 2")).to_be_visible()
    expect(page.get_by_role("group", name="I will tell a colleague")).to_be_visible()
    expect(page.get_by_role("button", name="Send feedback")).to_have_count(0)
    if has_script:
        look(page, "preview")
    page.get_by_role("link", name="Publish…").click()

    # What it means, then the one button.
    for words in (
        "New wording of “clear”",
        "Not comparable: results show the two wordings apart",
        "New statement: “tell_colleague”",
        "Taken out: “relevant”",
        "Another order of the statements",
    ):
        expect(page.get_by_text(words)).to_be_visible()
    if has_script:
        look(page, "publish")
    page.get_by_role("button", name="Publish version 2").click()
    expect(page.get_by_text("Version 2 is published.")).to_be_visible()
    assert [
        (item.wording.statement.key, item.wording.text) for item in load_survey_version().items
    ] == [
        ("objectives", "The content addressed the learning objectives"),
        ("clear", "The content was easy to understand"),
        ("change", "I will change my clinical practice as a result of this content"),
        ("tell_colleague", "I will tell a colleague"),
    ]
    # Back and again: nothing happens twice, and nobody sees an error.
    page.go_back()
    if page.get_by_role("button", name="Publish version 2").count():
        page.get_by_role("button", name="Publish version 2").click()
        expect(page.get_by_text("Version 2 is published already")).to_be_visible()
    assert Survey.objects.get().versions.count() == 2


def test_staff_make_a_survey_and_an_editor_gives_it_to_an_article(sign_in):
    article = published_article()
    page, editor = sign_in("Staff"), sign_in("Editors")
    page.goto("/admin/feedback/survey/add/")
    page.get_by_label("Name:").fill("After a case report")
    page.get_by_role("button", name="Save").click()
    look(page, "survey-new")
    page.get_by_role("button", name="New version").click()
    page.get_by_role("button", name="Add a statement").click()
    page.get_by_label("Statement", exact=True).fill("The case was like those that I see")
    page.get_by_role("button", name="Save and publish…").click()
    expect(page.get_by_text("no article has this survey")).to_be_visible()

    # An editor cannot choose it yet.
    editor.goto(f"/admin/articles/article/{article.pk}/change/")
    editor.get_by_role("link", name="Survey", exact=True).click()
    expect(editor.get_by_role("radio")).to_have_count(1)
    page.get_by_role("button", name="Publish version 1").dblclick()
    expect(page.get_by_text("Version 1 is published")).to_be_visible()
    editor.reload()
    editor.get_by_role("radio", name="After a case report").check()
    editor.get_by_role("button", name="Choose").click()
    expect(editor.get_by_text("stands under this article from now on")).to_be_visible()
    look(editor, "article-survey")
    assert ArticleSurvey.objects.get().survey.name == "After a case report"
    page.reload()
    expect(page.get_by_role("link", name=article.title)).to_be_visible()
