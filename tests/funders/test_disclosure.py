"""The disclosure sentence and the rules behind it."""

import datetime
import itertools

import pytest
from django.db import IntegrityError, transaction
from django.utils import translation

from portal.core.content_cache import memory
from portal.core.models import SiteSettings
from portal.funders.disclosure import (
    article_funding_statement,
    current_funding_statement,
    funding_statement,
)
from portal.funders.models import Agreement, SupportLevel
from tests.factories import AgreementFactory, FunderFactory

pytestmark = pytest.mark.django_db

DAY = datetime.date(2026, 6, 1)
SPONSORSHIP = Agreement.Kind.SPONSORSHIP
GRANT = Agreement.Kind.EDUCATIONAL_GRANT
IN_KIND = Agreement.Kind.IN_KIND


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
ORDER = "The order of names reflects the level of funding."
SPONSORS = ("", "Ada", "Ada and Bo", "Ada, Bo and Cy")
GRANTORS = ("", "Dee", "Dee and Eve", "Dee, Eve and Flo")
GIVERS = (
    "",
    "Gil (printing)",
    "Gil (printing) and Hal (rooms)",
    "Gil (printing), Hal (rooms) and Ida (translation)",
)
NATURES = {"Gil": "printing", "Hal": "rooms", "Ida": "translation"}
# Which of the three kinds there are → the sentence.
SENTENCES = {
    (False, False, False): PREFIX + ". No company funds it at present.",
    (True, False, False): PREFIX + ", sponsored by {s}.",
    (False, True, False): PREFIX + ", supported through educational grants from {g}.",
    (False, False, True): PREFIX + ", supported in kind by {k}.",
    (True, True, False): (
        PREFIX + ", sponsored by {s} and supported through educational grants from {g}."
    ),
    (True, False, True): PREFIX + ", sponsored by {s} and supported in kind by {k}.",
    (False, True, True): (
        PREFIX + ", supported through educational grants from {g} and in kind by {k}."
    ),
    (True, True, True): (
        PREFIX + ", sponsored by {s}, supported through educational grants from {g} and supported "
        "in kind by {k}."
    ),
}
COMBINATIONS = list(itertools.product(range(4), repeat=3))


def test_the_sentence_for_each_kind_with_none_one_two_and_three_names():
    funders = {name: FunderFactory(name=name) for name in ("Ada", "Bo", "Cy", "Dee", "Eve", "Flo")}
    funders |= {name: FunderFactory(name=name) for name in NATURES}
    level = SupportLevel.objects.get(rank=1)
    days = {
        combination: DAY + datetime.timedelta(days=number)
        for number, combination in enumerate(COMBINATIONS)
    }
    Agreement.objects.bulk_create(
        Agreement(
            funder=funders[name],
            kind=kind,
            nature=NATURES.get(name, ""),
            level=level,
            starts_on=day,
            ends_on=day,
        )
        for (sponsors, grants, gifts), day in days.items()
        for kind, names in (
            (SPONSORSHIP, ["Ada", "Bo", "Cy"][:sponsors]),
            (GRANT, ["Dee", "Eve", "Flo"][:grants]),
            (IN_KIND, list(NATURES)[:gifts]),
        )
        for name in names
    )
    assert len(days) == 64
    for (sponsors, grants, gifts), day in days.items():
        statement = funding_statement(day)
        sentence = SENTENCES[sponsors > 0, grants > 0, gifts > 0]
        assert statement.support == sentence.format(
            s=SPONSORS[sponsors], g=GRANTORS[grants], k=GIVERS[gifts]
        )
        any_funder = bool(sponsors or grants or gifts)
        assert statement.influence == "Funders have no influence on our content." * any_funder
        assert statement.order == ORDER * (max(sponsors, grants, gifts) > 1)


S, K = (SPONSORSHIP, "Ada", ""), (IN_KIND, "Gil", "printing")
G, G2 = (GRANT, "Dee", ""), (GRANT, "Eve", "")


