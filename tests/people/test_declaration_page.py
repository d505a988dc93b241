"""The page that a request's link opens: what it takes, what it refuses and what it keeps."""

import datetime
import html
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.core.signing import Signer
from django.db import connection
from django.test import Client

from portal.core.models import SiteSettings
from portal.people.forms import FIELDS
from portal.people.models import Disclosure, DisclosureRequest, FinancialRelationship
from portal.people.requests import disclosure_path
from tests.factories import DisclosureRequestFactory

pytestmark = pytest.mark.django_db

NOW = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)
HONORARIA = {
    "company": "Placebo Ltd",
    "nature": "honoraria",
    "starts_on": "2025-03-01",
    "is_ongoing": "on",
}
NONE = {"answer": "none", "is_confirmed": "on"}


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW):
        yield


@pytest.fixture
def link():
    return DisclosureRequestFactory(person__name="Dr A. Author")


def some(*rows, **fields):
    """What the form sends for these rows."""
    data = {
        "answer": "some",
        "is_confirmed": "on",
        "relationships-TOTAL_FORMS": str(len(rows)),
        "relationships-INITIAL_FORMS": "0",
    }
    for number, row in enumerate(rows):
        data |= {f"relationships-{number}-{name}": value for name, value in row.items()}
    return data | fields


def none(**fields):
    return some({}, **NONE) | fields


def post(client, link, data):
    return client.post(disclosure_path(link.pk), data)


def errors(response):
    """Return the error summary's lines as (anchor, text)."""
    page = response.content.decode()
    summary = page.partition('class="error-summary"')[2].partition("</div>")[0]
    found = re.findall(r'<a href="#([^"]+)">(.*?)</a>', summary, re.DOTALL)
    for anchor, _text in found:
        assert f'id="{anchor}"' in page
    return [(anchor, html.unescape(text)) for anchor, text in found]


# --- showing --------------------------------------------------------------------------------------


def test_anybody_with_the_link_sees_the_form_and_looking_changes_nothing(client, link):
    for method in (client.get, client.head, client.get):
        response = method(disclosure_path(link.pk))
        assert response.status_code == 200
    page = response.content.decode()
    assert "A declaration by Dr A. Author." in page
    assert "what ended on 24 November 2024 or later" in page
    assert "checked" not in page
    assert Disclosure.objects.count() == 0
    link.refresh_from_db()
    assert link.disclosure is None


def test_the_address_stays_secret(client, link):
    for response in (
        client.get(disclosure_path(link.pk)),
        post(client, link, {}),
        post(client, link, none()),
        client.get(disclosure_path(link.pk)),
    ):
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["X-Robots-Tag"] == "noindex"
        assert "no-store" in response["Cache-Control"]


def test_the_form_costs_the_same_for_one_and_for_three_rows(
    client, link, django_assert_num_queries, settings
):
    settings.CONTENT_STAMP_SECONDS = 3600
    client.get(disclosure_path(link.pk))
    with django_assert_num_queries(1):
        client.get(disclosure_path(link.pk))
    for rows in ([HONORARIA], [HONORARIA] * 3):
        with django_assert_num_queries(1):
            post(client, link, some(*rows, add="1"))


# --- declaring ------------------------------------------------------------------------------------


def test_none(client, link):
    response = post(client, link, none())
    assert response.status_code == 200
    page = response.content.decode()
    assert "This is what Dr A. Author declared on 24 November 2026. It is public." in " ".join(
        page.split()
    )
    assert "No relevant financial relationships." in page
    assert "good until 24 November 2027" in page
    disclosure = Disclosure.objects.get()
    assert (disclosure.has_none, disclosure.relationships.count()) == (True, 0)


def test_relationships(client, link):
    ended = {
        "company": "  Fictitious \t Devices  ",
        "nature": "research",
        "starts_on": "2020-01-01",
        "ends_on": "2024-11-24",
    }
    page = post(client, link, some(HONORARIA, {}, ended)).content.decode()
    assert "Placebo Ltd: honoraria" in page
    assert "since 1 March 2025" in page
    assert "1 January 2020 to 24 November 2024" in page
    link.refresh_from_db()
    rows = link.disclosure.relationships.order_by("company").values_list(
        "company", "nature", "starts_on", "ends_on"
    )
    assert list(rows) == [
        (
            "Fictitious Devices",
            "research",
            datetime.date(2020, 1, 1),
            datetime.date(2024, 11, 24),
        ),
        ("Placebo Ltd", "honoraria", datetime.date(2025, 3, 1), None),
    ]


