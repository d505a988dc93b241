"""What readers choose about updates by e-mail, in a real browser, and without a script."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from portal.mail.models import Mailing, Subscriber
from portal.updates.choices import Manner, manner_of
from portal.updates.models import TopicSubscription
from portal.updates.tokens import preferences_url, unsubscribe_url
from tests.factories import SubscriberFactory, TopicFactory

pytestmark = pytest.mark.django_db(transaction=True)

BOTH = pytest.mark.parametrize("has_javascript", [True, False], ids=["js", "no-js"])
TOKYO = {"timezone_id": "Asia/Tokyo"}


def link_in_the_mail() -> str:
    (url,) = re.findall(r"http\S+/updates/\S+", Mailing.objects.latest("pk").text)
    return str(url)


def press_tab_until(page: Page, selector: str) -> None:
    """Reach ``selector`` with the keyboard alone."""
    for _stop in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never came to {selector}")


@BOTH
def test_subscribing_with_the_keyboard(open_page, has_javascript):
    topic = TopicFactory(name="Lymphoma")
    page = open_page(java_script_enabled=has_javascript, **TOKYO)
    page.goto("/updates/")
    expect(page.get_by_label("On which day?")).to_be_hidden()
    expect(page.get_by_label("Time zone")).to_be_hidden()
    press_tab_until(page, "#id_email")
    page.keyboard.type("anna@hospital.example")
    press_tab_until(page, "[name=topics]")
    page.keyboard.press("Space")
    press_tab_until(page, "[name=frequency]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("On which day?")).to_be_visible()
    press_tab_until(page, "#id_weekday")
    page.keyboard.type("Th")
    press_tab_until(page, "summary:not(.menu summary)")
    page.keyboard.press("Enter")
    # A script guesses what it can; without one it is the site's own until somebody says otherwise.
    zone = "Asia/Tokyo" if has_javascript else ""
    expect(page.get_by_label("Time zone")).to_be_visible()
    expect(page.get_by_label("Time zone")).to_have_value(zone)
    press_tab_until(page, "#id_consent")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your mail")

    page.goto(link_in_the_mail())
    expect(page.get_by_text("on Thursday")).to_be_visible()
    press_tab_until(page, "main button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed")
    subscriber = Subscriber.objects.get()
    assert manner_of(subscriber) == Manner("weekly", 4, "en-gb", zone)
    assert TopicSubscription.objects.get().topic == topic


def test_the_script_takes_no_choice_back(open_page):
    page = open_page(**TOKYO)
    page.goto("/updates/")
    page.locator("main summary").click()
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.locator("main summary").click()
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")


@BOTH
def test_choosing_pausing_leaving_and_coming_back(open_page, settings, has_javascript):
    subscriber = SubscriberFactory(email="anna@hospital.example")
    TopicFactory(name="Lymphoma")
    page = open_page(java_script_enabled=has_javascript, viewport={"width": 320, "height": 700})
    page.goto(preferences_url(subscriber))
    assert subscriber.email not in page.content()

    page.get_by_role("radio", name=re.compile("Daily")).check()
    page.get_by_role("checkbox", name="Lymphoma").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved")
    expect(page.get_by_role("radio", name=re.compile("Daily"))).to_be_checked()
    expect(page.get_by_role("checkbox", name="Lymphoma")).to_be_checked()

    # Enter in a field saves; it does not press the first button of a pause.
    page.get_by_label("No e-mails before").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Saved")
    assert Subscriber.objects.get().paused_until is None

    page.get_by_role("button", name="Pause for 2 weeks").click()
    expect(page.get_by_text("Paused: no updates before")).to_be_visible()
    assert Subscriber.objects.get().paused_until is not None
    page.get_by_role("button", name="Go on now").click()
    expect(page.get_by_role("status")).to_contain_text("The pause is over")
    assert Subscriber.objects.get().paused_until is None

    page.get_by_role("button", name="Pause until this day").click()
    field = page.get_by_label("No e-mails before")
    if has_javascript:
        expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_role("alert").get_by_role("link").click()
    expect(field).to_be_focused()

    page.get_by_role("button", name="Unsubscribe from all").click()
    expect(page.get_by_role("status")).to_contain_text("You are unsubscribed")
    assert not subscriber.consents_to("article_updates")
    page.get_by_role("checkbox", name=re.compile("E-mail me when")).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("You are not subscribed")).to_have_count(0)
    assert subscriber.consents_to("article_updates")


@BOTH
def test_the_link_to_leave_offers_less_and_a_way_back(open_page, has_javascript):
    subscriber = SubscriberFactory(email="anna@hospital.example")
    page = open_page(java_script_enabled=has_javascript)
    page.goto(unsubscribe_url(subscriber))
    page.get_by_role("link", name=re.compile("less often")).click()
    assert urlsplit(page.url).fragment == "frequency"
    expect(page.get_by_role("heading", name="How often")).to_be_in_viewport()
    page.go_back()
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are unsubscribed")
    assert not subscriber.consents_to("article_updates")
    page.get_by_role("button", name="Yes, send them again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed")
    assert subscriber.consents_to("article_updates")
