"""Accounts take the addresses that the outbox can send to, and say what is wrong with others."""

import html

import pytest
from allauth.account.models import EmailAddress
from django.urls import reverse

from portal.accounts.models import User
from portal.mail.models import Delivery
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough phrase"

REFUSED = [
    ("ü@hospital.example", "only unaccented letters"),
    ("a@faß.example", "begins with “xn--”"),
    ("a@[192.0.2.1]", "not a number"),
    ('"a b"@hospital.example', "no spaces"),
    ('"ab"@hospital.example', "no quotation marks"),
    ("a" * 65 + "@hospital.example", "64 characters"),
    ("a@localhost", "not complete"),
]


def sign_up(client, email):
    fields = {"email": email, "password1": PASSWORD, "password2": PASSWORD}
    return client.post(reverse("account_signup"), fields)


@pytest.mark.parametrize(("email", "reason"), REFUSED)
def test_sign_up_refuses_an_address_and_says_why(client, email, reason):
    response = sign_up(client, email)
    assert response.status_code == 200
    assert reason in html.unescape(response.content.decode())
    assert User.objects.count() == 0


@pytest.mark.parametrize(("email", "reason"), REFUSED)
def test_so_does_a_second_address(client, email, reason):
    client.force_login(UserFactory())
    response = client.post(reverse("account_email"), {"action_add": "", "email": email})
    assert reason in html.unescape(response.content.decode())
    assert not EmailAddress.objects.filter(email=email).exists()


def test_an_address_in_another_script_is_stored_in_ascii_and_found_again(client):
    assert sign_up(client, "Ada@Kärnten.example").status_code == 302
    user = User.objects.get()
    assert user.email == "ada@xn--krnten-bua.example"
    assert Delivery.objects.get().address == "ada@xn--krnten-bua.example"
    # Who comes again, however they write it, has an account already.
    sign_up(client, "ada@xn--krnten-bua.example")
    assert User.objects.count() == 1
    EmailAddress.objects.update(verified=True)
    for login in ("ada@kärnten.example", "ADA@xn--krnten-bua.example"):
        client.logout()
        client.post(reverse("account_login"), {"login": login, "password": PASSWORD})
        assert client.session.get("_auth_user_id") == str(user.pk)
    Delivery.objects.all().delete()
    client.logout()
    client.post(reverse("account_reset_password"), {"email": "ada@kärnten.example"})
    delivery = Delivery.objects.get()
    assert delivery.address == "ada@xn--krnten-bua.example"
    assert delivery.mailing.subject == "Choose a new password"