def test_sending_it_again_shows_the_first_and_opening_it_again_says_so(client, link):
    post(client, link, some(HONORARIA))
    again = post(client, link, none())
    assert again.status_code == 200
    assert "Placebo Ltd" in again.content.decode()
    assert Disclosure.objects.count() == 1
    opened = client.get(disclosure_path(link.pk))
    assert opened.status_code == 410
    assert "This link has been used" in opened.content.decode()
    assert "Placebo Ltd" in opened.content.decode()


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_expired_link_says_whom_to_ask(client, link, method):
    SiteSettings.objects.update_or_create(pk=1, defaults={"contact_email": "desk@portal.example"})
    with time_machine.travel(NOW + datetime.timedelta(days=14)):
        response = getattr(client, method)(disclosure_path(link.pk), none())
    assert response.status_code == 410
    assert "This link has expired" in response.content.decode()
    assert 'href="mailto:desk@portal.example"' in response.content.decode()
    assert Disclosure.objects.count() == 0


@pytest.mark.parametrize("method", ["get", "post"])
def test_forged_links_are_unknown(client, link, method):
    token = disclosure_path(link.pk).split("/")[2]
    signature = token.partition(".")[2]
    other = Signer(salt="portal.people.other", sep=".").sign(str(link.pk))
    for forged in (f"{link.pk + 1}.{signature}", token[:-1], other, "guess", "9" * 5000):
        response = getattr(client, method)(f"/disclosures/{forged}/", none())
        assert response.status_code == 404
        assert "This link is not valid" in response.content.decode()
    assert Disclosure.objects.count() == 0


def test_the_link_of_somebody_who_was_deleted_is_unknown(client, link):
    path = disclosure_path(link.pk)
    link.person.delete()
    assert client.get(path).status_code == 404


def test_no_cookie_and_no_token_of_a_form_are_needed(link):
    assert post(Client(enforce_csrf_checks=True), link, none()).status_code == 200


# --- what is wrong --------------------------------------------------------------------------------


def test_an_empty_form_says_what_is_missing(client, link):
    response = post(client, link, some({}, answer="", is_confirmed=""))
    assert response.status_code == 400
    assert errors(response) == [
        ("id_answer_0", "Choose one of the two."),
        ("id_is_confirmed", "Confirm your declaration with this box."),
    ]
    assert "Error:" in response.content.decode().partition("</title>")[0]


EXCLUDE = "“Nothing to disclose” and relationships exclude each other."
MISSING = "Enter at least one relationship, or declare that there is none."


@pytest.mark.parametrize(
    ("data", "message"), [(some(HONORARIA, answer="none"), EXCLUDE), (some({}), MISSING)]
)
def test_the_answer_and_the_rows_must_agree(client, link, data, message):
    response = post(client, link, data)
    assert errors(response) == [("id_answer_0", message)]
    assert Disclosure.objects.count() == 0


LATER = "This is after the day of the declaration."
GOES_ON = f"{LATER} Say that the relationship goes on."
LONG_AGO = "It ended more than 24 months before the declaration: leave this relationship out."


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"company": ""}, "company", "Enter the company."),
        ({"company": "x" * 201}, "company", None),
        ({"nature": ""}, "nature", "Choose the nature of the relationship."),
        ({"nature": "bribery"}, "nature", None),
        ({"starts_on": ""}, "starts_on", "Enter the day on which it began."),
        ({"starts_on": "0025-03-01"}, "starts_on", "Check the year."),
        ({"starts_on": "2026-11-25"}, "starts_on", LATER),
        ({"starts_on": "99999-01-01"}, "starts_on", None),
        ({"starts_on": "2025-02-30"}, "starts_on", None),
        (
            {"is_ongoing": ""},
            "ends_on",
            "Enter a day, or say that it is still going on.",
        ),
        (
            {"ends_on": "2025-06-01"},
            "ends_on",
            "Either enter a day, or say that it is still going on.",
        ),
        ({"is_ongoing": "", "ends_on": "2026-11-25"}, "ends_on", GOES_ON),
        (
            {"is_ongoing": "", "ends_on": "2025-02-28"},
            "ends_on",
            "The relationship ends before it begins.",
        ),
        (
            {"is_ongoing": "", "starts_on": "2020-01-01", "ends_on": "2024-11-23"},
            "ends_on",
            LONG_AGO,
        ),
        ({"is_ongoing": "", "ends_on": "yesterday"}, "ends_on", None),
    ],
)
def test_a_wrong_row_keeps_what_was_typed(client, link, changes, field, message):
    row = HONORARIA | changes
    response = post(client, link, some(HONORARIA, row))
    assert response.status_code == 400
    ((anchor, text),) = errors(response)
    assert anchor == f"id_relationships-1-{field}"
    assert text.startswith("Relationship 2, ")
    assert message is None or text.endswith(f": {message}")
    page = html.unescape(response.content.decode())
    for name in ("company", "starts_on", "ends_on"):
        if value := row.get(name):
            assert f'value="{value}"' in page
    assert Disclosure.objects.count() == 0


