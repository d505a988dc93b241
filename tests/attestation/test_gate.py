"""The gate: who may pass, what is recorded, and what cannot be forged."""

import hashlib
import uuid

import pytest
from django.conf import settings
from django.core import signing
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from portal.attestation.cookie import SALT
from portal.attestation.models import Attestation, AttestationStatement, Reader, current_statement
from portal.core.content_cache import memory
from portal.core.models import SiteSettings
from tests.factories import ReaderFactory, StatementFactory, UserFactory

pytestmark = pytest.mark.django_db

GATE = "/healthcare-professionals/"
CLOSED = "/articles/any/feedback/"


def declare(client: Client, **data: object):
    return client.post(
        GATE,
        {
            "is_healthcare_professional": "on",
            "statement": current_statement().number,
            **data,
        },
    )


def test_get_and_head_and_prefetch_record_nothing(client):
    assert client.get(GATE).status_code == 200
    assert client.head(GATE).status_code == 200
    assert client.get(GATE, headers={"purpose": "prefetch"}).status_code == 200
    assert not Attestation.objects.exists()
    assert not Reader.objects.exists()
    assert settings.ATTESTATION_COOKIE_NAME not in client.cookies


def test_declaration_is_unticked_and_the_way_out_is_on_the_page(client):
    html = client.get(GATE).content.decode()
    box = html[html.index('name="is_healthcare_professional"') - 100 :][:250]
    assert 'type="checkbox"' in box
    assert "checked" not in box
    assert reverse("not_a_professional") in html


def test_declaring_records_the_evidence_and_opens_the_door(client):
    response = declare(client, profession="physician", country="DE", next="/articles/")
    assert response.status_code == 302
    assert response["Location"] == "/articles/"
    attestation = Attestation.objects.select_related("reader", "statement").get()
    statement = AttestationStatement.objects.get()
    assert attestation.statement == statement
    assert attestation.text_hash == hashlib.sha256(statement.text.encode()).hexdigest()
    assert (attestation.reader.profession, attestation.reader.country) == ("physician", "DE")
    cookie = client.cookies[settings.ATTESTATION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert str(attestation.reader_id) == signing.loads(cookie.value, salt=SALT)["reader"]


def test_an_unticked_declaration_is_refused_and_says_what_to_do(client):
    response = client.post(GATE, {"statement": 1, "profession": "nurse"})
    assert response.status_code == 200
    assert "Tick the declaration" in response.content.decode()
    assert response.context["form"]["profession"].value() == "nurse"
    assert not Attestation.objects.exists()


def test_the_cookie_is_checked_without_a_query(client, django_assert_num_queries, settings):
    settings.CONTENT_STAMP_SECONDS = 60
    declare(client)
    client.get("/articles/unknown/")
    from django.test import RequestFactory

    from portal.attestation.cookie import read_cookie

    request = RequestFactory().get("/")
    request.COOKIES = {key: morsel.value for key, morsel in client.cookies.items()}
    with django_assert_num_queries(0):
        assert read_cookie(request) is not None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nonsense",
        signing.dumps({"reader": str(uuid.UUID(int=1)), "statement": 1}, salt="other"),
        signing.dumps({"reader": "not-a-uuid", "statement": 1}, salt=SALT),
        signing.dumps({"reader": str(uuid.UUID(int=1))}, salt=SALT),
        signing.dumps(["list"], salt=SALT),
        signing.dumps({"reader": str(uuid.UUID(int=1)), "statement": 0}, salt=SALT),
    ],
    # Fixed, because a signature has another time in each test process.
    ids=["empty", "nonsense", "other salt", "no uuid", "no statement", "a list", "outdated"],
)
def test_a_forged_broken_or_outdated_cookie_meets_the_gate(client, value):
    client.cookies[settings.ATTESTATION_COOKIE_NAME] = value
    response = client.get(CLOSED)
    assert response.status_code == 302
    assert response["Location"] == f"{GATE}?next=%2Farticles%2Fany%2Ffeedback%2F"


def test_a_tampered_cookie_meets_the_gate(client):
    declare(client)
    name = settings.ATTESTATION_COOKIE_NAME
    value = client.cookies[name].value
    client.cookies[name] = ("A" if value[0] != "A" else "B") + value[1:]
    assert client.get(CLOSED)["Location"].startswith(GATE)


