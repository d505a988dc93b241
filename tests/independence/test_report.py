"""The report of a period: what it holds, that it stays what it is, and who may make one."""

import datetime
import json
from hashlib import sha256
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, transaction
from django.test import Client
from django.utils import timezone

from articles.models import Overruling
from articles.product_names import product_hits
from articles.services import (
    approve_article,
    assess_relationship,
    overrule,
    publish_article,
    record_edit,
    submit_for_review,
    withdraw_article,
)
from portal.core.models import SiteSettings
from portal.funders.models import SupportLevel
from portal.independence.audit import audit_memberships
from portal.independence.models import Report
from portal.independence.report import canonical, report_facts, report_sha256
from tests.factories import (
    AgreementFactory,
    DisclosureFactory,
    FunderFactory,
    PublishableArticleFactory,
    UserFactory,
    publish,
    sign_by,
)

pytestmark = pytest.mark.django_db

FIRST, LAST = datetime.date(2025, 1, 1), datetime.date(2025, 12, 31)
IN_THE_YEAR = datetime.datetime(2025, 6, 10, 9, tzinfo=datetime.UTC)


def day(month, number, year=2025):
    return datetime.date(year, month, number)


@pytest.fixture
def year(db):
    """A year with one of each: an agreement, a version, a correction, decisions, an audit."""
    with time_machine.travel(IN_THE_YEAR, tick=False):
        editor = UserFactory(group="Editors", name="Erin Editor")
        reviewer = UserFactory(group="Medical reviewers", name="Robin Reviewer")
        reviewer.person.name = "Prof Reviewer"
        reviewer.person.save()
        agreement = AgreementFactory(funder__name="Alpha Pharma", amount=9000, currency="EUR")
        article = PublishableArticleFactory(title="Late failure")
        person = sign_by(article, has_none=False)
        person.name = "Dr Author"
        person.save()
        relationship = person.disclosures.get().relationships.create(
            company="Placebo Ltd", nature="honoraria"
        )
        assess_relationship(
            article=article,
            relationship=relationship,
            user=editor,
            is_relevant=True,
            reason="Same drug.",
            mitigation="peer_review",
            mitigated_on=day(6, 1),
        )
        agreement.funder.trade_names.create(name="Bodymax")
        article.sections.filter(position=1).update(body="<p>The Bodymax index. [@halpern]</p>")
        overrule(
            article=article, hit=product_hits(article)[0], user=editor, reason="An index's name."
        )
        record_edit(article=article, user=editor)
        submit_for_review(article=article, user=editor)
        approve_article(article=article, user=reviewer, comment="Agreed.")
        publish_article(article=article, user=editor)
        audit_memberships()
    with time_machine.travel(IN_THE_YEAR + datetime.timedelta(days=30), tick=False):
        publish(article, kind="correction", notice="A figure was wrong.")
    with time_machine.travel(IN_THE_YEAR + datetime.timedelta(days=60), tick=False):
        withdraw_article(article=article, user=editor, reason="Wrong.", comment="Agreed by all.")
    return article


def test_the_facts_of_a_year(year):
    facts = report_facts(FIRST, LAST)
    [agreement], [assessment] = facts["agreements"], facts["assessments"]
    first, corrected = facts["versions"]
    editor, reviewer = first["written_by"][0], first["approved_by"]
    assert facts["period"] == {
        "from": "2025-01-01",
        "to": "2025-12-31",
        "time_zone": "Europe/London",
    }
    assert agreement | {"agreement": 0, "funder": 0} == {
        "agreement": 0,
        "funder": 0,
        "names": ["Alpha Pharma"],
        "kind": "sponsorship",
        "nature": "",
        "level": 1,
        "starts_on": "2025-01-01",
        "ends_on": None,
        "is_site_wide": True,
        "purpose": "",
    }
    assert first["published_at"] == "2025-06-10T09:00:00+00:00"
    assert (first["number"], first["kind"], first["notice"]) == (1, "first", "")
    assert first["authors"] == ["Dr Author"]
    assert first["written_by"] == [editor]
    assert first["published_by"] == editor != reviewer
    assert [one["name"] for one in first["disclosures"]] == ["Dr Author", "Prof Reviewer"]
    assert first["disclosures"][0]["relationships"][0]["mitigated_on"] == "2025-06-01"
    assert first["funding"]["site_wide"][0]["name"] == "Alpha Pharma"
    assert (corrected["number"], corrected["notice"]) == (2, "A figure was wrong.")
    assert [(step["verb"], step["account"], step["version"]) for step in facts["steps"]] == [
        ("approve", reviewer, None),
        ("approve", None, 1),
        ("withdraw", editor, 2),
    ]
    assert (assessment["company"], assessment["is_relevant"]) == ("Placebo Ltd", True)
    assert (assessment["mitigated_on"], assessment["assessed_by"]) == ("2025-06-01", editor)
    [overruling] = facts["overrulings"]
    assert (overruling["found"], overruling["reason"]) == ("bodymax", "An index's name.")
    assert [audit["day"] for audit in facts["audits"]] == ["2025-06-10"]
    assert "9000" not in canonical(facts).decode()


