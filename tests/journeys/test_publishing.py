"""From a Word document to a published, corrected and withdrawn article; and one by itself."""

import datetime
import re

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from articles.models import Article
from tests.factories import DisclosureFactory, TopicFactory, UserFactory, approved_article
from tests.fixtures_mail import wait_until
from tests.journeys.test_rich_text_editor import MARKS, PASTE, PASTED

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sign_in(open_page, site_url):
    """Return a function that opens a page whose browser is signed in as somebody of ``group``."""

    def sign_in(group: str) -> Page:
        client = Client()
        client.force_login(UserFactory(group=group))
        page = open_page()
        name = django_settings.SESSION_COOKIE_NAME
        page.context.add_cookies(
            [{"name": name, "value": client.cookies[name].value, "url": site_url}]
        )
        return page

    return sign_in


def declare(page: Page) -> None:
    page.goto("/healthcare-professionals/")
    page.get_by_role("checkbox", name=re.compile("healthcare professional")).check()
    page.get_by_role("button", name="Continue").click()


def press(page: Page, link: str, button: str) -> None:
    """Follow one of the verbs beside an article's form, and confirm it."""
    page.get_by_role("link", name=f"{link}…").click()
    page.get_by_role("button", name=button).click()


def write_section(page: Page, number: int, kind: str, heading: str) -> None:
    page.get_by_role("button", name=re.compile("Add another section", re.IGNORECASE)).click()
    page.locator(f"#id_sections-{number}-position").fill(str(number + 1))
    page.locator(f"#id_sections-{number}-kind").select_option(kind)
    page.locator(f"#id_sections-{number}-heading").fill(heading)
    page.locator(f"#sections-{number} [contenteditable=true]").click()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save and continue editing").first.click()
    expect(page.locator(".messagelist .success, .success").first).to_be_visible()


