"""The funders' desk."""

import datetime
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.funders.forms import MAX_DOCUMENT_BYTES
from portal.funders.models import Agreement, Funder, SupportLevel
from portal.funders.periods import gaps, overlaps
from tests.factories import (
    AgreementFactory,
    FunderFactory,
    PublishableArticleFactory,
    UserFactory,
    publish,
)

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7\n%%EOF"


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


@pytest.fixture
def staff(client):
    client.force_login(UserFactory(group="Staff"))
    return client


@pytest.fixture
def editor(client):
    client.force_login(UserFactory(group="Editors"))
    return client


@pytest.fixture
def chief(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def change(thing: Funder | Agreement) -> str:
    return reverse(f"admin:funders_{thing._meta.model_name}_change", args=[thing.pk])


def funder_form(**fields: object) -> dict[str, object]:
    """Return what the form of a funder posts; ``former=[{…}]`` fills rows that are new."""
    data: dict[str, object] = {"name": "Ada", "country": "", "website": "", "ror_id": ""}
    for prefix in ("agreements", "former_names", "trade_names", "product_sites"):
        rows = fields.pop(prefix, [])
        data |= {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": 0}
        for number, row in enumerate(rows):
            data |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return data | fields


def agreement_form(funder: Funder, **fields: object) -> dict[str, object]:
    level = SupportLevel.objects.get(rank=1)
    return {
        "funder": funder.pk,
        "kind": "sponsorship",
        "level": level.pk,
        "starts_on": "2026-01-01",
        "is_site_wide": "on",
    } | fields


def errors(response) -> str:
    assert response.status_code == 200
    form = response.context["adminform"].form
    rows = [str(formset.formset.errors) for formset in response.context["inline_admin_formsets"]]
    return f"{form.errors} {rows}"


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


# --- agreements -----------------------------------------------------------------------------------

ADD = "/admin/funders/agreement/add/"


def test_from_a_funder_to_its_next_agreement(staff):
    funder = FunderFactory(name="Ada")
    link = f"{ADD}?funder={funder.pk}"
    assert link in staff.get(change(funder)).content.decode()
    assert f'<option value="{funder.pk}" selected>Ada</option>' in staff.get(link).content.decode()
    assert staff.post(ADD, agreement_form(funder)).status_code == 302
    assert str(Agreement.objects.get()) == "Ada: Sponsorship"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "This funder has an agreement of this kind and scope in this period."),
        ({"ends_on": "2025-12-31"}, "The agreement ends before it begins."),
        ({"kind": "in_kind"}, "Support in kind, and only that, says what is given."),
        ({"amount": "5"}, "An amount is more than zero and has a currency."),
        ({"amount": "-5", "currency": "EUR"}, "An amount is more than zero and has a currency."),
        ({"currency": "eur"}, "Three letters, like EUR."),
        ({"is_site_wide": ""}, "Say for what it is, if not for the whole site."),
        ({"starts_on": "31/31/31"}, "Enter a valid date."),
    ],
)
def test_what_no_agreement_can_be_is_said(staff, fields, message):
    funder = AgreementFactory(starts_on=day("2024-01-01")).funder
    answer = staff.post(ADD, agreement_form(funder, **fields))
    assert answer.status_code == 200
    assert message in str(answer.context["adminform"].form.errors)
    assert Agreement.objects.count() == 1


