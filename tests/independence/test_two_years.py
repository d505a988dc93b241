"""Two years are played; on more than 50 days what readers see is compared with a table.

The table (``two_years.toml``) was written by hand. Nothing is forgotten between the days: what a
process remembers has to notice by itself that a day, a funder or a disclosure is another.
"""

import re
import tomllib
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
import time_machine
from django.test import Client

from portal.attestation.models import current_statement
from portal.funders.disclosure import current_funding_statement, funding_statement
from portal.independence.report import Facts, report_facts, report_sha256

from .scenario import EVENTS, World, begin, local

TABLE = tomllib.loads(Path(__file__).with_name("two_years.toml").read_text(encoding="utf-8"))
MOMENTS = TABLE["table"]["moments"]
REPORTS = TABLE["reports"]
BEGINNING = date(2024, 1, 1)


class Words(HTMLParser):
    """What stands in a piece of HTML, in words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self._parts: list[str] = []
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self._parts.append(data)

    def __str__(self) -> str:
        return " ".join(" ".join(self._parts).split()).replace(" :", ":")


def words(html: str) -> str:
    return str(Words(html))


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, address
    return answer.content.decode()


def attested() -> Client:
    client = Client()
    form = {"is_healthcare_professional": "on", "statement": current_statement().number}
    client.post("/healthcare-professionals/", form)
    return client


def shown_funders(html: str) -> list[list[list[str]]]:
    """Return the rows of today's funders and of earlier ones, each as the cells' words."""
    sections = {
        name: re.search(rf'<section[^>]* aria-labelledby="{name}".*?</section>', html, re.DOTALL)
        for name in ("current", "past")
    }
    return [
        [
            [words(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
            for row in re.findall(r"<tr.*?</tr>", section[0], re.DOTALL)[1:]
        ]
        if section
        else []
        for section in sections.values()
    ]


def check_funders(html: str, expected: list[list[str]]) -> None:
    for shown, keys in zip(shown_funders(html), expected, strict=True):
        rows = [TABLE["rows"][key] for key in keys]
        assert [row[:3] for row in shown] == [row[:3] for row in rows]
        for (*_facts, period), (_name, _kind, _level, *days) in zip(shown, rows, strict=True):
            assert all(day in period for day in days), (period, days)
            assert len(re.findall(r"\d{4}", period)) == len(days)


def check_article(client: Client, state: str) -> None:
    key, shown = state[0], state[3:]
    if shown == "gone":
        page(client, f"/articles/article-{key}/", status=410)
    else:
        html = page(client, f"/articles/article-{key}/")
        details = html.split('class="competing-interests"')[1].split("</details>")[0]
        people = [
            words(item).removeprefix("Competing interests of ")
            for item in re.findall(r"<li>.*?</li>", details, re.DOTALL)
        ]
        assert people == [TABLE["disclosed"][shown], TABLE["disclosed"]["approver"]]


def check_record(client: Client, state: str) -> None:
    """All versions are on record: money is not what a withdrawal hides."""
    key, number = state[0], int(state[1])
    record = words(page(client, f"/articles/article-{key}/disclosures/"))
    assert re.findall(r"Version (\d+)", record) == [str(one) for one in range(number, 0, -1)]


def check_report(facts: Facts, expected: dict, world: World) -> None:
    assert [
        [
            one["names"],
            one["kind"],
            one["level"],
            one["starts_on"],
            one["ends_on"] or "",
            one["purpose"],
        ]
        for one in facts["agreements"]
    ] == expected["agreements"]
    keys = {article.pk: key for key, article in world.articles.items()}
    assert [
        [
            f"{keys[one['article']]}{one['number']}",
            one["published_at"][:10],
            one["kind"],
            *one["authors"],
            one["funding"]["statement"],
            ", ".join(support["name"] for support in one["funding"]["restricted"]),
            one["notice"],
        ]
        for one in facts["versions"]
    ] == [
        [which, day, kind, author, TABLE["sentences"][sentence], support, notice]
        for which, day, kind, author, sentence, support, notice in expected["versions"]
    ]
    editor, reviewer = world.editor.pk, world.reviewer.pk
    for one in facts["versions"]:
        assert (one["written_by"], one["published_by"]) == ([editor], editor)
        assert one["approved_by"] == reviewer
    steps = [(step["verb"], step["account"]) for step in facts["steps"]]
    assert steps.count(("approve", reviewer)) == len(expected["versions"])
    assert [
        [f"{keys[step['article']]}{step['version']}", step["at"][:10]]
        for step in facts["steps"]
        if step["verb"] == "withdraw"
    ] == expected["withdrawn"]
    assert len(steps) == len(expected["versions"]) + len(expected["withdrawn"])


@pytest.mark.django_db
def test_two_years(settings):
    settings.CONTENT_STAMP_SECONDS = 0  # ask anew on every page
    assert len({moment.split()[0] for moment, *_rest in MOMENTS}) >= 50
    with time_machine.travel(local("2024-01-01 08:00"), tick=False):
        world = begin()
    to_come, finished, known = list(EVENTS), {}, set()
    for moment, sentence, funders, articles, counts in MOMENTS:
        while to_come and local(to_come[0][0]) <= local(moment):
            when, happen = to_come.pop(0)
            with time_machine.travel(local(when), tick=False):
                happen(world)
        with time_machine.travel(local(moment), tick=False):
            client = attested()
            assert str(current_funding_statement()) == TABLE["sentences"][sentence], moment
            assert TABLE["sentences"][sentence] in words(page(client, "/")), moment
            check_funders(page(client, "/funders/"), TABLE["pages"][funders])
            for state in articles.split():
                check_article(client, state)
                if state not in known:
                    check_record(client, state)
            known = set(articles.split())
            today = local(moment).date()
            facts = report_facts(BEGINNING, today)
            parts = ("agreements", "versions", "assessments")
            assert [len(facts[part]) for part in parts] == counts, moment
            for report in REPORTS:
                first, last = map(date.fromisoformat, report["period"])
                if last < today:
                    finished.setdefault((first, last), set()).add(
                        report_sha256(report_facts(first, last))
                    )
    assert to_come == []
    # Nor did renaming change what is said of a day before it (of two moments, the later one).
    said = {local(moment).date(): sentence for moment, sentence, *_rest in MOMENTS}
    assert {day: str(funding_statement(day)) for day in said} == {
        day: TABLE["sentences"][sentence] for day, sentence in said.items()
    }
    # Whatever happened afterwards, a report of a past half year stayed what it was.
    assert [len(hashes) for hashes in finished.values()] == [1, 1, 1]
    for report in REPORTS:
        check_report(report_facts(*map(date.fromisoformat, report["period"])), report, world)