def test_a_word_document_becomes_an_article_is_corrected_and_withdrawn(open_page, sign_in):
    DisclosureFactory(person__name="Ada Exemplar")
    TopicFactory(name="Made-up topic")
    page, reviewer, reader = sign_in("Editors"), sign_in("Medical reviewers"), open_page()
    declare(reader)

    # The editor pastes what Word puts on the clipboard, and saves.
    page.goto("/admin/articles/article/add/")
    page.get_by_label("Title:").first.press_sequentially("Reading a table")
    page.locator("#id_summary").fill("What a table of responses says.")
    page.locator("#id_topics_from").select_option(label="Made-up topic")
    page.locator("#id_topics_add").or_(
        page.get_by_role("link", name=re.compile("Choose", re.IGNORECASE))
    ).first.click()
    write_section(page, 0, "text", "End points")
    text = page.locator("#sections-0 [contenteditable=true]")
    text.evaluate(PASTE, (PASTED / "marks.word.html").read_text())
    write_section(page, 1, "key_data", "Responses")
    table = page.locator("#sections-1 [contenteditable=true]")
    table.evaluate(PASTE, (PASTED / "table.word.html").read_text())
    save(page)
    article = Article.objects.get(slug="reading-a-table")
    assert article.sections.get(position=1).body == MARKS
    change = page.url

    # What the checklist asks for: it is not let through before.
    checklist = page.get_by_role("complementary")
    expect(checklist).to_contain_text("Blocks publication")
    page.get_by_role("link", name="Submit for medical review…").click()
    expect(page.get_by_role("alert")).to_contain_text("Something is missing")
    page.goto(change)
    page.locator("#id_ai_statement").fill("No AI tools were used.")
    page.get_by_role("button", name=re.compile("Add another author", re.IGNORECASE)).click()
    page.locator("#article_authors-0 .select2-selection").click()
    page.locator(".select2-search__field").fill("exemplar")
    page.locator(".select2-results__option--highlighted", has_text="Ada Exemplar").click()
    page.get_by_role(
        "button", name=re.compile("Add another learning objective", re.IGNORECASE)
    ).click()
    page.locator("#id_objectives-0-text").fill("Interpret a table of responses.")
    page.get_by_role("button", name=re.compile("Add another reference", re.IGNORECASE)).click()
    page.locator("#id_references-0-key").fill("doe")
    page.locator("#id_references-0-authors").fill("Doe, Jane")
    page.locator("#id_references-0-title").fill("A made-up source for this test")
    page.locator("#id_references-0-container_title").fill("Journal of Tests")
    page.locator("#sections-1 [contenteditable=true] > p").last.click()
    page.keyboard.press("End")
    page.keyboard.type(" [@doe]")
    save(page)
    expect(checklist).not_to_contain_text("Blocks publication")

    # Another person approves it; then it is published, and read.
    press(page, "Submit for medical review", "Submit for medical review")
    expect(checklist).to_contain_text("In medical review")
    assert reader.goto(article.get_absolute_url()).status == 404
    reviewer.goto("/admin/")
    reviewer.get_by_role("link", name="Reading a table").first.click()
    press(reviewer, "Approve", "Approve")
    expect(reviewer.get_by_role("complementary")).to_contain_text("Approved")
    page.goto(change)
    press(page, "Publish", "Publish now")
    expect(page.get_by_text("is published.")).to_be_visible()
    assert reader.goto(article.get_absolute_url()).status == 200
    expect(reader.get_by_role("cell", name=re.compile("^52.5"))).to_be_visible()
    expect(reader.get_by_role("region", name="References")).to_contain_text("A made-up source")

    # A correction: the text changes, and a dated notice says why.
    page.goto(change)
    page.locator("#sections-0 [contenteditable=true] > p").last.click()
    page.keyboard.press("End")
    page.keyboard.type(" Corrected.")
    save(page)
    press(page, "Submit for medical review", "Submit for medical review")
    reviewer.goto(change)
    press(reviewer, "Approve", "Approve")
    page.goto(change)
    page.get_by_role("link", name="Publish…").click()
    page.get_by_role("radio", name="Correction").check()
    page.get_by_label("Notice of the correction").fill("A footnote was incomplete.")
    page.get_by_role("button", name="Publish now").click()
    expect(page.get_by_text("is published.")).to_be_visible()
    reader.reload()
    notice = reader.locator("main").filter(has_text="A footnote was incomplete.")
    today = timezone.localdate()
    expect(notice).to_contain_text(f"{today.day} {today:%B %Y}")
    expect(reader.get_by_text("By local assessment. Corrected.")).to_be_visible()

    # A withdrawal keeps the address, the title and the reason, and nothing of the text.
    page.get_by_role("link", name="Withdraw…").click()
    page.get_by_label("Reason for the withdrawal").fill("It was made up for this test.")
    page.get_by_role("button", name="Withdraw").click()
    expect(checklist).to_contain_text("Withdrawn")
    gone = reader.goto(article.get_absolute_url())
    assert gone.status == 410
    expect(reader.get_by_role("heading", level=1)).to_contain_text("Reading a table")
    expect(reader.get_by_text("It was made up for this test.")).to_be_visible()
    html = gone.text()
    assert "bold and italic" not in html
    assert "52.5" not in html


def test_a_scheduled_article_comes_out_by_itself(open_page, sign_in, celery_worker):
    article = approved_article(title="Out in a moment")
    page, reader = sign_in("Editors"), open_page()
    declare(reader)
    page.goto(f"/admin/articles/article/{article.pk}/change/")
    page.get_by_role("link", name="Schedule…").click()
    time = page.get_by_label("Publish at")
    # The browser offers minutes; a test has no time to wait for one.
    time.evaluate("field => { field.step = 1; }")
    due = timezone.localtime() + datetime.timedelta(seconds=6)
    time.fill(f"{due:%Y-%m-%dT%H:%M:%S}")
    page.get_by_role("button", name="Schedule").click()
    expect(page.get_by_role("complementary")).to_contain_text("Scheduled")
    assert reader.goto(article.get_absolute_url()).status == 404
    reader.goto("/articles/")
    expect(reader.get_by_role("link", name="Out in a moment")).to_have_count(0)

    # Nobody touches anything from here on: the reader's browser only looks again.
    wait_until(lambda: reader.goto(article.get_absolute_url()).status == 200, 20)
    expect(reader.get_by_text("The body of it.")).to_be_visible()
    reader.goto("/articles/")
    expect(reader.get_by_role("link", name="Out in a moment")).to_be_visible()
    version = article.versions.get()
    assert version.published_by is None
    assert version.published_at >= due.replace(microsecond=0)
    page.reload()
    expect(page.get_by_role("complementary")).to_contain_text("Published")