def test_rows_come_and_go_without_a_script_and_unchecked(client, link):
    half = {"company": "<b>Half</b> & Co", "starts_on": "2025-03-01"}
    response = post(client, link, some(half, HONORARIA, answer="some", add="1"))
    assert response.status_code == 200
    page = response.content.decode()
    assert errors(response) == []
    assert 'name="relationships-TOTAL_FORMS" value="3"' in page
    assert 'value="&lt;b&gt;Half&lt;/b&gt; &amp; Co"' in page
    assert page.count("autofocus") == 1
    assert re.search(r'id="id_relationships-2-company"[^>]*', page)
    removed = post(client, link, some(half, HONORARIA, remove="0")).content.decode()
    assert 'name="relationships-TOTAL_FORMS" value="1"' in removed
    assert "Placebo Ltd" in removed
    assert "Half" not in removed
    assert Disclosure.objects.count() == 0


def test_a_shown_row_can_be_sent(client, link):
    """What the page of "add" holds is itself a valid form: its empty row counts for nothing."""
    page = post(client, link, some(HONORARIA, add="1")).content.decode()
    assert 'name="relationships-INITIAL_FORMS" value="0"' in page
    assert post(client, link, some(HONORARIA, {})).status_code == 200
    assert FinancialRelationship.objects.count() == 1


def test_there_is_room_for_fifty(client, link):
    page = post(client, link, some(*[HONORARIA] * 50, add="1")).content.decode()
    assert 'name="relationships-TOTAL_FORMS" value="50"' in page
    assert "There is room for 50." in page
    response = post(client, link, some(*[HONORARIA] * 51))
    assert response.status_code == 400
    assert [anchor for anchor, _text in errors(response)] == ["relationships"]
    assert post(client, link, some(*[HONORARIA] * 50)).status_code == 200
    assert FinancialRelationship.objects.count() == 50


@pytest.mark.parametrize("total", ["", "x", "-1", "9" * 5000, "1e3", "1000000"])
@pytest.mark.parametrize("button", [{}, {"add": "1"}, {"remove": "9" * 5000}, {"remove": "x"}])
def test_a_forged_number_of_rows_is_no_flood(client, link, total, button):
    data = some(HONORARIA) | {"relationships-TOTAL_FORMS": total} | button
    response = post(client, link, data)
    assert response.status_code == (200 if button else 400)
    assert len(response.content) < 300_000
    assert Disclosure.objects.count() == 0


def test_a_flood_of_fields_is_refused_before_it_is_read(client, link, settings):
    limit = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    data = {f"relationships-{number}-company": "x" for number in range(limit + 1)}
    assert post(client, link, data).status_code == 400


def test_forged_initial_rows_change_nothing(client, link):
    data = some(HONORARIA) | {"relationships-INITIAL_FORMS": "40"}
    assert post(client, link, data).status_code == 200
    assert FinancialRelationship.objects.count() == 1


@pytest.mark.parametrize("field", FIELDS)
def test_nul_is_refused(client, link, field):
    assert post(client, link, some(HONORARIA | {field: "a\0b"})).status_code == 400
    assert Disclosure.objects.count() == 0


def test_an_unconfirmed_declaration_is_none(client, link):
    response = post(client, link, some(HONORARIA, is_confirmed=""))
    assert response.status_code == 400
    assert Disclosure.objects.count() == 0


def test_one_link_never_speaks_for_another(client, link):
    other = DisclosureRequestFactory()
    post(client, link, none(person=other.person.pk, request=other.pk))
    assert Disclosure.objects.get().person == link.person
    assert DisclosureRequest.objects.get(disclosure=None) == other


@pytest.mark.django_db(transaction=True)
def test_eight_clients_at_once_declare_once():
    link = DisclosureRequestFactory()

    def send(number):
        try:
            row = HONORARIA | {"company": f"Company {number}"}
            return post(Client(), link, some(row)).content.decode()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(send, range(8)))
    assert Disclosure.objects.count() == 1
    company = FinancialRelationship.objects.get().company
    assert all(f"{company}: honoraria" in page for page in pages)


def test_leap_days_count_from_the_28th(client):
    with time_machine.travel(datetime.datetime(2028, 2, 29, 12, tzinfo=datetime.UTC)):
        link = DisclosureRequestFactory()
        page = client.get(disclosure_path(link.pk)).content.decode()
        assert "what ended on 28 February 2026 or later" in page
        row = HONORARIA | {"is_ongoing": "", "ends_on": "2026-02-28"}
        assert post(client, link, some(row)).status_code == 200
