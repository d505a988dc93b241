"""Users, groups, and the way to the desk."""

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError
from django.urls import reverse

from portal.accounts.groups import make_groups
from portal.accounts.models import User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_an_address_is_one_account_whatever_its_case():
    UserFactory(email="Ada@example.org")
    with pytest.raises(IntegrityError):
        UserFactory(email="ada@EXAMPLE.org")


def test_a_user_needs_an_address():
    with pytest.raises(ValueError, match="e-mail address"):
        User.objects.create_user("")


def test_superusers_may_use_the_desk():
    user = User.objects.create_superuser("root@example.org", "a long enough phrase")
    assert user.is_staff
    assert user.is_superuser
    assert user.check_password("a long enough phrase")


def _permissions(name: str) -> set[str]:
    return {
        f"{app}.{code}"
        for app, code in Group.objects.get(name=name).permissions.values_list(
            "content_type__app_label", "codename"
        )
    }


def test_editors_publish_and_staff_read_results_and_neither_does_the_others_work():
    editors, staff = _permissions("Editors"), _permissions("Staff")
    assert "articles.publish_article" in editors
    assert {"feedback.view_results", "feedback.export_responses"} <= staff
    assert not editors & {"feedback.view_results", "feedback.export_responses"}
    assert not editors & {"funders.change_agreement", "funders.add_agreement"}
    assert not staff & {"articles.publish_article", "articles.change_article"}
    for permissions in (editors, staff):
        assert not {code for code in permissions if code.startswith(("accounts.", "auth."))}
        assert "articles.delete_article" not in permissions


def test_staff_make_surveys_and_editors_choose_among_them():
    editors, staff = _permissions("Editors"), _permissions("Staff")
    making = {
        *("feedback.add_survey", "feedback.change_survey"),
        *(f"feedback.{verb}_surveyversion" for verb in ("add", "change", "delete")),
    }
    looking = {"feedback.view_survey", "feedback.view_surveyversion"}
    choosing = {f"feedback.{verb}_articlesurvey" for verb in ("view", "add", "change", "delete")}
    assert making | looking | choosing <= staff
    assert looking | choosing <= editors
    assert not making & editors
    for permissions in (editors, staff):
        assert "feedback.delete_survey" not in permissions


def test_making_the_groups_again_changes_nothing():
    from django.apps import apps

    before = {name: _permissions(name) for name in ("Editors", "Staff")}
    make_groups(sender=apps.get_app_config("feedback"))
    assert {name: _permissions(name) for name in ("Editors", "Staff")} == before


def test_the_desk_sends_strangers_to_the_sign_in_page(client):
    response = client.get("/admin/")
    assert response.status_code == 302
    assert client.get(response["Location"], follow=True).status_code == 200


def test_a_reader_with_an_account_cannot_use_the_desk(client):
    client.force_login(UserFactory())
    response = client.get(reverse("admin:index"), follow=True)
    assert response.status_code in (200, 403)
    assert "What needs doing" not in response.content.decode()


@pytest.mark.parametrize("address", ["//evil.example", "/\\evil.example", "\t//evil.example"])
def test_sign_in_returns_to_this_site_only(client, address):
    from allauth.account.models import EmailAddress

    user = UserFactory()
    user.set_password("a long enough phrase")
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    response = client.post(
        reverse("account_login"),
        {"login": user.email, "password": "a long enough phrase", "next": address},
    )
    assert response.status_code == 302
    assert response["Location"] == "/"
