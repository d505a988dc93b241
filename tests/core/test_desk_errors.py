"""Forms of the desk that come back: what is wrong stands first, each a link to its field."""

import re

import pytest
from django.urls import reverse

from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

MISSING = "This field is required."
INLINES = ("disclosures", "disclosure_requests", "former_names", "trade_names", "product_sites")
NO_ROWS = {
    f"{inline}-{what}": "0" for inline in INLINES for what in ("TOTAL_FORMS", "INITIAL_FORMS")
}


@pytest.fixture
def desk(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def summary(html: str) -> list[tuple[str, str]]:
    """Return where each line of the summary leads, and its words."""
    [box] = re.findall(r"data-error-summary>.*?</ul>", html, re.DOTALL)
    lines = re.findall(r"<li>(.*?)</li>", box, re.DOTALL)
    found = [re.fullmatch(r'(?:<a href="(.*?)">)?(.*?)(?:</a>)?', line.strip()) for line in lines]
    return [(line[1] or "", line[2]) for line in found if line]


def title(html: str) -> str:
    [found] = re.findall(r"<title>(.*?)</title>", html, re.DOTALL)
    return found.strip()


def test_field_that_is_missing(desk):
    html = desk.post(reverse("admin:people_person_add"), NO_ROWS).content.decode()
    assert summary(html) == [
        ("#id_name", f"Name: {MISSING}"),
        ("#id_slug", f"Address: {MISSING}"),
    ]
    assert title(html).startswith("Error: Add person")
    # Django's script would take the focus away from the summary.
    assert "django-admin-form-add-constants" not in html


def test_field_of_a_row(desk):
    rows = NO_ROWS | {"former_names-TOTAL_FORMS": "1", "former_names-0-name": "Elm"}
    answer = desk.post(reverse("admin:funders_funder_add"), {"name": "Elmbridge", **rows})
    lines = summary(answer.content.decode())
    assert (
        "#id_former_names-0-last_day",
        f"Former name 1: Last day of this name: {MISSING}",
    ) in lines


def test_number_of_rows_that_nobody_could_have_sent(desk):
    answer = desk.post(reverse("admin:funders_funder_add"), {"name": "Elmbridge"})
    [(address, line)] = [
        found for found in summary(answer.content.decode()) if found[1].startswith("Former names")
    ]
    assert address == "#former_names-heading"
    assert "ManagementForm" in line


def test_password(desk):
    html = desk.post(reverse("admin:password_change"), {}).content.decode()
    assert ("#id_old_password", f"Old password: {MISSING}") in summary(html)
    assert title(html).startswith("Error:")


def test_form_that_has_not_come_back_has_no_summary(desk):
    html = desk.get(reverse("admin:people_person_add")).content.decode()
    assert "data-error-summary" not in html
    assert "django-admin-form-add-constants" in html
    assert "hidden_fields" not in html
