"""A wording is edited when 10,000 readers have answered: nothing that was there changes."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from articles.models import Article
from feedback.exports.orders import Format
from feedback.models import Response, Survey, SurveyVersion, load_survey_version
from feedback.results.counting import figures
from feedback.results.selection import Selection
from feedback.surveys import start_draft
from tests.factories import published_article

from .builders import KEYS, answer, export, refresh_tallies
from .drafts import filled_draft, page, publish, rows_of_draft, token_of, write_draft

pytestmark = pytest.mark.django_db

RESPONSES = 10_000


def _answer_by_sql(article: Article) -> None:
    """Make 10,000 readers answer version 1, in every combination of levels."""
    version = load_survey_version().version_id
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH reader AS (
                INSERT INTO attestation_reader (id, profession, specialty, country, created_at)
                SELECT gen_random_uuid(), 'nurse', 'oncology', 'GB', now()
                FROM generate_series(1, %(count)s)
                RETURNING id
            )
            INSERT INTO feedback_response (reader_id, article_id, article_version_id,
                survey_version_id, levels, profession, specialty, country, submitted_at, updated_at)
            SELECT id, %(article)s, %(article_version)s, %(version)s,
                ARRAY[1 + number %% 5, 1 + number / 5 %% 5, 1 + number / 25 %% 5,
                    1 + number / 125 %% 5],
                'nurse', 'oncology', 'GB', moment.at, moment.at
            FROM (SELECT id, row_number() OVER () AS number FROM reader) AS numbered,
                (SELECT date_trunc('month', now()) - interval '9 days' AS at) AS moment
            """,
            {
                "count": RESPONSES,
                "article": article.pk,
                "article_version": article.published_version_id,
                "version": version,
            },
        )


def _counts(article: Article) -> dict[str, list[int]]:
    """Return how many chose each level of each statement, as the results page shows it."""
    refresh_tallies()
    shown = figures(Selection(article=article.pk))
    return {statement.text: list(statement.counts) for statement in shown.statements}


def _columns(content: bytes, encoding: str) -> tuple[list[str], list[tuple[str, ...]]]:
    """Return the header and the rows but for the pseudonym, in an order of their own.

    An export has new pseudonyms and another order of its rows each time.
    """
    header, *rows = csv.reader(io.StringIO(content.decode(encoding), newline=""))
    assert header[0] == "respondent"
    return header, sorted(tuple(row[1:]) for row in rows)


def _edited(draft: SurveyVersion, is_comparable: str) -> list[dict[str, object]]:
    """Every kind of change at once."""
    clear, _objectives, relevant, change = rows_of_draft(draft)
    clear |= {"text": "The content was easy to understand", "is_comparable": is_comparable}
    relevant |= {"allows_not_applicable": "on"}
    return [{"text": "A new one", "key": "aaa", "outcome": 2}, relevant, change, clear]


# An export reads on a connection of its own.
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("flavour", [Format.ANALYSIS, Format.EXCEL])
@pytest.mark.parametrize("is_comparable", ["yes", "no"])
def test_no_old_value_and_no_column_changes(
    desk: Callable[[str], Client], flavour: Any, is_comparable: str
):
    staff, article = desk("Staff"), published_article()
    _answer_by_sql(article)
    encoding = "utf-8-sig" if flavour == Format.EXCEL else "utf-8"
    header_before, before = _columns(export(format=flavour), encoding)
    assert len(before) == RESPONSES
    stored_before = list(Response.objects.order_by("pk").values())

    draft, _is_new = start_draft(Survey.objects.get(key="default"))
    address = page("survey_draft", draft.survey_id)
    saved = staff.post(address, {**filled_draft(draft, _edited(draft, is_comparable)), "save": ""})
    assert saved.status_code == 302
    published = staff.post(
        page("survey_publish", draft.survey_id), {"draft": draft.pk, "token": token_of(draft)}
    )
    assert published.status_code == 302
    assert load_survey_version().version_id == draft.pk

    header, after = _columns(export(format=flavour), encoding)
    # Columns come behind all that were there; in those, every byte is what it was.
    assert header[: len(header_before)] == header_before
    assert "aaa" in header[len(header_before) :]
    assert sorted(row[: len(header_before) - 1] for row in after) == before
    assert {row[header.index("aaa") - 1] for row in after} == {""}
    assert list(Response.objects.order_by("pk").values()) == stored_before

    # New answers come in the new order, and fall into the columns of their statements.
    answer(article, [[5, 4, 3, 2]])
    _header, with_new = _columns(export(format=flavour), encoding)
    assert len(with_new) == RESPONSES + 1
    [new] = set(with_new) - set(after)
    row = dict(zip(header[1:], new, strict=True))
    assert row["survey_version"] == "2"
    assert row["objectives"] == ""
    if flavour == Format.ANALYSIS:
        # A wording that is not comparable may have a column of its own.
        clear = row.get("clear.2") or row["clear"]
        assert (row["aaa"], row["relevant"], row["change"], clear) == ("5", "4", "3", "2")


@pytest.mark.parametrize("is_comparable", ["yes", "no"])
def test_results_add_up_comparable_wordings_and_no_others(is_comparable: str):
    article = published_article()
    _answer_by_sql(article)
    before = _counts(article)
    assert len(before) == len(KEYS)

    draft, _is_new = start_draft(Survey.objects.get(key="default"))
    rows = rows_of_draft(draft)
    old = str(rows[0]["text"])
    rows[0] |= {"text": "The content was easy", "is_comparable": is_comparable}
    write_draft(draft, rows)
    publish(draft)
    answer(article, [[5, 5, 5, 5]] * 20)

    after = _counts(article)
    old_counts = before.pop(old)
    if is_comparable == "yes":
        assert after.pop("The content was easy") == [*old_counts[:4], old_counts[4] + 20]
    else:
        assert after.pop("The content was easy") == [0, 0, 0, 0, 20]
        assert after.pop(old) == old_counts
    assert after == {text: [*counts[:4], counts[4] + 20] for text, counts in before.items()}
