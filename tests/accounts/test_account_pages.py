"""The pages of an account: where one stands, and no button that does nothing."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.urls import reverse

from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

ADDRESSES = "account_email"
BUTTONS = ["action_primary", "action_send", "action_remove"]


@pytest.fixture
def user():
    user = UserFactory(email="ada@example.org")
    user.set_password("a long enough phrase")
    user.save()
    return user


@pytest.fixture
def account(client, user):
    client.force_login(user)
    return client


def add_address(user, email, *, verified, primary=False):
    EmailAddress.objects.update_or_create(
        email=email, user=user, defaults={"verified": verified, "primary": primary}
    )


def buttons(client):
    page = client.get(reverse(ADDRESSES)).content.decode()
    return [name for name in BUTTONS if f'name="{name}"' in page]


def current(client, view):
    page = client.get(reverse(view)).content.decode()
    return re.findall(r'<a class="chip"[^>]*aria-current="page"[^>]*>([^<]+)</a>', page)


def test_the_navigation_says_where_one_is(account):
    assert current(account, ADDRESSES) == ["E-mail addresses"]
    assert current(account, "account_change_password") == ["Change password"]


def test_without_a_password_the_navigation_leads_to_choosing_one(account, user):
    user.set_unusable_password()
    user.save()
    account.force_login(user)
    assert current(account, "account_set_password") == ["Choose a password"]


def test_signing_out_is_offered_once(account):
    page = account.get(reverse(ADDRESSES)).content.decode()
    assert page.count(f'href="{reverse("account_logout")}"') == 1


def test_a_single_confirmed_address_needs_no_button(account, user):
    add_address(user, user.email, verified=True, primary=True)
    assert buttons(account) == []
    page = account.get(reverse(ADDRESSES)).content.decode()
    assert f"<strong>{user.email}</strong>" in page
    assert 'type="radio"' not in page


def test_a_single_unconfirmed_address_can_only_be_confirmed(account, user):
    add_address(user, user.email, verified=False, primary=True)
    assert buttons(account) == ["action_send"]


def test_of_two_confirmed_addresses_one_can_be_chosen_or_removed(account, user):
    add_address(user, user.email, verified=True, primary=True)
    add_address(user, "ada@hospital.example", verified=True)
    assert buttons(account) == ["action_primary", "action_remove"]


def test_two_unconfirmed_addresses_share_one_button(account, user):
    add_address(user, user.email, verified=True, primary=True)
    for name in ("ada@hospital.example", "ada@university.example"):
        add_address(user, name, verified=False)
    assert buttons(account) == BUTTONS
    page = account.get(reverse(ADDRESSES)).content.decode()
    assert page.count('name="action_send"') == 1