def test_an_expired_cookie_meets_the_gate(client, time_machine):
    time_machine.move_to("2026-01-01T12:00:00Z")
    declare(client)
    time_machine.move_to("2027-01-01T11:59:00Z")
    assert client.get(CLOSED).status_code == 404
    time_machine.move_to("2027-01-01T12:01:00Z")
    assert client.get(CLOSED)["Location"].startswith(GATE)


def test_a_new_statement_asks_again_and_keeps_the_pseudonym(client):
    declare(client)
    StatementFactory(number=2)
    memory.forget()
    assert client.get(CLOSED)["Location"].startswith(GATE)
    declare(client)
    assert client.get(CLOSED).status_code == 404
    assert Reader.objects.count() == 1
    assert list(Attestation.objects.order_by("pk").values_list("statement__number", flat=True)) == [
        1,
        2,
    ]


def test_the_statement_that_was_on_the_screen_is_the_one_that_counts(client):
    StatementFactory(number=2, text="I confirm the second wording.")
    memory.forget()
    response = client.post(
        GATE, {"is_healthcare_professional": "on", "statement": 1, "profession": "nurse"}
    )
    html = response.content.decode()
    assert response.status_code == 200
    assert "I confirm the second wording." in html
    assert not Attestation.objects.exists()
    assert response.context["form"]["profession"].value() == "nurse"
    assert response.context["form"]["is_healthcare_professional"].value() is None


def test_forgetting_needs_post_and_closes_the_door(client):
    declare(client)
    assert client.get(reverse("forget_attestation")).status_code == 405
    client.post(reverse("forget_attestation"))
    assert client.get(CLOSED)["Location"].startswith(GATE)


def test_a_post_to_a_closed_view_is_not_run(client):
    assert client.post(f"{CLOSED}thanks/", {"clear": 5})["Location"] == GATE


def test_the_gate_is_never_cached_and_its_csp_is_strict(client):
    response = client.get(GATE)
    assert response["Cache-Control"] == "private, no-cache"
    assert "Cookie" in response["Vary"]
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("model", [Attestation, AttestationStatement])
def test_evidence_is_append_only_in_the_database(client, model):
    declare(client)
    table = model._meta.db_table
    for sql in (f"UPDATE {table} SET id = id + 1", f"DELETE FROM {table}"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


# --- with an account ------------------------------------------------------------------------------


def test_signing_in_gives_the_browsers_pseudonym_to_the_account(client):
    declare(client)
    user = UserFactory()
    sign_in(client, user)
    assert Reader.objects.get().user == user


def sign_in(client: Client, user):
    user.set_password("a long enough phrase")
    user.save()
    from allauth.account.models import EmailAddress

    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return client.post(
        reverse("account_login"), {"login": user.email, "password": "a long enough phrase"}
    )


def test_on_a_second_device_the_account_brings_its_attestation_along():
    user = UserFactory()
    first, second = Client(), Client()
    declare(first)
    sign_in(first, user)
    second.post(reverse("account_login"), {"login": user.email, "password": "a long enough phrase"})
    assert second.get(CLOSED).status_code == 404
    assert Reader.objects.count() == 1


def test_an_account_with_a_pseudonym_keeps_it_when_the_browser_holds_another(client):
    own = ReaderFactory(user=UserFactory())
    declare(client)
    sign_in(client, own.user)
    payload = signing.loads(client.cookies[settings.ATTESTATION_COOKIE_NAME].value, salt=SALT)
    assert payload["reader"] == str(own.pk)
    assert Reader.objects.count() == 2


def test_another_accounts_pseudonym_is_never_taken_over(client):
    owner = UserFactory()
    declare(client)
    Reader.objects.update(user=owner)
    declare(client)
    assert Reader.objects.count() == 2
    assert Reader.objects.filter(user=owner).count() == 1


def test_signing_out_takes_the_pseudonym_out_of_a_shared_computer(client):
    declare(client)
    sign_in(client, UserFactory())
    assert client.get(CLOSED).status_code == 404
    client.post(reverse("account_logout"))
    assert client.get(CLOSED)["Location"].startswith(GATE)


def test_signing_in_on_somebody_elses_browser_meets_the_gate(client):
    declare(client)
    Reader.objects.update(user=UserFactory())
    sign_in(client, UserFactory())
    assert client.get(CLOSED)["Location"].startswith(GATE)


def test_the_patients_organisation_stands_beside_the_way_in(client):
    SiteSettings.objects.create(
        patient_organisation_name="Patients First", patient_organisation_url="https://p.example/"
    )
    page = client.get("/healthcare-professionals/").content.decode()
    assert '<a href="https://p.example/">Patients First</a>' in page