def test_days_are_those_of_the_sites_time_zone(year):
    """In summer London's day ends at 23:00 UTC."""
    for hour, title in ((22, "Before midnight"), (23, "After midnight")):
        with time_machine.travel(datetime.datetime(2025, 6, 30, hour, 30, tzinfo=datetime.UTC)):
            publish(PublishableArticleFactory(title=title))
    june, july = (report_facts(day(month, 1), day(month, 30)) for month in (6, 7))
    assert [one["title"] for one in june["versions"]] == ["Late failure", "Before midnight"]
    assert [one["title"] for one in july["versions"]] == ["After midnight", "Late failure"]


def test_what_may_change_later_changes_no_report(year):
    """Renaming, ending, editing, telling amounts: the year stays what it was."""
    before = report_sha256(report_facts(FIRST, LAST))
    agreement = AgreementFactory._meta.model.objects.get()
    agreement.funder.former_names.create(name="Alpha Pharma", last_day=day(2, 1, 2026))
    agreement.funder.name = "Omega Pharma"
    agreement.funder.website = "https://omega.example"
    agreement.funder.save()
    agreement.ends_on = day(3, 1, 2026)
    agreement.amount, agreement.reference = 12_000, "Renewed"
    agreement.save()
    SupportLevel.objects.update(label="Gold")
    SiteSettings.objects.update_or_create(defaults={"shows_amounts": True, "name": "Another name"})
    for account in UserFactory._meta.model.objects.all():
        account.name, account.email = "Somebody Else", f"else{account.pk}@example.org"
        account.save()
    person = year.article_authors.get().person
    person.name, person.slug = "Dr Married", "dr-married"
    person.save()
    DisclosureFactory(person=person)
    year.title, year.slug = "Another title", "another-address"
    year.save()
    year.sections.all().delete()
    year.article_authors.all().delete()
    assert report_sha256(report_facts(FIRST, LAST)) == before


def test_a_rename_within_the_period_shows_both_names():
    agreement = AgreementFactory(funder__name="Zeta", starts_on=day(2, 1), ends_on=day(10, 31))
    agreement.funder.former_names.create(name="Beta", last_day=day(7, 31))
    agreement.funder.former_names.create(name="Older", last_day=day(1, 31))
    assert report_facts(FIRST, LAST)["agreements"][0]["names"] == ["Beta", "Zeta"]
    assert report_facts(FIRST, day(7, 31))["agreements"][0]["names"] == ["Beta"]
    assert report_facts(day(8, 1), LAST)["agreements"][0]["names"] == ["Zeta"]


def test_an_agreements_end_is_told_once_it_is_there():
    AgreementFactory(starts_on=day(2, 1), ends_on=day(10, 31))
    assert report_facts(FIRST, day(10, 30))["agreements"][0]["ends_on"] is None
    assert report_facts(FIRST, day(10, 31))["agreements"][0]["ends_on"] == "2025-10-31"
    assert report_facts(day(11, 1), LAST)["agreements"] == []
    assert report_facts(FIRST, day(1, 31))["agreements"] == []


def test_versions_of_the_first_schema_are_reported(year):
    from articles.models import ArticleVersion

    version = year.versions.get(number=1)
    document = {**version.document, "schema": 1}
    del document["contributors"]
    ArticleVersion.objects.create(
        article=year, number=9, document=document, published_at=IN_THE_YEAR
    )
    assert [one["contributors"] for one in report_facts(FIRST, LAST)["versions"]] == [[], [], []]


@pytest.mark.parametrize("times", [1, 3])
def test_the_facts_take_the_same_queries_however_many_there_are(
    django_assert_num_queries, year, times
):
    for number in range(times):
        AgreementFactory(funder__name=f"Funder {number}")
        with time_machine.travel(IN_THE_YEAR):
            publish(PublishableArticleFactory())
            Overruling.objects.create(article=year, rule="link", found=str(number), reason="No.")
    with django_assert_num_queries(7):
        report_facts(FIRST, LAST)


# --- the desk -------------------------------------------------------------------------------------


@pytest.fixture
def report(year, desk):
    answer = desk.post(
        "/admin/independence/report/add/", {"starts_on": "2025-01-01", "ends_on": "2025-12-31"}
    )
    assert answer.status_code == 302
    made = Report.objects.get()
    assert answer["Location"] == f"/admin/independence/report/{made.pk}/change/"
    return made


