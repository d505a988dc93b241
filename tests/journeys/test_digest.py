"""From subscribing to a digest, read where mail is read: paused, resumed, unsubscribed.

Real mail by SMTP into the mailbox that `make run` shows; the reader clicks what stands in it.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import F
from playwright.sync_api import Browser, FrameLocator, Page, expect

from portal.core.local.mailbox import Mailbox
from portal.mail.worker import deliver_everything_due
from portal.updates.models import UpdateFrequency
from portal.updates.tasks import plan_digests
from tests.factories import published_article

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "anna@hospital.example"


@pytest.fixture
def mailbox(settings: Any, tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path / "mail") as box:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.smtp_port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield box


def place_where_it_is_day() -> str:
    """Return a time zone where digests may go out now, and will for some time."""
    zones = ("Europe/London", "Asia/Tokyo", "America/New_York", "Pacific/Auckland")
    return next(zone for zone in zones if 8 <= datetime.now(ZoneInfo(zone)).hour < 22)


@pytest.fixture
def mail_page(browser: Browser) -> Iterator[Page]:
    """A window for the mail alone: it shows what comes without scripts, and complains of ours."""
    context = browser.new_context(locale="en-GB")
    yield context.new_page()
    context.close()


def read_mail(page: Page, mailbox: Mailbox, subject: str) -> FrameLocator:
    """Open the newest mail of this subject; return its HTML part."""
    page.goto(f"http://localhost:{mailbox.http_port}/")
    page.get_by_role("link", name=subject).first.click()
    return page.frame_locator("iframe")


def follow(mail: FrameLocator, name: str, page: Page) -> Page:
    """Open the mail's link of this name in another tab of the reader's browser."""
    address = mail.get_by_role("link", name=name).first.get_attribute("href")
    tab = page.context.new_page()
    tab.goto(str(address))
    return tab


def mails(mailbox: Mailbox) -> int:
    """Send what is due; return how many mails have come in all."""
    plan_digests()
    deliver_everything_due()
    return len(mailbox.mails.identifiers())


def let_a_day_pass() -> None:
    UpdateFrequency.objects.update(digest_on=F("digest_on") - timedelta(days=1))


@pytest.mark.parametrize("has_javascript", [True, False], ids=["js", "no-js"])
def test_read_a_digest_pause_resume_unsubscribe(open_page, mailbox, mail_page, has_javascript):
    page = open_page(java_script_enabled=has_javascript, locale="en-GB")
    page.goto("/updates/")
    page.get_by_label("E-mail address").fill(ADDRESS)
    page.get_by_label("Daily").check()
    page.locator("summary", has_text="Time zone").click()
    page.get_by_label("Time zone").select_option(place_where_it_is_day())
    page.get_by_label(re.compile("E-mail me when a new article")).check()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your mail")
    assert mails(mailbox) == 1

    confirming = follow(read_mail(mail_page, mailbox, "Please confirm"), "Confirm", page)
    confirming.get_by_role("button", name="Yes, send me updates").click()
    expect(confirming.get_by_role("heading", level=1)).to_have_text("You are subscribed")

    # Two articles, one mail, in the reader's own day; nothing at once.
    published_article(title="Late failure after CAR T-cell therapy")
    published_article(title="What a hazard ratio hides")
    deliver_everything_due()
    assert len(mailbox.mails.identifiers()) == 1
    assert mails(mailbox) == 2
    assert mails(mailbox) == 2
    digest = read_mail(mail_page, mailbox, "2 new articles")
    for title in ("Late failure after CAR T-cell therapy", "What a hazard ratio hides"):
        expect(digest.get_by_role("link", name=title).first).to_be_visible()
    article = follow(digest, "What a hazard ratio hides", page)
    expect(article.get_by_role("link", name="Continue to the declaration")).to_be_visible()

    # Paused: another article, another day, no mail.
    choices = follow(digest, "Choose topics and how often", page)
    choices.get_by_role("button", name="Pause for 2 weeks").click()
    expect(choices.get_by_text("Paused: no updates before")).to_be_visible()
    published_article(title="Reading a survival curve")
    let_a_day_pass()
    assert mails(mailbox) == 2

    # Resumed: what came meanwhile is told.
    choices.get_by_role("button", name="Go on now").click()
    expect(choices.get_by_text("The pause is over")).to_be_visible()
    let_a_day_pass()
    assert mails(mailbox) == 3
    digest = read_mail(mail_page, mailbox, "Reading a survival curve")

    # The way out, from this mail: opening the link changes nothing, the button does.
    leaving = follow(digest, "Unsubscribe", page)
    published_article(title="Intervals")
    let_a_day_pass()
    assert mails(mailbox) == 4
    leaving.get_by_role("button", name="Unsubscribe").first.click()
    expect(leaving.get_by_role("heading", level=1)).to_have_text("You are unsubscribed")
    published_article(title="Progression-free survival")
    let_a_day_pass()
    assert mails(mailbox) == 4
