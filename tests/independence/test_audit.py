"""Each night: duties that must be apart are looked for, once, and what is found is told."""

import datetime
import threading

import pytest
import time_machine
from celery import current_app
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from django.utils import timezone

from articles.models import Article
from articles.services import publish_article
from portal.independence.audit import audit_memberships, find_joined_duties
from portal.independence.models import MembershipAudit
from portal.independence.tasks import audit_memberships_of_the_day
from tests.factories import DisclosureFactory, UserFactory, approved_article

NOTHING = {"both_duties": [], "superusers": [], "approved_by_writer": []}


def both(name, **fields):
    account = UserFactory(group="Staff", name=name, **fields)
    account.groups.add(Group.objects.get(name="Medical reviewers"))
    return account


@pytest.mark.django_db
def test_who_has_one_duty_is_no_finding(staff):
    UserFactory(group="Medical reviewers")
    UserFactory(group="Editors")
    assert find_joined_duties() == NOTHING


@pytest.mark.django_db
@pytest.mark.parametrize("permission", ["add_agreement", "change_agreement"])
def test_duties_are_found_however_they_were_given(permission):
    account = UserFactory(group="Medical reviewers")
    account.user_permissions.add(Permission.objects.get(codename=permission))
    by_groups = both("Both Duties")
    assert find_joined_duties() == {**NOTHING, "both_duties": [account.pk, by_groups.pk]}


@pytest.mark.django_db
def test_superusers_stand_apart_and_who_cannot_sign_in_stands_nowhere():
    both("Gone", is_active=False)
    UserFactory(is_superuser=True, is_active=False)
    superuser = UserFactory(is_superuser=True)
    assert find_joined_duties() == {**NOTHING, "superusers": [superuser.pk]}


@pytest.mark.django_db
def test_an_approval_by_a_writer_is_found_where_the_constraint_was_taken_away(staff):
    article = approved_article()
    Article.objects.filter(pk=article.pk).update(approved_by=staff)
    article.editors.create(user=staff, edited_at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE articles_articleversion "
            "DROP CONSTRAINT articles_version_approved_by_another"
        )
    DisclosureFactory(person__user=staff)
    version = publish_article(article=article, user=None)
    assert find_joined_duties() == {**NOTHING, "approved_by_writer": [version.pk]}


@pytest.mark.django_db
def test_one_audit_a_day_in_the_time_zone_of_the_site(staff):
    with time_machine.travel(datetime.datetime(2025, 7, 1, 22, 30, tzinfo=datetime.UTC)):
        first = audit_memberships()
        both("Both Duties")
        assert audit_memberships() == first
    with time_machine.travel(datetime.datetime(2025, 7, 1, 23, 30, tzinfo=datetime.UTC)):
        audit_memberships_of_the_day()
    days = MembershipAudit.objects.order_by("day").values_list("day", "findings__both_duties")
    assert [(str(day), len(found)) for day, found in days] == [("2025-07-01", 0), ("2025-07-02", 1)]


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_audit_once():
    barrier, found = threading.Barrier(2), []

    def beat():
        barrier.wait()
        found.append(audit_memberships().pk)
        connection.close()

    beats = [threading.Thread(target=beat) for _ in range(2)]
    for one in beats:
        one.start()
    for one in beats:
        one.join()
    assert found == [MembershipAudit.objects.get().pk] * 2


@pytest.mark.django_db
@pytest.mark.parametrize("accounts", [1, 3])
def test_an_audit_takes_the_same_queries_however_many_are_found(
    django_assert_num_queries, accounts
):
    for number in range(accounts):
        both(f"Both {number}")
    with django_assert_num_queries(5):
        find_joined_duties()


@pytest.mark.django_db
def test_an_audit_is_only_ever_added():
    audit = audit_memberships()
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        MembershipAudit.objects.update(findings={})
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        audit.delete()


@pytest.mark.django_db
def test_the_beat_asks_through_a_task_that_exists():
    entry = settings.CELERY_BEAT_SCHEDULE["audit-memberships"]
    assert current_app.tasks[entry["task"]] is not None
    current_app.tasks[entry["task"]]()
    assert MembershipAudit.objects.get().day == timezone.localdate()


@pytest.mark.django_db
def test_the_desk_tells_of_findings_and_of_nothing_else(desk, staff):
    title = b"Duties that must be apart"
    assert title not in desk.get("/admin/").content
    with time_machine.travel(timezone.now() - datetime.timedelta(days=1)):
        audit_memberships()
    assert title not in desk.get("/admin/").content
    both("Both Duties")
    audit_memberships()
    page = desk.get("/admin/").content.decode()
    assert "Both Duties" in page
    assert "may change agreements and approve articles" in page
    editor = Client()
    editor.force_login(UserFactory(group="Editors"))
    assert title not in editor.get("/admin/").content
