"""A person declares on a phone, with and without JavaScript, from the link in the mail."""

import datetime

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from portal.people.models import Disclosure
from portal.people.requests import disclosure_path
from tests.axe import violations
from tests.factories import DisclosureRequestFactory, UserFactory

from .test_figures import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PHONE = {"width": 320, "height": 640}


@pytest.mark.parametrize("has_script", [True, False])
def test_a_person_declares_two_relationships_on_a_phone(open_page, has_script):
    request = DisclosureRequestFactory(person__name="Dr A. Author")
    page = open_page(viewport=PHONE, java_script_enabled=has_script)
    page.goto(disclosure_path(request.pk))
    expect(page.get_by_role("radio", checked=True)).to_have_count(0)
    page.get_by_role("radio", name="I have relationships to disclose").check()
    first = page.get_by_role("group", name="Relationship 1")
    first.get_by_label("Company").fill("Placebo Ltd")
    first.get_by_label("Nature").select_option("honoraria")
    first.get_by_label("From").fill("2025-03-01")

    # Another row: nothing is lost, nothing is complained of, and typing goes on where it is.
    page.get_by_role("button", name="Add another relationship").click()
    second = page.get_by_role("group", name="Relationship 2")
    expect(second.get_by_label("Company")).to_be_focused()
    expect(first.get_by_label("Company")).to_have_value("Placebo Ltd")
    expect(first.get_by_label("From")).to_have_value("2025-03-01")
    expect(page.get_by_role("radio", name="I have relationships to disclose")).to_be_checked()
    expect(page.get_by_text("There is a problem")).to_have_count(0)
    second.get_by_label("Company").fill("Fictitious Devices")
    second.get_by_label("Nature").select_option("research")
    second.get_by_label("From").fill("2020-01-01")
    second.get_by_label("Still going on").check()

    # Enter sends the form; it does not press the button that removes a row.
    second.get_by_label("Company").press("Enter")
    summary = page.get_by_role("alert")
    expect(summary.get_by_role("link")).to_have_text(
        [
            "Relationship 1, To: Enter a day, or say that it is still going on.",
            "Confirm your declaration with this box.",
        ]
    )
    expect(page).to_have_title("Error: Your financial relationships · Lymphoma Education Hub")
    if has_script:
        expect(summary).to_be_focused()
        assert page.evaluate(SIDEWAYS) <= 0
        assert violations(page) == []
    summary.get_by_role("link", name="Relationship 1, To").click()
    expect(first.get_by_label("To", exact=True)).to_be_in_viewport()
    first.get_by_label("Still going on").check()
    page.get_by_role("checkbox", name="This is complete").check()
    page.get_by_role("button", name="Send my declaration").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you for your declaration")
    expect(page.locator("main li")).to_have_text(
        [
            "Fictitious Devices: research funding, since 1 January 2020",
            "Placebo Ltd: honoraria, since 1 March 2025",
        ]
    )
    disclosure = Disclosure.objects.get()
    assert disclosure.person == request.person
    assert disclosure.relationships.count() == 2
    page.goto(disclosure_path(request.pk))
    expect(page.get_by_role("heading", level=1)).to_have_text("This link has been used")


@pytest.mark.parametrize("has_script", [True, False])
def test_a_person_declares_nothing_and_sends_it_twice(open_page, has_script):
    request = DisclosureRequestFactory()
    page = open_page(viewport=PHONE, java_script_enabled=has_script)
    page.goto(disclosure_path(request.pk))
    page.get_by_role("radio", name="I have nothing to disclose").check()
    page.get_by_role("checkbox", name="This is complete").check()
    page.get_by_role("button", name="Send my declaration").dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you for your declaration")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you for your declaration")
    assert Disclosure.objects.get().has_none is True


def test_a_row_that_is_one_too_many_is_removed(open_page):
    page = open_page(viewport=PHONE, java_script_enabled=False)
    page.goto(disclosure_path(DisclosureRequestFactory().pk))
    page.get_by_label("Company").fill("Placebo Ltd")
    page.get_by_role("button", name="Add another relationship").click()
    page.get_by_role("button", name="Remove relationship 2").click()
    expect(page.get_by_role("group", name="Relationship 2")).to_have_count(0)
    expect(page.get_by_label("Company")).to_have_value("Placebo Ltd")


def test_an_editor_asks_and_records_one_on_paper(open_page):
    person = DisclosureRequestFactory(
        person__email="author@hospital.example",
        created_at=timezone.now() - datetime.timedelta(days=20),
    ).person
    page = open_page()
    sign_in(page, UserFactory(group="Editors"))
    page.goto(f"/admin/people/person/{person.pk}/change/")
    page.get_by_role("link", name="Ask for a disclosure").click()
    page.get_by_role("button", name="Send the request").click()
    expect(page.get_by_text("The request is on its way.")).to_be_visible()
    expect(page.get_by_role("cell", name="waits to be sent")).to_be_visible()
    expect(page.get_by_role("cell", name="expired without an answer")).to_be_visible()
    page.get_by_role("link", name="Record one given on paper").click()
    page.get_by_role("textbox", name="Company").fill("Placebo Ltd")
    page.get_by_role("combobox", name="Nature").select_option("honoraria")
    page.get_by_role("checkbox", name="Declares no relevant").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="and relationships exclude each other")).to_be_visible()
    page.get_by_role("checkbox", name="Declares no relevant").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("rowheader", name=person.name)).to_be_visible()
    disclosure = Disclosure.objects.get()
    assert (disclosure.person, disclosure.relationships.get().company) == (person, "Placebo Ltd")
