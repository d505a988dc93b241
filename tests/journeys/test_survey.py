"""The survey in a real browser: for everybody, by keyboard, and when something gets lost."""

import re
from pathlib import Path

import pytest
import redis
from django.conf import settings as django_settings
from playwright.sync_api import Page, expect

from feedback.impressions import KEYS, store_impressions
from feedback.models import ArticleSurvey, Impressions, Response, ResponseHistory
from tests.axe import violations
from tests.factories import publish, published_article
from tests.feedback.builders import publish_survey
from tests.fixtures_mail import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

PICTURES = Path(django_settings.BASE_DIR) / "var" / "survey"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
TEXT = "A second figure would help:\nwhat the curve looks like without censoring."


@pytest.fixture
def article(live_server):
    article = published_article(title="Reading a curve")
    version = publish_survey(
        "own",
        ["I can use what I learnt in my work", "The article kept what its objectives promise"],
        comment_question="What should we change in this article?",
        not_applicable=[1],
        speaks_of_objectives=2,
    )
    ArticleSurvey.objects.create(article=article, survey=version.survey)
    return article


def declare(page: Page) -> None:
    page.get_by_role("checkbox", name=re.compile("healthcare professional")).check()
    page.get_by_role("button", name="Continue").click()


def open_form(page: Page, article) -> None:
    page.goto(f"{article.get_absolute_url()}feedback/")
    declare(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your feedback")


def group(page: Page, number: int):
    return page.locator("fieldset.scale").nth(number)


def fill(page: Page) -> None:
    group(page, 0).get_by_role("radio", name="Not applicable").check()
    group(page, 1).get_by_role("radio", name="Agree", exact=True).check()
    page.get_by_label("What should we change").fill(TEXT)


def expect_filled(page: Page) -> None:
    expect(group(page, 0).get_by_role("radio", name="Not applicable")).to_be_checked()
    expect(group(page, 1).get_by_role("radio", name="Agree", exact=True)).to_be_checked()
    expect(page.get_by_label("What should we change")).to_have_value(TEXT)


def send(page: Page) -> None:
    page.get_by_role("button", name="Send feedback").click()


def expect_thanks(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you for your feedback")
    saved = Response.objects.get()
    assert (saved.levels, saved.comment) == ([0, 4], TEXT)


# --- by everybody ---------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 768, 1280])
def test_each_state_can_be_used_by_everybody(open_page, article, width, scheme, direction):
    if direction == "rtl" and scheme == "dark":
        return  # colours do not hang on the direction
    page = open_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    PICTURES.mkdir(parents=True, exist_ok=True)

    def look(state: str) -> None:
        page.evaluate(f"document.documentElement.dir = '{direction}'")
        assert page.evaluate(SIDEWAYS) <= 0
        assert violations(page) == []
        picture = PICTURES / f"{state}-{width}-{scheme}-{direction}.png"
        page.screenshot(path=picture, full_page=True)

    open_form(page, article)
    look("form")
    group(page, 1).get_by_role("radio", name="Agree", exact=True).check()
    page.get_by_label("What should we change").fill("x" * 2001)
    send(page)
    expect(page.locator("[data-error-summary]")).to_be_focused()
    look("errors")
    page.context.clear_cookies(name=django_settings.CSRF_COOKIE_NAME)
    fill(page)
    send(page)
    expect(page.get_by_text("Your answers have not been saved yet")).to_be_visible()
    look("unsaved")
    page.context.clear_cookies()
    send(page)
    expect(page.get_by_text("What you sent is not lost")).to_be_visible()
    look("at-the-gate")
    declare(page)
    send(page)
    expect_thanks(page)
    look("thanks")
    page.goto(article.get_absolute_url())
    look("article")


def test_by_keyboard_and_by_ear(open_page, article):
    page = open_page()
    open_form(page, article)
    assert page.locator("input:checked").count() == 0
    expect(group(page, 1)).to_have_accessible_name("The article kept what its objectives promise")
    objective = article.objectives.get().text
    expect(group(page, 1)).to_have_accessible_description(re.compile(re.escape(objective)))
    area = page.get_by_label("What should we change")
    expect(area).to_have_accessible_description(re.compile("not write anything about a patient"))
    for option in page.locator(".scale-option").all():
        box = option.bounding_box()
        assert min(box["width"], box["height"]) >= 44

    # A radio of each group, then the text, then the button: one stop each.
    page.locator(".scale input").first.focus()
    page.keyboard.press("ArrowUp")  # round to the last one
    expect(group(page, 0).get_by_role("radio", name="Not applicable")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(area).to_be_focused()
    page.keyboard.type("One")
    page.keyboard.press("Enter")
    page.keyboard.type("Two")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Send feedback")).to_be_focused()
    page.keyboard.press("Enter")

    # What is missing: the summary has the focus, and leads to the first answer of the statement.
    summary = page.locator("[data-error-summary]")
    expect(summary).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(group(page, 1).get_by_role("radio").first).to_be_focused()
    expect(group(page, 1)).to_have_accessible_description(re.compile("^Choose how far you agree"))
    page.keyboard.press("Space")
    page.get_by_role("button", name="Send feedback").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you for your feedback")
    saved = Response.objects.get()
    assert (saved.levels, saved.comment) == ([0, 1], "One\nTwo")

    page.get_by_role("link", name="Change my answers").click()
    expect(group(page, 0).get_by_role("radio", name="Not applicable")).to_be_checked()
    expect(area).to_have_value("One\nTwo")


# --- nothing lost ---------------------------------------------------------------------------------


@pytest.mark.parametrize("is_own_page", [True, False], ids=["own-page", "article"])
@pytest.mark.parametrize("has_javascript", [True, False], ids=["js", "no-js"])
def test_all_cookies_lost_between_opening_and_sending(
    open_page, article, has_javascript, is_own_page
):
    page = open_page(java_script_enabled=has_javascript)
    open_form(page, article)
    if not is_own_page:
        page.goto(article.get_absolute_url())
    fill(page)
    page.context.clear_cookies()
    send(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Are you a healthcare professional?")
    page.get_by_role("button", name="Continue").click()  # without the tick
    expect(page.locator(".error-summary")).to_be_visible()
    declare(page)
    expect(page.get_by_text("Your answers have not been saved yet")).to_be_visible()
    expect_filled(page)
    assert "?" not in page.url
    assert Response.objects.count() == 0
    send(page)
    expect_thanks(page)


@pytest.mark.parametrize("lost", ["csrf", "attestation"])
def test_one_cookie_lost_between_opening_and_sending(open_page, article, lost):
    page = open_page()
    open_form(page, article)
    fill(page)
    page.context.clear_cookies(name=lost)
    send(page)
    if lost == "attestation":
        declare(page)
    expect(page.get_by_text("Your answers have not been saved yet")).to_be_visible()
    expect_filled(page)
    assert Response.objects.count() == 0
    send(page)
    expect_thanks(page)


def test_another_sites_form_needs_a_click_on_ours(open_page, article, site_url):
    """The victim's browser sends it without our cookies (SameSite) and without a token."""
    page = open_page()
    open_form(page, article)
    version = article.chosen_survey.survey.versions.get().pk
    evil = (
        f'<form method="post" action="{site_url}{article.get_absolute_url()}feedback/">'
        f'<input name="survey_version" value="{version}"><input name="level-own-1" value="1">'
        '<input name="level-own-2" value="1"></form>'
    )
    page.route(
        "http://evil.example/", lambda route: route.fulfill(body=evil, content_type="text/html")
    )
    page.goto("http://evil.example/")
    page.evaluate("document.forms[0].submit()")
    expect(page.get_by_text("What you sent is not lost")).to_be_visible()
    assert Response.objects.count() == 0


# --- once -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_javascript", [True, False], ids=["js", "no-js"])
def test_a_double_click_and_the_back_button_make_one_response(open_page, article, has_javascript):
    page = open_page(java_script_enabled=has_javascript)
    open_form(page, article)
    fill(page)
    page.get_by_role("button", name="Send feedback").dblclick()
    expect_thanks(page)
    page.go_back()
    expect(page.get_by_role("button", name="Send feedback")).to_be_visible()
    fill(page)
    send(page)
    expect_thanks(page)
    page.reload()
    expect_thanks(page)
    assert ResponseHistory.objects.count() == 0


# --- impressions ----------------------------------------------------------------------------------


@pytest.fixture
def nothing_counted():
    with redis.Redis.from_url(django_settings.REDIS_URL) as client:
        for key in client.scan_iter(f"{KEYS}*"):
            client.delete(key)


def counted() -> list[tuple[int, int, int]]:
    store_impressions()
    return list(Impressions.objects.values_list("shown", "started", "submitted"))


def test_the_script_tells_when_the_form_comes_into_view_and_is_begun(
    open_page, article, nothing_counted
):
    section = article.sections.exclude(body="").first()
    section.body += "<p>A long text.</p>" * 200
    section.save()
    publish(article)
    page = open_page(user_agent=BROWSER)
    told = []
    page.on(
        "request", lambda sent: told.append(sent.post_data) if "impressions" in sent.url else None
    )
    page.goto(f"/healthcare-professionals/?next={article.get_absolute_url()}")
    declare(page)
    expect(page.get_by_role("heading", name="Your feedback")).to_be_attached()
    page.wait_for_timeout(300)
    assert told == []
    page.get_by_role("heading", name="Your feedback").scroll_into_view_if_needed()
    group(page, 0).scroll_into_view_if_needed()
    wait_until(lambda: page.wait_for_timeout(50) or counted() == [(1, 0, 0)], what="shown")
    for name in ("Agree", "Disagree"):
        group(page, 1).get_by_role("radio", name=name, exact=True).check()
    wait_until(lambda: page.wait_for_timeout(50) or counted() == [(1, 1, 0)], what="started")
    fill(page)
    send(page)
    expect_thanks(page)
    assert counted() == [(1, 1, 1)]
    # Once each, whatever is chosen afterwards.
    assert [re.search(r"step=(\w+)", data)[1] for data in told] == ["shown", "started"]
