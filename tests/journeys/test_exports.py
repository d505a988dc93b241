"""A large export in a real browser: made by a real worker, cancelled, fetched from the mail."""

import hashlib
import re

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from playwright.sync_api import expect

from feedback.exports.jobs import make_export
from feedback.models import ExportJob
from portal.core.models import ExportLog
from tests.axe import violations
from tests.factories import UserFactory
from tests.feedback.exports.holding import held_in_the_middle
from tests.feedback.exports.many import many
from tests.fixtures_mail import ROOT, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

PICTURES = ROOT / "var" / "screenshots"
ROWS = 5_000


@pytest.fixture
def staff(live_server, settings):
    """Somebody who may export, where 1,000 rows are many."""
    settings.EXPORT_STREAM_ROWS = 1_000
    many(ROWS)
    user = UserFactory(is_staff=True)
    user.groups.add(Group.objects.get(name="Staff"))
    return user


@pytest.fixture
def desk(open_page, staff):
    """Return a function that opens the page of the order as ``staff``."""

    def open_desk(**options):
        page = open_page(**options)
        client = Client()
        client.force_login(staff)
        page.goto("/livez")
        page.context.add_cookies(
            [
                {"name": name, "value": morsel.value, "url": page.url}
                for name, morsel in client.cookies.items()
            ]
        )
        page.goto("/admin/feedback/survey/export/")
        return page

    return open_desk


def order(page):
    page.get_by_label("Purpose").fill("Renewal of the grant")
    page.get_by_label("The data file alone").check()
    page.get_by_role("button", name="Count the rows").click()
    expect(page.locator("#content")).to_contain_text("5,000 rows")
    expect(page.locator("#content")).to_contain_text("made in the background")


def picture(page, name):
    """Take the page at three widths, in both schemes."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for width in (320, 768, 1280):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png", full_page=True)


def test_order_progress_cancel(desk, start_celery_worker, exports_directory):
    page = desk()
    order(page)
    assert violations(page) == []
    picture(page, "journey-export-count")
    page.get_by_role("button", name="Make the file").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Export: Waiting")
    job = ExportJob.objects.get()
    with held_in_the_middle(job, lambda: start_celery_worker(has_beat=True)):
        # The script has turned the page: nobody has pressed anything.
        expect(page.get_by_role("heading", level=1)).to_have_text("Export: Being made")
        expect(page.locator("#content")).to_contain_text(
            re.compile(r"[1-9]\d* of about 5,000 rows \(")
        )
        assert 0 < page.locator("progress").evaluate("bar => bar.value") < ROWS
        expect(page.get_by_role("status")).to_contain_text("% done")
        assert violations(page) == []
        picture(page, "journey-export-progress")
        # Its answer waits for our lock.
        page.get_by_role("button", name="Cancel the export").click(no_wait_after=True)
    expect(page.get_by_role("heading", level=1)).to_have_text(
        re.compile("Export: (Cancelled|Ready)")
    )


def test_a_click_on_cancel_ends_it(desk, exports_directory):
    page = desk()
    order(page)
    page.get_by_role("button", name="Make the file").click()
    page.get_by_role("button", name="Cancel the export").click()
    expect(page.get_by_text("The export was cancelled")).to_be_visible()
    job = ExportJob.objects.get()
    assert job.status == "cancelled"
    make_export(job.pk)
    assert not exports_directory.exists()
    picture(page, "journey-export-cancelled")


def test_order_ready_mail_download_without_a_script(
    desk, start_celery_worker, smtp_sink, exports_directory, tmp_path
):
    page = desk(java_script_enabled=False)
    order(page)
    page.get_by_role("button", name="Make the file").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Export: Waiting")
    start_celery_worker(has_beat=True)
    job = ExportJob.objects.get()
    wait_until(lambda: ExportJob.objects.get().status == "ready", 60, "the file")
    page.get_by_role("link", name="Refresh").click()
    expect(page.get_by_text("The file is ready")).to_be_visible()
    wait_until(lambda: smtp_sink.received, 60, "the mail")
    [address] = re.findall(r"http://\S+/exports/\S+", smtp_sink.received[-1].text)
    page.goto(address)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    file = tmp_path / "responses.csv"
    download.value.save_as(file)
    job.refresh_from_db()
    assert hashlib.sha256(file.read_bytes()).hexdigest() == job.sha256
    assert re.fullmatch(r"responses-\d{4}-\d\d-\d\d\.csv", download.value.suggested_filename)
    kinds = {log.kind for log in ExportLog.objects.all()}
    assert kinds == {"responses", "responses (download)"}


def test_the_script_shows_the_button_when_the_file_is_ready(desk, exports_directory):
    page = desk()
    order(page)
    page.get_by_role("button", name="Make the file").click()
    page.get_by_role("button", name="Cancel the export").focus()
    make_export(ExportJob.objects.get().pk)
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("The export: Ready")
    # The button that had the focus is gone; the focus stays where it was.
    assert page.evaluate("document.activeElement.className") == "export-state"
    expect(page).to_have_title(re.compile("Export: Ready"))
    assert violations(page) == []
    picture(page, "journey-export-ready")