def test_the_signed_document_is_kept_and_sent_privately(staff):
    funder = FunderFactory()
    upload = SimpleUploadedFile("../../contract of Ada.exe", PDF, "text/html")
    assert staff.post(ADD, agreement_form(funder, document=upload)).status_code == 302
    agreement = Agreement.objects.get()
    path = Path(agreement.document.path)
    assert agreement.document.name.startswith("agreements/")
    assert "Ada" not in agreement.document.name
    assert agreement.document.name.endswith(".pdf")
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    address = reverse("admin:funders_agreement_document", args=[agreement.pk])
    html = staff.get(change(agreement)).content.decode()
    assert f'href="{address}"' in html
    assert "/media/" not in html
    answer = staff.get(address)
    assert b"".join(answer.streaming_content) == PDF
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'attachment; filename="agreement-{agreement.pk}.pdf"'
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert staff.post(address).status_code == 405
    # Saved again without a file, it keeps the one that it has.
    assert staff.post(change(agreement), agreement_form(funder, purpose="X")).status_code == 302
    assert Agreement.objects.get().document.name == agreement.document.name
    path.unlink()
    assert staff.get(address).status_code == 404


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>%PDF-", "This is no PDF document."),
        (b"MZ", "This is no PDF document."),
        (PDF + b"x" * MAX_DOCUMENT_BYTES, "The file has 11 MB; at most 10 MB are accepted."),
        (b"", "The submitted file is empty."),
    ],
)
def test_only_a_pdf_of_a_reasonable_size_is_taken(staff, content, message):
    upload = SimpleUploadedFile("agreement.pdf", content, "application/pdf")
    answer = staff.post(ADD, agreement_form(FunderFactory(), document=upload))
    assert message in errors(answer)
    assert not Agreement.objects.exists()


def test_editors_look_and_change_nothing(editor):
    agreement = AgreementFactory(document="agreements/none.pdf")
    funder = agreement.funder
    for address in (change(agreement), change(funder)):
        html = editor.get(address).content.decode()
        assert 'name="_save"' not in html
        assert "/media/" not in html
        assert ADD not in html
        assert editor.post(address, {}).status_code == 403
    assert editor.get(ADD).status_code == 403
    # They may open it; here there is no file.
    address = reverse("admin:funders_agreement_document", args=[agreement.pk])
    assert editor.get(address).status_code == 404


def test_no_stranger_gets_the_document(client):
    agreement = AgreementFactory(document="agreements/none.pdf")
    address = reverse("admin:funders_agreement_document", args=[agreement.pk])
    assert client.get(address).status_code == 302
    client.force_login(UserFactory())
    assert client.get(address).status_code == 302
    client.force_login(UserFactory(group="Medical reviewers"))
    assert client.get(address).status_code == 403


# --- who approves articles has nothing to do with agreements --------------------------------------


def both(**fields: object):
    user = UserFactory(group="Staff", **fields)
    user.groups.add(Group.objects.get(name="Medical reviewers"))
    return user


def test_whoever_may_approve_articles_is_kept_from_agreements(client):
    client.force_login(both())
    agreement = AgreementFactory(document="agreements/none.pdf", reference="SECRET-1")
    funder = agreement.funder
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, agreement_form(funder, kind="educational_grant")).status_code == 403
    assert client.get(change(agreement)).status_code == 403
    assert client.get(reverse("admin:funders_agreement_changelist")).status_code == 403
    address = reverse("admin:funders_agreement_document", args=[agreement.pk])
    assert client.get(address).status_code == 403
    html = client.get(change(funder)).content.decode()
    assert ADD not in html
    assert "Sponsorship" not in html
    assert "Gaps and overlaps" not in html
    assert Agreement.objects.count() == 1


def test_the_permission_itself_decides_and_a_superuser_may_everything(client):
    user = UserFactory(group="Staff")
    client.force_login(user)
    assert client.get(ADD).status_code == 200
    user.user_permissions.add(Permission.objects.get(codename="approve_article"))
    assert client.get(ADD).status_code == 403
    client.force_login(both(is_superuser=True))
    assert client.get(ADD).status_code == 200


def test_levels_are_labels_that_staff_may_edit(staff):
    level = SupportLevel.objects.get(rank=1)
    address = reverse("admin:funders_supportlevel_change", args=[level.pk])
    assert staff.post(address, {"rank": 1, "label": "Lead"}).status_code == 302
    AgreementFactory()
    assert "Lead" in staff.get("/funders/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_who_save_the_same_agreement_at_once_are_one_and_an_error():
    staff = [UserFactory(group="Staff") for _ in range(2)]
    funder = FunderFactory()
    data = {
        "funder": funder.pk,
        "kind": "sponsorship",
        "level": SupportLevel.objects.get(rank=1).pk,
        "starts_on": "2026-01-01",
        "is_site_wide": "on",
    }

    def save(user):
        try:
            client = Client()
            client.force_login(user)
            return client.post(reverse("admin:funders_agreement_add"), data).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(save, staff)) == [200, 302]
    assert funder.agreements.count() == 1
