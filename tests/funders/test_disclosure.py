"""The disclosure sentence and the rules behind it."""

import datetime

import pytest
from django.db import IntegrityError, transaction

from portal.core.content_cache import memory
from portal.core.models import SiteSettings
from portal.funders.disclosure import current_funding_statement, funding_statement
from portal.funders.models import Agreement, SupportLevel
from tests.factories import AgreementFactory, FunderFactory

pytestmark = pytest.mark.django_db

DAY = datetime.date(2026, 6, 1)
SPONSORSHIP = Agreement.Kind.SPONSORSHIP
GRANT = Agreement.Kind.EDUCATIONAL_GRANT


def fund(name: str, kind: str = SPONSORSHIP, rank: int = 1, **fields: object) -> Agreement:
    return AgreementFactory(
        funder=FunderFactory(name=name),
        kind=kind,
        level=SupportLevel.objects.get(rank=rank),
        **fields,
    )


@pytest.fixture(autouse=True)
def site():
    return SiteSettings.objects.create(name="The Hub")


PREFIX = "The Hub is an independent medical education platform"


@pytest.mark.parametrize(
    ("sponsors", "grantors", "support"),
    [
        ([], [], f"{PREFIX}. No company funds it at present."),
        (["Ada"], [], f"{PREFIX}, sponsored by Ada."),
        (["Ada", "Bo"], [], f"{PREFIX}, sponsored by Ada and Bo."),
        (["Ada", "Bo", "Cy"], [], f"{PREFIX}, sponsored by Ada, Bo and Cy."),
        ([], ["Dee"], f"{PREFIX}, supported through educational grants from Dee."),
        ([], ["Dee", "Eve"], f"{PREFIX}, supported through educational grants from Dee and Eve."),
        (
            ["Ada", "Bo"],
            ["Dee"],
            f"{PREFIX}, sponsored by Ada and Bo and supported through educational grants from Dee.",
        ),
    ],
)
def test_the_sentence_for_none_one_and_more(sponsors, grantors, support):
    for name in sponsors:
        fund(name)
    for name in grantors:
        fund(name, GRANT)
    statement = funding_statement(DAY)
    assert statement.support == support
    assert bool(statement.influence) == bool(sponsors or grantors)
    assert bool(statement.order) == (len(sponsors) > 1 or len(grantors) > 1)


def test_names_are_ordered_by_level_then_name():
    fund("Zeta", rank=1)
    fund("Beta", rank=2)
    fund("Alpha", rank=2)
    assert "sponsored by Zeta, Alpha and Beta." in funding_statement(DAY).support


def test_first_and_last_day_count_and_the_days_beside_them_do_not():
    fund("Ada", starts_on=DAY, ends_on=DAY)
    day = datetime.timedelta(days=1)
    assert "Ada" in funding_statement(DAY).support
    assert "Ada" not in funding_statement(DAY - day).support
    assert "Ada" not in funding_statement(DAY + day).support


def test_restricted_support_is_not_in_the_sites_sentence():
    fund("Ada", GRANT, is_site_wide=False)
    assert "Ada" not in funding_statement(DAY).support


def test_todays_sentence_costs_no_query_once_remembered(django_assert_num_queries, settings):
    settings.CONTENT_STAMP_SECONDS = 60
    fund("Ada")
    memory.forget()
    with django_assert_num_queries(2):  # stamp, what every page shows
        first = current_funding_statement()
    with django_assert_num_queries(0):
        assert current_funding_statement() == first


def test_the_sentence_changes_at_local_midnight_and_with_the_agreements(time_machine, settings):
    settings.TIME_ZONE = "Europe/London"
    fund("Ada", starts_on=datetime.date(2026, 7, 1))
    time_machine.move_to("2026-06-30T22:59:59Z")  # 23:59:59 in London
    assert "Ada" not in current_funding_statement().support
    time_machine.move_to("2026-06-30T23:00:00Z")
    assert "Ada" in current_funding_statement().support
    settings.CONTENT_STAMP_SECONDS = 0
    Agreement.objects.all().delete()
    assert "Ada" not in current_funding_statement().support


# --- rules in the database ------------------------------------------------------------------------


def refuses(**fields: object) -> bool:
    try:
        with transaction.atomic():
            AgreementFactory(**fields)
    except IntegrityError:
        return True
    return False


def test_one_agreement_of_a_kind_with_a_funder_at_a_time():
    first = fund("Ada", starts_on=datetime.date(2026, 1, 1), ends_on=datetime.date(2026, 6, 30))
    same = {"funder": first.funder}
    assert refuses(**same, starts_on=datetime.date(2026, 6, 30))
    assert refuses(**same, starts_on=datetime.date(2025, 1, 1))
    assert not refuses(**same, starts_on=datetime.date(2026, 7, 1))
    assert refuses(**same, starts_on=datetime.date(2030, 1, 1))
    assert not refuses(**same, kind=GRANT, starts_on=datetime.date(2026, 1, 1))
    restricted = {"is_site_wide": False, "starts_on": datetime.date(2026, 1, 1)}
    assert not refuses(**same, **restricted, purpose="Hodgkin lymphoma")
    assert not refuses(**same, **restricted, purpose="Myeloma")
    assert refuses(**same, **restricted, purpose="Myeloma")
    assert not refuses(starts_on=datetime.date(2026, 1, 1))


def test_an_agreement_does_not_end_before_it_begins():
    assert refuses(starts_on=DAY, ends_on=DAY - datetime.timedelta(days=1))


def test_a_kind_that_does_not_exist_is_refused():
    assert refuses(kind="advert")


# --- the page -------------------------------------------------------------------------------------


def test_the_funders_page_names_who_pays_now_and_who_paid_before(client, time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z")
    fund("Now Pharma")
    fund("Past Pharma", GRANT, ends_on=datetime.date(2025, 12, 31))
    fund("Future Pharma", starts_on=datetime.date(2027, 1, 1))
    response = client.get("/funders/")
    html = response.content.decode()
    assert [a.funder.name for a in response.context["current"]] == ["Now Pharma"]
    assert [a.funder.name for a in response.context["past"]] == ["Past Pharma"]
    assert "Now Pharma" in html
    assert "Past Pharma" in html
    assert "Future Pharma" not in html


@pytest.mark.parametrize("count", [1, 3])
def test_the_funders_page_costs_the_same_for_one_and_many(
    client, django_assert_num_queries, settings, count
):
    settings.CONTENT_STAMP_SECONDS = 60
    for number in range(count):
        fund(f"Funder {number}")
    client.get("/")
    with django_assert_num_queries(1):
        client.get("/funders/")
