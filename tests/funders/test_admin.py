"""The funders' desk."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.funders.models import Funder
from portal.funders.periods import gaps, overlaps
from tests.factories import (
    AgreementFactory,
    FunderFactory,
    PublishableArticleFactory,
    publish,
)

from .desk_forms import change, day, errors, funder_form

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7\n%%EOF"


# --- funders --------------------------------------------------------------------------------------


def test_a_website_without_a_scheme_is_taken_for_a_secure_one(staff):
    form = funder_form(name="Imaginary Therapeutics", website="imaginary.example")
    assert staff.post(reverse("admin:funders_funder_add"), form).status_code == 302
    assert Funder.objects.get().website == "https://imaginary.example"


def test_a_funder_with_all_its_names(staff):
    form = funder_form(
        ror_id="03yrm5c26",
        former_names=[{"name": "Old Ada", "last_day": "2024-12-31"}],
        trade_names=[{"name": "Adamabix"}],
        product_sites=[{"host": "www.adamabix.example"}],
    )
    assert staff.post(reverse("admin:funders_funder_add"), form).status_code == 302
    funder = Funder.objects.get()
    assert funder.name_on(day("2024-12-31")) == "Old Ada"
    assert str(funder.trade_names.get()) == "Adamabix"
    assert str(funder.product_sites.get()) == "www.adamabix.example"


def test_a_rename_keeps_the_old_name_for_its_days(staff):
    funder = FunderFactory(name="Old")
    form = funder_form(name="New", last_day_of_old_name="2026-03-31")
    assert staff.post(change(funder), form).status_code == 302
    funder = Funder.objects.get()
    assert (funder.name_on(day("2026-03-31")), funder.name_on(day("2026-04-01"))) == ("Old", "New")


def test_a_correction_changes_all_days_and_says_so(staff):
    funder = FunderFactory(name="Adda")
    answer = staff.post(change(funder), funder_form(), follow=True)
    assert "The name is corrected for all days" in answer.content.decode()
    assert Funder.objects.get().name_on(day("2020-01-01")) == "Ada"
    # The same again changes no name.
    answer = staff.post(change(funder), funder_form(country="GB"), follow=True)
    assert "The name is corrected" not in answer.content.decode()


def test_a_last_day_needs_a_new_name_and_follows_the_earlier_ones(staff):
    funder = FunderFactory(name="Ada")
    funder.former_names.create(name="Old Ada", last_day=day("2025-06-30"))
    form = funder_form(last_day_of_old_name="2026-03-31")
    assert "The name above is still the old one." in errors(staff.post(change(funder), form))
    form = funder_form(name="New", last_day_of_old_name="2025-06-30")
    assert "An earlier name lasted until this day" in errors(staff.post(change(funder), form))
    form = funder_form(name="New", last_day_of_old_name="soon")
    assert "Enter a valid date." in errors(staff.post(change(funder), form))
    assert Funder.objects.get().name == "Ada"


def test_the_same_day_in_a_row_and_in_the_field_is_no_crash(staff):
    funder = FunderFactory(name="Ada")
    form = funder_form(
        name="New",
        last_day_of_old_name="2026-03-31",
        former_names=[{"name": "Typed", "last_day": "2026-03-31", "funder": funder.pk}],
    )
    assert staff.post(change(funder), form).status_code == 302
    assert Funder.objects.get().name_on(day("2026-03-31")) == "Typed"


def test_rows_that_say_the_same_are_refused(staff):
    add = reverse("admin:funders_funder_add")
    form = funder_form(trade_names=[{"name": "Adamabix"}, {"name": "ADAMABIX"}])
    assert "This trade name stands in another row." in errors(staff.post(add, form))
    form = funder_form(product_sites=[{"host": "a.example"}, {"host": "a.example"}])
    assert "duplicate" in errors(staff.post(add, form))
    form = funder_form(product_sites=[{"host": "https://A.example/"}])
    assert "A host in small letters" in errors(staff.post(add, form))
    row = {"name": "Old", "last_day": "2026-03-31"}
    assert "duplicate" in errors(staff.post(add, funder_form(former_names=[row, row])))
    assert not Funder.objects.exists()


def test_gaps_and_overlaps_are_said_on_the_funders_page(staff):
    funder = FunderFactory(name="Ada")
    for first, last in (
        ("2024-01-01", "2024-06-30"),
        ("2024-09-01", "2024-12-31"),
        ("2025-01-01", None),
    ):
        AgreementFactory(funder=funder, starts_on=day(first), ends_on=last and day(last))
    grant = {"kind": "educational_grant", "is_site_wide": False, "purpose": "Articles on X"}
    AgreementFactory(funder=funder, starts_on=day("2024-12-01"), ends_on=day("2025-02-28"), **grant)
    html = staff.get(change(funder)).content.decode()
    grant, sponsorship = "Educational grant (Articles on X)", "Sponsorship (the whole site)"
    together = "run at the same time from"
    sentences = [
        (
            "No agreement of the kind “Sponsorship” for the whole site from 1 July 2024 to "
            "31 August 2024."
        ),
        f"{sponsorship} and {grant} {together} 1 December 2024 to 31 December 2024.",
        f"{grant} and {sponsorship} {together} 1 January 2025 to 28 February 2025.",
    ]
    agreements = list(funder.agreements.all())
    assert [*gaps(agreements), *overlaps(agreements)] == sentences
    for sentence in sentences:
        assert f"<li>{sentence}</li>" in html


def test_agreements_without_an_end_overlap_for_good():
    funder = FunderFactory()
    AgreementFactory(funder=funder)
    AgreementFactory(funder=funder, kind="educational_grant", starts_on=day("2026-01-01"))
    agreements = list(funder.agreements.all())
    assert gaps(agreements) == []
    both = "Sponsorship (the whole site) and Educational grant (the whole site)"
    assert overlaps(agreements) == [f"{both} run at the same time since 1 January 2026."]


def test_the_funders_page_costs_the_same_for_one_and_three(staff, settings):
    settings.CONTENT_STAMP_SECONDS = 60
    counts = []
    funder = FunderFactory()
    for number in (1, 2):
        for part in range(number):
            kind = ("sponsorship", "educational_grant")[part]
            AgreementFactory(
                funder=funder,
                kind=kind,
                starts_on=day(f"202{number}-01-01"),
                ends_on=day(f"202{number}-12-31"),
            )
            funder.former_names.create(name="Old", last_day=day(f"202{number}-0{part + 1}-01"))
            funder.trade_names.create(name=f"Name {number}{part}")
            funder.product_sites.create(host=f"a{number}{part}.example")
        staff.get(change(funder))
        with CaptureQueriesContext(connection) as queries:
            staff.get(change(funder))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_who_was_disclosed_or_has_agreements_is_not_deleted(chief):
    funder = AgreementFactory(funder__name="Ada").funder
    publish(PublishableArticleFactory())
    address = reverse("admin:funders_funder_delete", args=[funder.pk])
    selected = {"action": "delete_selected", "_selected_action": [funder.pk], "post": "yes"}
    for answer in (
        chief.get(address),
        chief.post(address, {"post": "yes"}),
        chief.post(reverse("admin:funders_funder_changelist"), selected),
    ):
        html = answer.content.decode()
        assert (
            "1 published version that discloses Ada: what was published is never changed." in html
        )
        assert "1 agreement with Ada: end it instead." in html
        assert "Yes, I" not in html
    assert Funder.objects.filter(pk=funder.pk).exists()


def test_who_was_never_disclosed_can_go(chief):
    funder = FunderFactory()
    funder.trade_names.create(name="Adamabix")
    address = reverse("admin:funders_funder_delete", args=[funder.pk])
    assert chief.post(address, {"post": "yes"}).status_code == 302
    assert not Funder.objects.exists()


def test_staff_delete_no_funder(staff):
    address = reverse("admin:funders_funder_delete", args=[FunderFactory().pk])
    assert staff.get(address).status_code == 403