def page_of(client, report):
    answer = client.get(f"/admin/independence/report/{report.pk}/change/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_staff_make_a_report_and_read_it(desk, staff, report):
    assert (report.generated_by, report.schema) == (staff, 1)
    page = page_of(desk, report)
    assert "Yes. The database gives the same report" in page
    assert page.count(report.sha256) == 2
    for told in (
        "Alpha Pharma",
        "Late failure",
        "A figure was wrong.",
        "Dr Author: Placebo Ltd (honoraria, relevant; mitigated: independent peer review",
        "Robin Reviewer (Prof Reviewer)",
        "Erin Editor",
        "An index&#x27;s name.",
        "Agreed by all.",
        "One night of the period was audited.",
    ):
        assert told in page, told
    assert "9,000" not in page


def test_the_file_has_the_sha256_that_the_page_shows(desk, report):
    answer = desk.get(f"/admin/independence/report/{report.pk}/report.json")
    assert sha256(answer.content).hexdigest() == report.sha256
    assert answer["Content-Type"] == "application/json"
    assert 'filename="independence-2025-01-01-2025-12-31.json"' in answer["Content-Disposition"]
    assert json.loads(answer.content) == report_facts(FIRST, LAST)


def test_a_fact_that_was_added_is_told(desk, report):
    AgreementFactory(funder__name="Forgotten Trust", starts_on=day(12, 31))
    page = page_of(desk, report)
    assert "No. Facts of this period were added or corrected" in page
    assert page.count(report.sha256) == 1
    assert "Forgotten Trust" in page


def test_amounts_are_shown_where_the_publisher_says_so(desk, report):
    SiteSettings.objects.update_or_create(defaults={"shows_amounts": True})
    from portal.core.content_cache import memory

    memory.forget()
    page = page_of(desk, report)
    assert "EUR 9,000.00" in page
    assert "Yes. The database gives the same report" in page


@pytest.mark.parametrize(
    ("first", "last", "error"),
    [
        ("2025-02-01", "2025-01-31", "The period ends before it begins."),
        ("2025-02-01", "2999-01-31", "This day is still to come."),
        ("2025-02-01", "", "This field is required."),
        ("2025-02-31", "2025-03-01", "Enter a valid date."),
    ],
)
def test_a_period_that_is_none_is_refused(desk, first, last, error):
    answer = desk.post("/admin/independence/report/add/", {"starts_on": first, "ends_on": last})
    assert error in answer.content.decode()
    assert not Report.objects.exists()


@pytest.mark.parametrize(
    ("group", "add", "change"),
    [("Editors", 403, 403), ("Medical reviewers", 403, 200), ("Staff", 200, 200)],
)
def test_who_may_make_and_see_reports(report, group, add, change):
    client = Client()
    client.force_login(UserFactory(group=group))
    base = "/admin/independence/report/"
    assert client.get(f"{base}add/").status_code == add
    assert client.get(base).status_code == change
    assert client.get(f"{base}{report.pk}/change/").status_code == change
    assert client.get(f"{base}{report.pk}/report.json").status_code == change
    assert client.post(f"{base}{report.pk}/delete/").status_code == 403


def test_a_report_that_is_not_there_is_not_found(desk):
    assert desk.get("/admin/independence/report/77/change/").status_code == 404
    assert desk.get("/admin/independence/report/none/change/").status_code == 404
    assert desk.get("/admin/independence/report/77/report.json").status_code == 404


def test_a_report_is_only_ever_added(report):
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        Report.objects.update(sha256="0" * 64)
    with pytest.raises(IntegrityError), transaction.atomic():
        Report.objects.create(starts_on=LAST, ends_on=FIRST, generated_by_id=1, schema=1)


@pytest.mark.parametrize("times", [1, 3])
def test_pages_take_the_same_queries_however_much_there_is(
    django_assert_num_queries, desk, report, times
):
    for number in range(times):
        AgreementFactory(funder__name=f"Funder {number}")
        with time_machine.travel(IN_THE_YEAR):
            publish(PublishableArticleFactory())
        Report.objects.create(
            starts_on=FIRST, ends_on=LAST, generated_by=UserFactory(), sha256="0", schema=1
        )
    page_of(desk, report)
    with django_assert_num_queries(18):
        page_of(desk, report)
    desk.get("/admin/independence/report/")
    with django_assert_num_queries(10):
        desk.get("/admin/independence/report/")


# --- the command ----------------------------------------------------------------------------------


def run(*arguments):
    out = StringIO()
    call_command("independence_report", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_the_canonical_json_and_checks_it(year):
    written = run("2025-01-01", "2025-12-31")
    assert written.encode() == canonical(report_facts(FIRST, LAST))
    expected = sha256(written.encode()).hexdigest()
    checked = run("2025-01-01", "2025-12-31", "--check", expected.upper())
    assert checked == f"{expected}: as expected.\n"
    with pytest.raises(CommandError, match=f"now {expected}: facts of these days were added"):
        run("2025-01-01", "2025-12-31", "--check", "0" * 64)
    with pytest.raises(CommandError, match="ends before it begins"):
        run("2025-12-31", "2025-01-01")
    with pytest.raises(CommandError, match="no day like"):
        run("2025-13-31", "2025-01-01")


def test_the_command_needs_nobody_and_nothing(db):
    facts = json.loads(run("2020-01-01", "2020-12-31"))
    assert facts["versions"] == facts["agreements"] == []
    assert FunderFactory._meta.model.objects.count() == 0
    assert timezone.localdate().year > 2020
