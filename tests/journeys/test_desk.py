"""The editor's and the staff's way through the desk, in a real browser."""

import csv
import json
import re

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect

from articles.models import Article, ArticleVersion
from portal.core.models import ExportLog
from tests.fixtures_mail import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORDS = {
    "editor@demo.example": "gate-lamp-orchard",
    "reviewer@demo.example": "tall-cedar-window",
    "staff@demo.example": "quiet-river-tin",
}


@pytest.fixture
def demo(live_server, tmp_path, monkeypatch) -> None:
    passwords = tmp_path / "users.json"
    passwords.write_text(json.dumps(PASSWORDS))
    monkeypatch.setenv("DEMO_USERS_FILE", str(passwords))
    call_command("load_demo", verbosity=0)


def sign_in(page: Page, email: str) -> None:
    page.goto("/admin/")
    page.get_by_label(re.compile("mail", re.IGNORECASE)).first.fill(email)
    page.get_by_label("Password", exact=True).first.fill(PASSWORDS[email])
    page.locator("main").get_by_role("button", name=re.compile("Sign in", re.IGNORECASE)).click()
    expect(page.get_by_role("heading", name="What needs doing")).to_be_visible()


def declare(page: Page) -> None:
    page.goto("/healthcare-professionals/")
    page.get_by_role("checkbox", name=re.compile("healthcare professional")).check()
    page.get_by_role("button", name="Continue").click()


def write_rich_text(page: Page, section: int, text: str) -> None:
    editor = page.locator(f"#sections-{section} [contenteditable=true]")
    editor.click()
    page.keyboard.type(text)


