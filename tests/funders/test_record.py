"""The public record of funding: the page, the JSON, the CSV."""

import csv
import datetime
import json
import re
from io import StringIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from articles.models import ArticleVersion
from portal.core.content_cache import memory
from portal.core.models import SiteSettings
from portal.funders.exports import COLUMNS
from portal.funders.models import Agreement, SupportLevel
from tests.factories import AgreementFactory, FunderFactory, PublishableArticleFactory, publish

pytestmark = pytest.mark.django_db

GRANT = Agreement.Kind.EDUCATIONAL_GRANT
IN_KIND = Agreement.Kind.IN_KIND


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def fund(name: str, kind: str = "sponsorship", rank: int = 1, **fields: object) -> Agreement:
    return AgreementFactory(
        funder=FunderFactory(name=name),
        kind=kind,
        level=SupportLevel.objects.get(rank=rank),
        **fields,
    )


@pytest.fixture(autouse=True)
def site(time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z")
    return SiteSettings.objects.create(name="The Hub")


@pytest.fixture
def record():
    """A sponsor that has renamed itself, a grant for an article, and one that has ended."""
    ada = fund("Ada AG", starts_on=day("2024-03-01"), amount="1000.50", currency="EUR")
    ada.reference = "SECRET-1"
    ada.save()
    ada.funder.country, ada.funder.ror_id, ada.funder.website = (
        "DE",
        "03yrm5c26",
        "https://a.example",
    )
    ada.funder.save()
    ada.funder.former_names.create(name="Old Ada", last_day=day("2025-05-03"))
    ada.funder.trade_names.create(name="Adamabix")
    ada.funder.product_sites.create(host="www.adamabix.example")
    dee = fund(
        "Dee", GRANT, 2, is_site_wide=False, purpose="Articles on X", starts_on=day("2026-01-01")
    )
    fund("Eve", IN_KIND, 3, nature="rooms", starts_on=day("2024-01-01"), ends_on=day("2024-12-31"))
    fund("Future", starts_on=day("2026-06-02"))
    article = PublishableArticleFactory(title="A <b>title</b>", slug="one")
    article.supported_by.add(dee)
    publish(article)
    return {"ada": ada, "dee": dee}


# --- the page -------------------------------------------------------------------------------------


def test_the_page_names_who_pays_now_and_who_paid_before(client):
    fund("Now Pharma")
    fund("Past Pharma", GRANT, ends_on=day("2025-12-31"))
    fund("Future Pharma", starts_on=day("2027-01-01"))
    response = client.get("/funders/")
    html = response.content.decode()
    assert [agreement.name for agreement in response.context["current"]] == ["Now Pharma"]
    assert [agreement.name for agreement in response.context["past"]] == ["Past Pharma"]
    assert "Now Pharma" in html
    assert "Past Pharma" in html
    assert "Future Pharma" not in html


def test_the_tables_have_kind_and_name_of_the_day(client, record):
    tables = re.findall("<table.*?</table>", client.get("/funders/").content.decode(), re.DOTALL)
    rows = [
        [
            " ".join(strip_tags(cell).split())
            for cell in re.findall("<t[hd].*?</t[hd]>", row, re.DOTALL)
        ]
        for table in tables
        for row in re.findall("<tr.*?</tr>", table, re.DOTALL)[1:]
    ]
    assert [row[:3] for row in rows] == [
        ["Ada AG Germany", "Sponsorship", "Principal"],
        ["Dee", "Educational grant for named articles", "Major"],
        ["Eve", "Support in kind", "Standard"],
    ]


def test_the_page_says_for_what_and_in_which_articles(client, record):
    html = client.get("/funders/").content.decode()
    part = html[html.index('id="purposes"') : html.index('id="past"')]
    assert "Articles on X" in part
    assert '<a href="http://testserver/articles/one/">A &lt;b&gt;title&lt;/b&gt;</a>' in part
    assert "Ada" not in part
    assert "rooms" in part
    for secret in ("SECRET-1", "Adamabix", "adamabix.example", "1000", "Future"):
        assert secret not in html


def test_an_article_is_listed_by_what_its_published_version_says(client, record):
    ArticleVersion.objects.get().article.supported_by.set([])
    assert "/articles/one/" in client.get("/funders/").content.decode()
    draft = PublishableArticleFactory(title="Not yet", slug="two")
    draft.supported_by.add(record["dee"])
    memory.forget()
    assert "Not yet" not in client.get("/funders/").content.decode()


def test_an_article_says_who_supported_it_and_nothing_twice(client, record):
    html = client.get("/articles/one/").content.decode()
    line = " ".join(strip_tags(html[html.index("Funding on") :]).split())
    assert line.startswith(
        "Funding on 1 June 2026: The Hub is an independent medical education platform, sponsored "
        "by Ada AG. Funders have no influence on our content. This article was supported through "
        "an educational grant from Dee. View funders"
    )


def test_each_year_has_the_names_of_that_time(client, record):
    years = client.get("/funders/").context["years"]
    assert [(year.year, [entry.name for entry in year.entries]) for year in years] == [
        (2026, ["Ada AG", "Dee"]),
        (2025, ["Ada AG (Old Ada until 3 May 2025)"]),
        (2024, ["Old Ada", "Eve"]),
    ]


def test_a_name_that_is_to_come_is_not_told(client):
    agreement = fund("Tomorrow AG")
    agreement.funder.former_names.create(name="Today AG", last_day=day("2026-06-01"))
    for address in ("/funders/", "/funders.json", "/funders.csv"):
        content = client.get(address).content.decode()
        assert "Today AG" in content
        assert "Tomorrow AG" not in content


def test_amounts_are_public_only_if_the_publisher_says_so(client, record, site):
    for address in ("/funders/", "/funders.json", "/funders.csv"):
        assert "1000" not in client.get(address).content.decode()
    site.shows_amounts = True
    site.save()
    memory.forget()
    assert "Amount: 1000.50 EUR" in client.get("/funders/").content.decode()
    (ada, *_others) = client.get("/funders.json").json()["funders"]
    assert (ada["agreements"][0]["amount"], ada["agreements"][0]["currency"]) == ("1000.50", "EUR")
    assert ",1000.50,EUR" in client.get("/funders.csv").content.decode()


def test_nobody_has_funded_the_site(client):
    html = client.get("/funders/").content.decode()
    assert "No company funds the site at present." in html
    assert "Year by year" not in html
    assert client.get("/funders.json").json()["funders"] == []
    assert client.get("/funders.csv").content.decode("utf-8-sig") == ",".join(COLUMNS) + "\r\n"


@pytest.mark.parametrize("address", ["/funders/", "/funders.json", "/funders.csv"])
def test_the_record_costs_the_same_for_one_and_three(client, settings, address):
    settings.CONTENT_STAMP_SECONDS = 60
    costs = []
    for number in (1, 2):
        for part in range(number):
            agreement = fund(
                f"Funder {number}{part}", GRANT, is_site_wide=False, purpose="Articles"
            )
            agreement.funder.former_names.create(name="Former", last_day=day("2025-06-01"))
            article = PublishableArticleFactory()
            article.supported_by.add(agreement)
            publish(article)
        memory.forget()
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        costs.append(len(queries))
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        assert len(queries) == 0
    # The stamp, the rows of every page, agreements, former names, articles.
    assert costs == [5, 5]


# --- JSON and CSV ---------------------------------------------------------------------------------


def test_the_json_is_as_documented(client, record):
    document = client.get("/funders.json").json()
    ids = [(funder.pop("id"), funder["agreements"][0].pop("id")) for funder in document["funders"]]
    assert ids[0] == (record["ada"].funder.pk, record["ada"].pk)
    assert document == {
        "schema": 1,
        "url": "http://testserver/funders/",
        "site": "The Hub",
        "as_of": "2026-06-01",
        "statement": (
            "The Hub is an independent medical education platform, sponsored by Ada AG. "
            "Funders have no influence on our content."
        ),
        "amounts_are_public": False,
        "funders": [
            {
                "name": "Ada AG",
                "country": "DE",
                "website": "https://a.example",
                "ror": "https://ror.org/03yrm5c26",
                "former_names": [{"name": "Old Ada", "last_day": "2025-05-03"}],
                "agreements": [
                    {
                        "kind": "sponsorship",
                        "nature": "",
                        "starts_on": "2024-03-01",
                        "ends_on": None,
                        "in_force": True,
                        "scope": "site",
                        "purpose": "",
                        "level": {"rank": 1, "label": "Principal"},
                        "articles": [],
                        "amount": None,
                        "currency": None,
                    }
                ],
            },
            {
                "name": "Dee",
                "country": "",
                "website": "",
                "ror": "",
                "former_names": [],
                "agreements": [
                    {
                        "kind": "educational_grant",
                        "nature": "",
                        "starts_on": "2026-01-01",
                        "ends_on": None,
                        "in_force": True,
                        "scope": "articles",
                        "purpose": "Articles on X",
                        "level": {"rank": 2, "label": "Major"},
                        "articles": [
                            {"title": "A <b>title</b>", "url": "http://testserver/articles/one/"}
                        ],
                        "amount": None,
                        "currency": None,
                    }
                ],
            },
            {
                "name": "Eve",
                "country": "",
                "website": "",
                "ror": "",
                "former_names": [],
                "agreements": [
                    {
                        "kind": "in_kind",
                        "nature": "rooms",
                        "starts_on": "2024-01-01",
                        "ends_on": "2024-12-31",
                        "in_force": False,
                        "scope": "site",
                        "purpose": "",
                        "level": {"rank": 3, "label": "Standard"},
                        "articles": [],
                        "amount": None,
                        "currency": None,
                    }
                ],
            },
        ],
    }


def test_each_member_of_the_json_is_documented(client, record, settings):
    text = (settings.BASE_DIR / "docs" / "funders-json.md").read_text(encoding="utf-8")
    document = client.get("/funders.json").json()
    (ada, *_others) = document["funders"]
    for members in (document, ada, ada["former_names"][0], ada["agreements"][0], COLUMNS):
        for member in members:
            assert f"`{member}`" in text


def test_the_csv_has_a_row_for_each_agreement(client, record):
    response = client.get("/funders.csv")
    assert response["Content-Disposition"] == 'attachment; filename="funders-2026-06-01.csv"'
    rows = list(csv.DictReader(StringIO(response.content.decode("utf-8-sig"))))
    assert [row["name"] for row in rows] == ["Ada AG", "Dee", "Eve"]
    assert rows[0] == {
        "agreement": str(record["ada"].pk),
        "funder": str(record["ada"].funder.pk),
        "name": "Ada AG",
        "former_names": "Old Ada (2025-05-03)",
        "country": "DE",
        "website": "https://a.example",
        "ror": "https://ror.org/03yrm5c26",
        "kind": "sponsorship",
        "nature": "",
        "level_rank": "1",
        "level": "Principal",
        "starts_on": "2024-03-01",
        "ends_on": "",
        "in_force": "yes",
        "scope": "site",
        "purpose": "",
        "articles": "",
        "amount": "",
        "currency": "",
    }
    assert (rows[1]["scope"], rows[1]["articles"]) == (
        "articles",
        "http://testserver/articles/one/",
    )


def test_no_spreadsheet_runs_what_was_typed(client):
    agreement = fund("=cmd()", purpose="+1", kind=IN_KIND, nature="@SUM(A1)")
    agreement.funder.former_names.create(name="-2", last_day=day("2025-06-01"))
    (row,) = csv.DictReader(StringIO(client.get("/funders.csv").content.decode("utf-8-sig")))
    assert row["name"] == "'=cmd()"
    assert row["purpose"] == "'+1"
    assert row["nature"] == "'@SUM(A1)"
    assert row["former_names"] == "'-2 (2025-06-01)"
    assert client.get("/funders.json").json()["funders"][0]["name"] == "=cmd()"


def test_markup_stays_text(client):
    agreement = fund("<script>x</script>", purpose="</dd><b>", kind=IN_KIND, nature="<i>rooms")
    agreement.funder.former_names.create(name="<u>old", last_day=day("2025-06-01"))
    for address in ("/funders/", "/funders/changes/"):
        html = client.get(address).content.decode()
        for markup in ("<script>x", "</dd><b>", "<i>rooms", "<u>old"):
            assert markup not in html
        assert "&lt;script&gt;x" in html


@pytest.mark.parametrize("address", ["/funders.json", "/funders.csv"])
def test_what_has_not_changed_is_not_sent_again(client, settings, address):
    settings.CONTENT_STAMP_SECONDS = 0
    fund("Ada")
    tag = client.get(address)["ETag"]
    assert client.get(address, headers={"if-none-match": tag}).status_code == 304
    fund("Bo")
    answer = client.get(address, headers={"if-none-match": tag})
    assert answer.status_code == 200
    assert "Bo" in answer.content.decode()
    assert json.dumps(dict(answer.headers)).count("Cookie") == 1


@pytest.mark.parametrize("address", ["/funders.json", "/funders.csv", "/funders/changes/"])
def test_only_reading_is_possible(client, address):
    assert client.post(address).status_code == 405
