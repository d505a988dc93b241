"""A mailing in a real browser: looked at, approved, watched, paused, resumed, cancelled."""

import re

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect

from portal.core.models import SiteSettings
from portal.mail.models import Delivery, Mailing
from portal.mail.worker import deliver_everything_due
from tests.axe import violations
from tests.factories import SubscriberFactory, UserFactory, approved_article
from tests.mail.planning import plan

pytestmark = pytest.mark.django_db(transaction=True)

RECIPIENTS = 5


@pytest.fixture
def mailing(live_server, settings):
    """Five readers, and a mail that waits for somebody to look at it."""
    settings.CONTENT_STAMP_SECONDS = 0
    SiteSettings.objects.update_or_create(pk=1, defaults={"mailings_need_approval": True})
    for _number in range(RECIPIENTS):
        SubscriberFactory()
    return plan()


@pytest.fixture
def desk(open_page):
    """Return a function that opens an address as a member of ``group``."""

    def open_desk(address, group="Staff", **options):
        page = open_page(**options)
        user = UserFactory(is_staff=True)
        user.groups.add(Group.objects.get(name=group))
        client = Client()
        client.force_login(user)
        page.goto("/livez")
        page.context.add_cookies(
            [
                {"name": name, "value": morsel.value, "url": page.url}
                for name, morsel in client.cookies.items()
            ]
        )
        page.goto(address)
        return page

    return open_desk


def page_of(mailing):
    return f"/admin/mail/mailing/{mailing.pk}/change/"


def send(count):
    """Have the next ``count`` messages sent, as a worker would have them."""
    now = timezone.now()
    waiting = Delivery.objects.filter(state="pending").order_by("pk").values("pk")[:count]
    Delivery.objects.filter(pk__in=waiting).update(
        state="sent", attempts=1, started_at=now, finished_at=now
    )


def row(page, label):
    return page.locator("tbody tr", has=page.get_by_role("rowheader", name=label, exact=True))


def has_no_sideways_scroll(page):
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_approve_progress_pause_resume_cancel(desk, mailing, smtp_sink):
    page = desk("/admin/mail/mailing/upcoming/")
    waiting = page.get_by_role("region", name="Waiting for approval").first
    waiting.get_by_role("link", name="New article").click()
    expect(page.locator(".mailing-standing")).to_contain_text("Waiting for approval")
    deliver_everything_due()
    assert smtp_sink.received == []

    page.get_by_role("button", name="Approve and send").click()
    expect(page.get_by_text("Approved: it is being sent.")).to_be_visible()
    expect(page.locator(".mailing-standing")).to_contain_text("Running")
    expect(row(page, "Open")).to_contain_text("5")
    assert violations(page) == []

    # Nobody presses anything: the script asks.
    send(2)
    expect(row(page, "Sent")).to_contain_text(re.compile(r"Sent\s*2\s*40\.0"), timeout=15_000)
    expect(row(page, "Open")).to_contain_text("3")
    expect(page.get_by_role("status")).to_have_text("40% done or more")

    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".mailing-standing")).to_contain_text("Paused")
    deliver_everything_due()
    assert smtp_sink.received == []
    assert violations(page) == []

    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".mailing-standing")).to_contain_text("Running")

    page.get_by_role("link", name="Cancel the mailing…").click()
    expect(page.get_by_text("3 recipients will not get this e-mail")).to_be_visible()
    assert violations(page) == []
    has_no_sideways_scroll(page)
    page.get_by_role("button", name="Cancel the mailing").click()
    expect(page.locator(".mailing-standing")).to_contain_text("Cancelled")
    deliver_everything_due()
    assert smtp_sink.received == []
    page.reload()
    expect(row(page, "No longer wanted")).to_contain_text("3")
    expect(row(page, "Open")).to_contain_text("0")
    page.get_by_role("link", name="History").click()
    for verb in ("Approved", "Paused", "Resumed", "Cancelled"):
        expect(page.locator("#change-history")).to_contain_text(f"{verb}:")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_a_script_there_is_a_link_to_refresh(desk, mailing, scheme):
    Mailing.objects.update(approved_at=timezone.now())
    page = desk(page_of(mailing), java_script_enabled=False, color_scheme=scheme)
    expect(row(page, "Sent")).to_contain_text("0")
    send(1)
    page.get_by_role("link", name="Refresh").click()
    expect(row(page, "Sent")).to_contain_text(re.compile(r"Sent\s*1\s*20\.0"))
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".mailing-standing")).to_contain_text("Paused")


def test_the_focus_stays_on_a_button_while_the_numbers_change(desk, mailing):
    Mailing.objects.update(approved_at=timezone.now())
    page = desk(page_of(mailing))
    page.get_by_role("button", name="Pause").focus()
    send(1)
    expect(row(page, "Sent")).to_contain_text(re.compile(r"Sent\s*1"), timeout=15_000)
    assert page.evaluate("document.activeElement.textContent") == "Pause"
    send(RECIPIENTS)
    expect(page.locator(".mailing-standing")).to_contain_text("Done", timeout=15_000)
    # The button is gone; the focus is where it was.
    assert page.evaluate("document.activeElement.className") == "mailing-state"
    assert violations(page) == []


def test_an_article_is_previewed_and_tried_out_before_its_publication(desk, mailing, smtp_sink):
    article = approved_article(title="Ten years of registries")
    page = desk(f"/admin/articles/article/{article.pk}/change/", group="Editors")
    page.get_by_role("link", name="Preview the e-mail").click()
    expect(page.get_by_text("5 readers would get this e-mail at once")).to_be_visible()
    wide, phone = (page.frame_locator(f"iframe >> nth={number}") for number in (0, 1))
    for frame in (wide, phone):
        expect(frame.get_by_role("heading", level=1)).to_have_text("Ten years of registries")
    assert 320 <= page.locator("iframe").nth(1).evaluate("frame => frame.clientWidth") <= 390
    background = "body => getComputedStyle(body).backgroundColor"
    assert wide.locator("body").evaluate(background) == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    assert wide.locator("body").evaluate(background) == "rgb(17, 25, 30)"
    expect(page.get_by_role("region", name="As plain text").last).to_contain_text(
        "Ten years of registries"
    )
    has_no_sideways_scroll(page)
    page.get_by_role("button", name="Send a test to").click()
    expect(page.get_by_text("One test is on its way")).to_be_visible()
    deliver_everything_due()
    [received] = smtp_sink.received
    assert received.message["Subject"] == "[Test] New article: Ten years of registries"


def test_what_is_unknown_is_settled_by_hand(desk, mailing):
    now = timezone.now()
    Mailing.objects.update(approved_at=now)
    Delivery.objects.update(state="unknown", attempts=1, started_at=now, finished_at=now)
    page = desk(page_of(mailing))
    page.get_by_role("link", name="Settle what is unknown…").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("[data-error-summary]")).to_be_focused()
    assert page.title().startswith("Error:")
    assert violations(page) == []
    page.get_by_role("link", name="Choose what you know.").click()
    expect(page.get_by_role("radio").first).to_be_focused()
    page.get_by_label("It arrived", exact=True).check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("This is said of each of 5 messages.")).to_be_visible()
    page.get_by_role("button", name="Yes, settle it so").click()
    expect(row(page, "Sent")).to_contain_text("5")
    assert set(Delivery.objects.values_list("state", "resolution")) == {("sent", "hand")}