def test_an_editor_writes_previews_and_publishes(open_page, demo):
    page = open_page()
    sign_in(page, "editor@demo.example")

    # A draft with something missing cannot be published.
    draft = Article.objects.get(status=Article.Status.DRAFT)
    page.get_by_role("link", name=draft.title).first.click()
    expect(page.get_by_role("complementary")).to_contain_text("Blocks publication")
    page.get_by_role("link", name="Submit for medical review…").click()
    expect(page.get_by_role("alert")).to_contain_text("Something is missing")
    expect(page.get_by_role("button", name="Submit")).to_have_count(0)

    # A new article with all its parts.
    page.goto("/admin/articles/article/add/")
    page.get_by_label("Title:").first.press_sequentially("Reading a waterfall plot")
    expect(page.locator("#id_slug")).to_have_value("reading-a-waterfall-plot")
    page.locator("#id_summary").fill("What each bar of a waterfall plot stands for.")
    page.locator("#id_ai_statement").fill("No AI tools were used.")
    page.locator("#id_topics_from").select_option(index=0)
    page.get_by_role("link", name=re.compile("Choose selected|Choose topics", re.IGNORECASE)).or_(
        page.locator("#id_topics_add")
    ).first.click()

    page.get_by_role("button", name=re.compile("Add another author", re.IGNORECASE)).click()
    page.locator("#article_authors-0 .select2-selection").click()
    page.locator(".select2-search__field").fill("a")
    page.locator(".select2-results__option--highlighted").click()

    page.get_by_role(
        "button", name=re.compile("Add another learning objective", re.IGNORECASE)
    ).click()
    page.locator("#id_objectives-0-text").fill("Interpret the bars of a waterfall plot.")

    for number, (kind, text) in enumerate(
        (
            ("text", "Each bar is one patient."),
            ("key_data", "Suppose 40 patients were treated [@doe]."),
            ("key_learning", "A plot of best responses says nothing of how long they last [@doe]."),
        )
    ):
        page.get_by_role("button", name=re.compile("Add another section", re.IGNORECASE)).click()
        page.locator(f"#id_sections-{number}-position").fill(str(number + 1))
        page.locator(f"#id_sections-{number}-kind").select_option(kind)
        page.locator(f"#id_sections-{number}-heading").fill(f"Part {number + 1}")
        write_rich_text(page, number, text)

    page.get_by_role("button", name=re.compile("Add another reference", re.IGNORECASE)).click()
    page.locator("#id_references-0-key").fill("doe")
    page.locator("#id_references-0-authors").fill("Doe, Jane")
    page.locator("#id_references-0-title").fill("A made-up source for this test")
    page.locator("#id_references-0-container_title").fill("Journal of Tests")
    page.get_by_role("button", name="Save and continue editing").first.click()
    expect(page.locator(".messagelist .success, .success").first).to_be_visible()
    article = Article.objects.get(slug="reading-a-waterfall-plot")
    assert article.status == Article.Status.DRAFT
    assert article.sections.get(position=1).body == "<p>Each bar is one patient.</p>"

    # Readers cannot see it; the editor can, as it will look.
    reader = open_page()
    declare(reader)
    assert reader.goto(article.get_absolute_url()).status == 404
    page.get_by_role("link", name="Preview", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(article.title)
    expect(page.get_by_text("Each bar is one patient.")).to_be_visible()

    # Somebody else approves it.
    change = f"/admin/articles/article/{article.pk}/change/"
    page.goto(change)
    page.get_by_role("link", name="Submit for medical review…").click()
    page.get_by_role("button", name="Submit for medical review").click()
    expect(page.get_by_role("complementary")).to_contain_text("In medical review")
    expect(page.get_by_role("link", name="Publish…")).to_have_count(0)
    review = open_page()
    sign_in(review, "reviewer@demo.example")
    review.get_by_role("link", name=article.title).first.click()
    review.get_by_role("link", name="Approve…").click()
    review.get_by_label("Comment").fill("Well explained.")
    review.get_by_role("button", name="Approve").click()
    expect(review.get_by_role("complementary")).to_contain_text("Well explained.")

    # Publishing writes the version that readers see.
    page.goto(change)
    page.get_by_role("link", name="Publish…").click()
    page.get_by_role("button", name="Publish now").click()
    expect(page.get_by_text("is published.")).to_be_visible()
    version = ArticleVersion.objects.get(article=article)
    assert (version.number, version.published_by.email) == (1, "editor@demo.example")
    assert reader.goto(article.get_absolute_url()).status == 200
    expect(reader.get_by_text("Each bar is one patient.")).to_be_visible()

    # A later edit is a draft beside it, until it is published, too.
    page.goto(f"/admin/articles/article/{article.pk}/change/")
    page.locator("#id_title").fill("Reading a waterfall plot, revised")
    page.get_by_role("button", name="Save", exact=True).first.click()
    reader.reload()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Reading a waterfall plot")

    # A correction says so, with its date.
    page.goto(change)
    page.get_by_role("link", name="Submit for medical review…").click()
    page.get_by_role("button", name="Submit for medical review").click()
    review.goto(change)
    review.get_by_role("link", name="Approve…").click()
    review.get_by_role("button", name="Approve").click()
    page.goto(change)
    page.get_by_role("link", name="Publish…").click()
    page.get_by_role("radio", name="Correction").check()
    page.get_by_label("Notice of the correction").fill("The title was too short.")
    page.get_by_role("button", name="Publish now").click()
    expect(page.get_by_text("is published.")).to_be_visible()
    wait_until(
        lambda: "The title was too short." in reader.goto(article.get_absolute_url()).text(), 5
    )
    expect(reader.get_by_role("heading", level=1)).to_have_text("Reading a waterfall plot, revised")

    # A withdrawal leaves the title and the reason.
    page.get_by_role("link", name="Withdraw…").click()
    page.get_by_label("Reason for the withdrawal").fill("It was made up for this test.")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("complementary")).to_contain_text("Withdrawn")
    wait_until(lambda: reader.goto(article.get_absolute_url()).status == 410, 5)
    expect(reader.get_by_text("It was made up for this test.")).to_be_visible()


def test_staff_read_results_and_export_them(open_page, demo, tmp_path):
    page = open_page()
    sign_in(page, "staff@demo.example")
    page.get_by_role("link", name=re.compile("results", re.IGNORECASE)).first.click()
    expect(page.get_by_role("cell", name="not shown").first).to_be_visible()
    page.get_by_role("link", name=re.compile("CAR T")).first.click()
    table = page.get_by_role("table", name=re.compile("Summary figures"))
    expect(table).to_contain_text("The content was clear and easy to understand")
    expect(table).to_contain_text(re.compile(r"\d+ of \d+ \(\d+%\)"))

    page.get_by_role("link", name="Survey results").click()
    page.get_by_role("link", name="Export responses").click()
    page.get_by_label(re.compile("Purpose")).fill("Yearly report")
    page.get_by_label("The data file alone").check()
    page.get_by_role("button", name="Count the rows").click()
    expect(page.locator("#content")).to_contain_text("The file is downloaded at once.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the file").click()
    file = tmp_path / "export.csv"
    download.value.save_as(file)
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["clear"] for row in rows} <= {"1", "2", "3", "4", "5"}
    log = ExportLog.objects.latest("exported_at")
    assert (log.purpose, log.row_count) == ("Yearly report", len(rows))
    assert log.user.email == "staff@demo.example"
