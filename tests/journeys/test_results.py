"""Staff's way through the results, in a real browser: choosing, reading, taking away, hiding."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from feedback.models import HiddenComment
from feedback.tallies import refresh
from portal.core.models import ExportLog
from tests.factories import UserFactory, published_article
from tests.feedback.builders import answer
from tests.journeys.checks.structure import SIDEWAYS

pytestmark = pytest.mark.django_db(transaction=True)

RESULTS = "/admin/feedback/survey/results/"
READY = "document.fonts.ready"


@pytest.fixture
def answered(live_server):
    """Two articles, each with 40 answers of two closed months and a few words."""
    made = []
    first = timezone.localdate().replace(day=1)
    for title in ("Late failure after CAR T-cell therapy", "Early success with antibodies"):
        article = published_article(title=title)
        for days in (10, 40):
            moment = datetime.combine(first - timedelta(days=days), datetime.min.time(), tzinfo=UTC)
            levels = [[1 + number % 5, 4, 5, 2 + number % 3] for number in range(20)]
            answer(article, levels, submitted_at=moment)
        answer(article, [[4, 4, 4, 4]], submitted_at=moment, comment=f"About {title}")
        made.append(article)
    refresh()
    return made


@pytest.fixture
def staff(live_server, open_page, answered):
    """Return a function that opens a browser of somebody of the staff."""

    def open_browser(**options: object) -> Page:
        page = open_page(**options)
        client = Client()
        client.force_login(UserFactory(group="Staff", is_staff=True))
        page.context.add_cookies(
            [
                {"name": name, "value": morsel.value, "url": live_server.url}
                for name, morsel in client.cookies.items()
            ]
        )
        return page

    return open_browser


def test_from_a_part_of_a_title_to_figures_a_file_and_a_hidden_text(staff, answered):
    page = staff()
    page.goto(RESULTS)
    page.get_by_label("Article", exact=True).press_sequentially("late fail")
    option = page.locator("datalist option")
    expect(option).to_have_attribute("value", answered[0].title)
    page.get_by_role("button", name="Show results").click()
    expect(page).to_have_url(f"{page.url.partition('/admin')[0]}{RESULTS}?article={answered[0].pk}")
    expect(page.get_by_label("Article", exact=True)).to_have_value(answered[0].title)
    expect(page.get_by_text("The article “Late failure")).to_be_visible()
    expect(page.locator("svg.bar-chart")).to_have_count(8)

    page.get_by_text("Download as CSV: Level of agreement").click()
    page.locator("#statements_purpose").fill("For the board")
    with page.expect_download() as begun:
        page.locator(".download[open]").get_by_role("button", name="Download").click()
    content = begun.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    table = page.locator("table").filter(has_text="Strongly disagree").first
    shown = [
        [cell.split("\n")[0] for cell in row.locator("td").all_inner_texts()]
        for row in table.locator("tbody tr").all()
    ]
    assert [
        [row["n"], *(row[f"count_{level}"] for level in range(1, 6)), row["not_applicable"]]
        for row in rows
    ] == [cells[:7] for cells in shown]
    assert ExportLog.objects.get().purpose == "For the board"

    page.get_by_text("Hide…").click()
    page.get_by_label("Reason").fill("Names a patient")
    page.get_by_role("button", name="Hide", exact=True).click()
    expect(page.get_by_text("Hidden: Names a patient")).to_be_visible()
    assert HiddenComment.objects.get().response.article_id == answered[0].pk
    page.get_by_role("button", name="Show again").click()
    expect(page.get_by_text("About Late failure")).to_be_visible()
    assert not HiddenComment.objects.exists()


def test_without_a_script_a_wrong_filter_is_named_and_mended(staff, answered):
    page = staff(java_script_enabled=False)
    page.goto(RESULTS)
    page.get_by_label("Article", exact=True).fill("with")
    page.get_by_role("button", name="Show results").click()
    expect(page.get_by_label("Article", exact=True)).to_have_value(answered[1].title)
    page.get_by_label("Article", exact=True).fill("nowhere")
    page.get_by_role("button", name="Show results").click()
    summary = page.locator("[data-error-summary]")
    expect(summary).to_contain_text("No published article is called “nowhere”")
    summary.get_by_role("link").click()
    expect(page.get_by_label("Article", exact=True)).to_be_focused()


@pytest.mark.parametrize("width", [320, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_window_in_both_directions_and_on_paper(
    staff, answered, width, scheme, tmp_path
):
    page = staff(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(f"{RESULTS}?article={answered[0].pk}")
    page.evaluate(READY)
    for direction in ("ltr", "rtl"):
        page.evaluate("direction => { document.documentElement.dir = direction }", direction)
        assert page.evaluate(SIDEWAYS) <= 0
        picture = page.screenshot(path=tmp_path / f"{direction}.png", full_page=True)
        assert len(picture) > 20_000
    page.evaluate("document.documentElement.dir = 'ltr'")
    # In a bar's own order, whatever the direction of the page.
    starts = (
        page.locator("svg.bar-chart")
        .nth(0)
        .evaluate(
            "chart => [...chart.querySelectorAll('rect[class]')].map("
            "part => part.getBoundingClientRect().left)"
        )
    )
    assert starts == sorted(starts)
    page.emulate_media(media="print")
    page.screenshot(path=tmp_path / "print.png", full_page=True)
    expect(page.get_by_text("The article “Late failure")).to_be_visible()
    for hidden in (".results-filters", ".download", "#header", ".comment form"):
        assert not page.locator(hidden).first.is_visible()
    expect(page.locator("svg.bar-chart").first).to_be_visible()