@pytest.mark.parametrize(
    ("supports", "sentence"),
    [
        ([], ""),
        ([S], "This article was sponsored by Ada."),
        ([S, (SPONSORSHIP, "Bo", "")], "This article was sponsored by Ada and Bo."),
        ([G], "This article was supported through an educational grant from Dee."),
        ([G, G2], "This article was supported through educational grants from Dee and Eve."),
        ([G, G], "This article was supported through educational grants from Dee."),
        ([K], "This article was supported in kind by Gil (printing)."),
        (
            [S, G],
            (
                "This article was sponsored by Ada and supported through an educational grant from "
                "Dee."
            ),
        ),
        (
            [S, G, G2],
            (
                "This article was sponsored by Ada and supported through educational grants from "
                "Dee and Eve."
            ),
        ),
        ([S, K], "This article was sponsored by Ada and supported in kind by Gil (printing)."),
        (
            [G, K],
            (
                "This article was supported through an educational grant from Dee and in kind by "
                "Gil (printing)."
            ),
        ),
        (
            [G, G2, K],
            (
                "This article was supported through educational grants from Dee and Eve and in "
                "kind by Gil (printing)."
            ),
        ),
        (
            [S, G, K],
            (
                "This article was sponsored by Ada, supported through an educational grant from "
                "Dee and supported in kind by Gil (printing)."
            ),
        ),
        (
            [S, G, G2, K],
            (
                "This article was sponsored by Ada, supported through educational grants from Dee "
                "and Eve and supported in kind by Gil (printing)."
            ),
        ),
    ],
)
def test_what_an_article_says_of_its_own_agreements(supports, sentence):
    statement = article_funding_statement(supports)
    assert statement.support == sentence
    assert bool(statement.influence) == bool(supports)


@pytest.mark.parametrize(
    ("language", "names"), [("en-gb", "Ada, Bo and Cy"), ("de", "Ada, Bo und Cy")]
)
def test_names_are_joined_as_the_language_does(language, names):
    for name in ("Ada", "Bo", "Cy"):
        fund(name)
    with translation.override(language):
        assert f"sponsored by {names}." in funding_statement(DAY).support


def test_a_name_is_that_of_the_day():
    agreement = fund("New AG", starts_on=datetime.date(2020, 1, 1))
    for name, year in (("Older AG", 2022), ("Old AG", 2024)):
        agreement.funder.former_names.create(name=name, last_day=datetime.date(year, 12, 31))
    for day, name in (
        ("2020-01-01", "Older AG"),
        ("2022-12-31", "Older AG"),
        ("2023-01-01", "Old AG"),
        ("2024-12-31", "Old AG"),
        ("2025-01-01", "New AG"),
    ):
        support = funding_statement(datetime.date.fromisoformat(day)).support
        assert support == f"{PREFIX}, sponsored by {name}."


def test_markup_in_a_name_is_text(client):
    fund("<b>Ada</b> & 100 %(s)s", starts_on=datetime.date(2020, 1, 1))
    assert "&lt;b&gt;Ada&lt;/b&gt; &amp; 100 %(s)s." in client.get("/funders/").content.decode()


def test_names_are_ordered_by_level_then_name():
    fund("Zeta", rank=1)
    fund("Beta", rank=2)
    fund("alpha", rank=2)
    assert "sponsored by Zeta, alpha and Beta." in funding_statement(DAY).support


def test_the_order_is_that_of_the_names_of_the_day():
    fund("Beta")
    funder = fund("Alpha").funder
    funder.former_names.create(name="Zeta", last_day=DAY)
    assert "sponsored by Beta and Zeta." in funding_statement(DAY).support
    after = funding_statement(DAY + datetime.timedelta(days=1))
    assert "sponsored by Alpha and Beta." in after.support


def test_a_funder_who_changes_level_moves_on_that_day():
    fund("Ada", rank=2)
    first = fund("Bo", rank=3, ends_on=DAY)
    second = {"starts_on": DAY + datetime.timedelta(days=1)}
    AgreementFactory(funder=first.funder, level=SupportLevel.objects.get(rank=1), **second)
    assert "sponsored by Ada and Bo." in funding_statement(DAY).support
    assert "sponsored by Bo and Ada." in funding_statement(second["starts_on"]).support


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


def test_a_rename_at_midnight_needs_no_restart(client, time_machine, settings):
    settings.TIME_ZONE = "Europe/London"
    settings.CONTENT_STAMP_SECONDS = 60
    agreement = fund("New AG", starts_on=datetime.date(2026, 1, 1))
    agreement.funder.former_names.create(name="Old AG", last_day=datetime.date(2026, 6, 30))
    time_machine.move_to("2026-06-30T22:59:59Z")
    for address in ("/", "/funders/", "/funders.json"):
        assert b"Old AG" in client.get(address).content
        assert b"New AG" not in client.get(address).content
    time_machine.move_to("2026-06-30T23:00:00Z")
    for address in ("/", "/funders/", "/funders.json"):
        assert b"New AG" in client.get(address).content
    assert b"Old AG" not in client.get("/").content


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
