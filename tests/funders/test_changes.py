"""The public log of changes of the funders page."""

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.core.content_cache import memory
from portal.funders.changes import change_log
from portal.funders.models import Agreement, Funder, SupportLevel
from portal.funders.views import CHANGES_PER_PAGE
from tests.factories import AgreementFactory, FunderFactory

pytestmark = pytest.mark.django_db

TODAY = datetime.date(2026, 6, 1)


@pytest.fixture(autouse=True)
def today(time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z")


def log() -> list[tuple[str, str, list[tuple[str, str, str]]]]:
    """Return the log, the oldest first, without its times."""
    memory.forget()
    return [
        (
            entry.subject,
            entry.title,
            [(change.field, change.before, change.after) for change in entry.changes],
        )
        for entry in reversed(change_log())
    ]


def agreement(**fields: object) -> Agreement:
    given = {"funder__name": "Ada", "starts_on": TODAY - datetime.timedelta(days=1)} | fields
    return AgreementFactory(**given)


def test_the_log_says_what_changed_from_what_to_what():
    first = agreement(amount=5000, currency="EUR", reference="SECRET-1")
    first.level = SupportLevel.objects.get(rank=2)
    first.ends_on = datetime.date(2026, 12, 31)
    first.save()
    assert log() == [
        ("Ada", "Funder added", [("Legal name", "", "Ada")]),
        (
            "Ada",
            "Agreement added",
            [
                ("Kind of support", "", "Sponsorship"),
                ("Level", "", "Principal"),
                ("First day", "", "31 May 2026"),
                ("For", "", "the whole site"),
            ],
        ),
        (
            "Ada",
            "Agreement changed",
            [("Level", "Principal", "Major"), ("Last day", "", "31 December 2026")],
        ),
    ]


# Rows of one transaction have one time: here each change is one of its own, as at the desk.
@pytest.mark.django_db(transaction=True)
def test_a_rename_stands_in_it_and_a_removal_too():
    first = agreement()
    Funder.objects.filter(pk=first.funder.pk).update(name="Bo", country="DE")
    first.funder.former_names.create(name="Ada", last_day=TODAY)
    first.delete()
    first.funder.delete()
    assert log()[2:] == [
        ("Bo", "Funder changed", [("Legal name", "Ada", "Bo"), ("Country", "", "Germany")]),
        (
            "Bo",
            "Former name added",
            [("Former name", "", "Ada"), ("Last day of this name", "", "1 June 2026")],
        ),
        (
            "Bo",
            "Agreement removed",
            [
                ("Kind of support", "Sponsorship", ""),
                ("Level", "Principal", ""),
                ("First day", "31 May 2026", ""),
                ("For", "the whole site", ""),
            ],
        ),
        ("Bo", "Funder removed", [("Legal name", "Bo", ""), ("Country", "Germany", "")]),
        (
            "Bo",
            "Former name removed",
            [("Former name", "Ada", ""), ("Last day of this name", "1 June 2026", "")],
        ),
    ]


def test_what_is_not_public_leaves_no_trace(client):
    first = agreement()
    before = log()
    Agreement.objects.update(amount=1234, currency="EUR", reference="SECRET-1", document="x.pdf")
    first.funder.trade_names.create(name="Adamabix")
    first.funder.product_sites.create(host="www.adamabix.example")
    assert log() == before
    memory.forget()
    html = client.get("/funders/changes/").content.decode()
    for secret in ("1234", "EUR", "SECRET-1", "damabix", "x.pdf"):
        assert secret not in html


def test_an_agreement_appears_on_its_first_day(time_machine):
    FunderFactory(name="Nobody")
    agreement(starts_on=TODAY + datetime.timedelta(days=1))
    assert log() == []
    time_machine.move_to("2026-06-02T12:00:00Z")
    assert [title for _subject, title, _changes in log()] == ["Funder added", "Agreement added"]


@pytest.mark.django_db(transaction=True)
def test_a_level_with_another_name_stands_in_it_and_changes_no_earlier_entry():
    agreement()
    level = SupportLevel.objects.get(rank=1)
    before = log()
    level.label = "Lead"
    level.save()
    assert log() == [
        *before,
        ("Lead", "Level of support changed", [("Name of the level", "Principal", "Lead")]),
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_the_log_costs_the_same_for_one_and_three(client, settings, count):
    settings.CONTENT_STAMP_SECONDS = 60
    for number in range(count):
        agreement(funder__name=f"Funder {number}").funder.former_names.create(
            name="Former", last_day=TODAY
        )
    memory.forget()
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/funders/changes/").status_code == 200
    # The stamp, the rows of every page, four tables of history.
    assert len(queries) == 6
    with CaptureQueriesContext(connection) as queries:
        client.get("/funders/changes/")
    assert len(queries) == 0


def test_the_log_has_pages(client):
    funder = agreement().funder
    for number in range(CHANGES_PER_PAGE):
        Funder.objects.filter(pk=funder.pk).update(name=f"Name {number}")
    first = client.get("/funders/changes/")
    assert len(first.context["page_obj"]) == CHANGES_PER_PAGE
    assert "Page 1 of 2" in first.content.decode()
    assert len(client.get("/funders/changes/?page=2").context["page_obj"]) == 2
    for page in ("0", "3", "x"):
        assert client.get(f"/funders/changes/?page={page}").status_code == 404


def test_nothing_has_happened_yet(client):
    assert "No changes yet" in client.get("/funders/changes/").content.decode()
