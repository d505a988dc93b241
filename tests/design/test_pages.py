"""The pages that every visitor may meet: gate, way out, funders, plain pages, errors, accounts."""

import datetime
import re
from html.parser import HTMLParser

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import reverse

from portal.attestation.models import current_statement
from portal.core import admin_site
from portal.core.content_cache import memory
from portal.core.models import Page, SiteSettings
from portal.core.views import bad_request, csrf_failure, server_error
from tests.factories import AgreementFactory, UserFactory

GATE = "/healthcare-professionals/"


class Outline(HTMLParser):
    """Headings in order, ids, what labels and aria attributes point at, landmarks."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.ids: list[str] = []
        self.pointers: set[str] = set()
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        if tag in {"h1", "h2", "h3", "h4", "h5", "h6"}:
            self.levels.append(int(tag[1]))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        for name in ("for", "aria-labelledby", "aria-describedby"):
            self.pointers |= set((attributes.get(name) or "").split())
        if attributes.get("href", "").startswith("#"):
            self.pointers.add(attributes["href"][1:])


def check_outline(html: str) -> None:
    page = Outline(html)
    assert page.levels.count(1) == 1
    for before, after in zip(page.levels, page.levels[1:], strict=False):
        assert after <= before + 1, page.levels
    assert len(page.ids) == len(set(page.ids)), "an id twice"
    assert page.pointers <= set(page.ids)
    assert page.tags.count("main") == 1


@pytest.fixture
def content(db):
    SiteSettings.objects.create(contact_email="editors@example.org", publisher_name="A & B")
    Page.objects.create(slug="about", title="About <us>", body="<p>Text</p><h2>Part</h2>")
    AgreementFactory(
        funder__name="Aldermoor", starts_on=datetime.date(2025, 12, 1), funder__country="GB"
    )
    AgreementFactory(
        funder__name="Brightwater",
        starts_on=datetime.date(2020, 1, 1),
        ends_on=datetime.date(2020, 12, 31),
        is_site_wide=False,
    )
    memory.forget()


@pytest.mark.parametrize(
    "address",
    [
        GATE,
        "/patients/",
        "/funders/",
        "/pages/about/",
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/password/reset/",
        "/accounts/password/reset/done/",
        "/accounts/password/reset/key/done/",
        "/accounts/confirm-email/",
        "/accounts/confirm-email/wrong/",
        "/accounts/password/reset/key/1-wrong/",
        "/accounts/inactive/",
        "/nothing-here/",
    ],
)
def test_public_page_is_well_made(client, content, address):
    response = client.get(address)
    html = response.content.decode()
    check_outline(html)
    title = html[html.index("<title>") + 7 : html.index("</title>")]
    assert title.strip().endswith("· Lymphoma Education Hub")
    assert len(title.strip()) > len("· Lymphoma Education Hub")
    assert 'href="#main"' in html
    assert "sponsored by Aldermoor" in html
    # The page of the funders does not lead to itself.
    assert (f'href="{reverse("funder_list")}"' in html) == (address != reverse("funder_list"))
    assert "editors@example.org" in html
    assert "Published by A &amp; B" in html


@pytest.mark.parametrize(
    "address", ["/accounts/email/", "/accounts/password/change/", "/accounts/logout/"]
)
def test_account_page_is_well_made(client, content, address):
    client.force_login(UserFactory())
    response = client.get(address, follow=True)
    check_outline(response.content.decode())


def test_title_of_the_page_is_escaped(client, content):
    html = client.get("/pages/about/").content.decode()
    assert "About &lt;us&gt;" in html
    assert "<p>Text</p>" in html


def test_gate_asks_why_and_preselects_nothing(client, db):
    html = client.get(GATE).content.decode()
    form = html[html.index('<form class="form form--wide"') : html.index("</main>")]
    assert current_statement().introduction in html
    assert current_statement().text in form
    assert "checked" not in form
    # The empty choice of three optional questions and nothing else.
    assert form.count("selected") == form.count('<option value="" selected>Prefer not to say') == 3
    assert form.index("Continue") < form.index("I am not a healthcare professional")


def test_gate_in_error_names_it_in_title_summary_and_field(client, db):
    html = client.post(GATE, {"statement": current_statement().number}).content.decode()
    check_outline(html)
    assert "<title>\n  Error:" in html.replace("<title>Error:", "<title>\n  Error:")
    summary = html[html.index("data-error-summary") : html.index('<form class="form form--wide"')]
    assert 'href="#id_is_healthcare_professional"' in summary
    box = html[html.index('id="id_is_healthcare_professional"') - 200 :][:500]
    assert 'aria-invalid="true"' in box
    assert 'aria-describedby="id_is_healthcare_professional_error"' in box


def test_way_out_names_the_patient_organisation(client, db):
    SiteSettings.objects.create(
        patient_organisation_name="Friends & Family",
        patient_organisation_url="https://friends.example/",
    )
    html = client.get("/patients/").content.decode()
    assert "Go to Friends &amp; Family" in html
    assert 'href="https://friends.example/"' in html


def test_funders_page_tells_kind_level_and_period(client, content):
    html = client.get("/funders/").content.decode()
    now, before = html.split("Earlier funders")
    assert "Aldermoor" in now
    assert '<th role="columnheader" scope="col">Since</th>' in now
    assert re.search(r'<td role="cell" data-label="Since">\s*<div>\s*1 December 2025\s*</div>', now)
    assert "United Kingdom" in now
    assert "Brightwater" in before
    assert "1 January 2020 to 31 December 2020" in before
    assert "for named articles" in before
    assert "<img" not in html


def test_funders_page_without_funders(client, db):
    html = client.get("/funders/").content.decode()
    check_outline(html)
    assert "No company funds the site at present." in html


@pytest.mark.parametrize("count", [1, 3])
def test_funders_page_costs_nothing_when_warm(
    client, db, settings, django_assert_num_queries, count
):
    # On a busy machine more than a second passes between two requests.
    settings.CONTENT_STAMP_SECONDS = 60
    for _ in range(count):
        AgreementFactory()
    memory.forget()
    client.get("/funders/")
    with django_assert_num_queries(0):
        client.get("/funders/")


def test_other_pages_cost_nothing_when_warm(client, content, settings, django_assert_num_queries):
    settings.CONTENT_STAMP_SECONDS = 60
    for address, queries in (
        (GATE, 0),
        ("/patients/", 0),
        ("/pages/about/", 1),
        ("/accounts/login/", 0),
    ):
        client.get(address)
        with django_assert_num_queries(queries):
            client.get(address)


def test_reader_can_make_the_browser_forget(client, db):
    assert reverse("forget_attestation") not in client.get("/patients/").content.decode()
    client.post(GATE, {"is_healthcare_professional": "on", "statement": current_statement().number})
    assert reverse("forget_attestation") in client.get("/patients/").content.decode()


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 500, 503])
def test_error_page_stands_alone(status, django_assert_num_queries):
    """Rendered without request, context and database: what is away must not be asked."""
    html = render_to_string(f"{status}.html")
    check_outline(html)
    assert f"Error {status}" in html
    assert "None" not in html


@pytest.mark.parametrize("status", [403, 404])
def test_error_page_in_the_frame(content, status):
    html = render_to_string(f"{status}.html", request=RequestFactory().get("/x/"))
    check_outline(html)
    assert f"Error {status}" in html
    assert "sponsored by Aldermoor" in html


def test_views_of_errors_use_these_pages(content):
    request = RequestFactory().post("/x/")
    assert bad_request(request, ValueError()).status_code == 400
    assert server_error(request).status_code == 500
    refused = csrf_failure(request, reason="no cookie")
    assert refused.status_code == 403
    assert b"Please send the form again" in refused.content


# --- the desk -------------------------------------------------------------------------------------


def test_start_page_shows_what_needs_doing_above_the_apps(client, content):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    html = client.get(reverse("admin:index"), follow=True).content.decode()
    assert "What needs doing" in html
    assert "Lymphoma Education Hub" in html
    assert "css/desk.css" in html


def test_panels_are_listed_with_links_and_notes(client, db, monkeypatch):
    panels = [
        {
            "title": "Drafts",
            "items": [{"label": "A <draft>", "url": "/a/", "note": "2 blocks"}],
            "empty": "None",
        },
        {"title": "Feedback", "items": [], "empty": "Nothing new."},
        None,  # a panel that this person may not see
    ]
    monkeypatch.setattr(
        admin_site, "_panels", [lambda request, panel=panel: panel for panel in panels]
    )
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    html = client.get(reverse("admin:index"), follow=True).content.decode()
    assert '<a href="/a/">A &lt;draft&gt;</a>' in html
    assert "2 blocks" in html
    assert "Nothing new." in html
    assert html.count('class="panel"') == 2
    assert html.index("Nothing new.") < html.index('id="content-related"')
