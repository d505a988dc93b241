"""The desk of agreements: what they say, their documents, and who is kept from them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from portal.funders.forms import MAX_DOCUMENT_BYTES
from portal.funders.models import Agreement, SupportLevel
from tests.factories import (
    AgreementFactory,
    FunderFactory,
    UserFactory,
)

from .desk_forms import agreement_form, change, day, errors

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7\n%%EOF"


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
