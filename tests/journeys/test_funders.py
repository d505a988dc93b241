"""Who funds the site: from the staff's form to a reader's phone, in a real browser."""

import datetime
import json

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.funders.models import Agreement, Funder
from tests.factories import AgreementFactory, FunderFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = {"viewport": {"width": 320, "height": 640}}
NO_SIDEWAYS_SCROLL = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture
def staff_page(open_page, site_url) -> Page:
    client = Client()
    client.force_login(UserFactory(group="Staff"))
    page = open_page()
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site_url}]
    )
    return page


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist .success")).to_be_visible()


def test_a_funder_joins_renames_itself_and_leaves(staff_page, open_page, tmp_path):
    staff, reader = staff_page, open_page(**PHONE)
    today = timezone.localdate()
    yesterday = today - datetime.timedelta(days=1)

    # It joins: a funder, then its agreement with the signed document.
    staff.goto("/admin/funders/funder/add/")
    staff.get_by_label("Legal name:", exact=True).fill("Aldermoor")
    staff.get_by_role("button", name="Add another Trade name").click()
    staff.locator("#id_trade_names-0-name").fill("Aldermabix")
    staff.get_by_role("button", name="Save and continue editing").click()
    staff.get_by_role("link", name="Add an agreement").click()
    staff.get_by_label("Kind:", exact=True).select_option("in_kind")
    staff.get_by_label("What is given in kind:", exact=True).fill("translation services")
    staff.get_by_label("Level:", exact=True).select_option(label="Major")
    staff.get_by_label("First day:", exact=True).fill("01/03/2026")
    staff.get_by_label("Reference of the agreement:", exact=True).fill("SECRET-1")
    document = tmp_path / "signed.pdf"
    document.write_bytes(b"%PDF-1.7\n%%EOF")
    staff.get_by_label("Signed document:", exact=True).set_input_files(document)
    save(staff)

    agreement = Agreement.objects.get()
    staff.goto(f"/admin/funders/agreement/{agreement.pk}/change/")
    with staff.expect_download() as download:
        staff.get_by_role("link", name="Download the PDF").click()
    assert download.value.suggested_filename == f"agreement-{agreement.pk}.pdf"

    # A reader sees it at once, on each page.
    reader.goto("/")
    expect(reader.locator(".site-funding")).to_contain_text(
        "supported in kind by Aldermoor (translation services)."
    )
    reader.get_by_role("link", name="View funders").click()
    expect(reader.get_by_role("heading", name="What the support is for")).to_be_visible()
    assert reader.evaluate(NO_SIDEWAYS_SCROLL)

    # It renames itself.
    staff.goto(f"/admin/funders/funder/{agreement.funder_id}/change/")
    staff.get_by_label("Legal name:", exact=True).fill("Brightwater")
    staff.get_by_label("Last day of the old name:", exact=True).fill(f"{yesterday:%d/%m/%Y}")
    save(staff)
    reader.reload()
    expect(reader.locator(".lede")).to_contain_text("by Brightwater (translation services).")
    expect(
        reader.get_by_text(f"Brightwater (Aldermoor until {yesterday:%-d %B %Y})")
    ).to_be_visible()

    # The log tells of both, and of nothing that is not public.
    reader.get_by_role("link", name="Changes of this page").click()
    expect(reader.get_by_role("main")).to_contain_text("Legal name: from Aldermoor to Brightwater")
    assert reader.evaluate(NO_SIDEWAYS_SCROLL)
    assert "SECRET-1" not in reader.content()
    assert "Aldermabix" not in reader.content()

    # It leaves; the page and the data say so.
    staff.goto(f"/admin/funders/agreement/{agreement.pk}/change/")
    staff.get_by_label("Last day:", exact=True).fill(f"{yesterday:%d/%m/%Y}")
    save(staff)
    reader.goto("/funders/")
    expect(reader.locator(".lede")).to_contain_text("No company funds it at present.")
    expect(reader.get_by_role("heading", name="Earlier funders")).to_be_visible()
    answer = reader.request.get("/funders.json")
    (funder,) = json.loads(answer.body())["funders"]
    assert funder["former_names"] == [{"name": "Aldermoor", "last_day": yesterday.isoformat()}]
    assert funder["agreements"][0]["in_force"] is False


def test_the_desk_says_what_is_wrong_and_keeps_what_was_typed(staff_page):
    agreement = AgreementFactory(funder=FunderFactory(name="Aldermoor"))
    staff_page.set_viewport_size(PHONE["viewport"])
    staff_page.goto(f"/admin/funders/agreement/add/?funder={agreement.funder_id}")
    staff_page.get_by_label("Kind:", exact=True).select_option("sponsorship")
    staff_page.get_by_label("Level:", exact=True).select_option(label="Major")
    staff_page.get_by_label("First day:", exact=True).fill("01/03/2026")
    staff_page.get_by_label("For what:", exact=True).fill("A purpose")
    staff_page.get_by_role("button", name="Save", exact=True).click()
    summary = staff_page.get_by_role("alert")
    expect(summary).to_contain_text("This funder has an agreement of this kind")
    expect(staff_page.get_by_label("For what:", exact=True)).to_have_value("A purpose")
    assert staff_page.evaluate(NO_SIDEWAYS_SCROLL)
    assert Agreement.objects.count() == Funder.objects.count() == 1
