"""Every file, opened by what people use, holds the figures that the database holds."""

import zipfile
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from django.db import connection
from django.utils import timezone

from articles.models import Article
from feedback.exports.orders import Format, Order, Shape
from feedback.exports.writing import write
from feedback.models import Level, Statement, SurveyItem, SurveyVersion
from feedback.results.counting import figures
from feedback.results.figures import Figures
from feedback.results.selection import Selection
from portal.attestation.models import Profession
from portal.core.local.libreoffice import LIBREOFFICE
from tests.factories import published_article
from tests.feedback.builders import answer, last_month, publish_version_2, refresh_tallies
from tests.spreadsheets import convert, read_sheets

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("read_in_the_tests_transaction")]

Row = dict[str, str]
TITLE = "Ärzte; “Fragen”, =1"
LABELS = {str(level.label): str(level.value) for level in Level}
PROFESSIONS = {str(label): value for value, label in Profession.choices}


@pytest.fixture
def answers(db: None) -> Article:
    """Two versions of the survey, one incomparable wording, and "not applicable"."""
    article = published_article(title=TITLE)
    for number in range(60):
        levels = [[1 + number % 5, 1 + number % 3, 5 - number % 4, 1 + number % 2]]
        profession = ("nurse", "physician", "")[number % 3]
        answer(article, levels, profession=profession, country="NA" if number % 2 else "GB")
    publish_version_2(changed="clear", text="It was clear", is_comparable=False)
    third = SurveyVersion.objects.create(survey=Statement.objects.get(key="clear").survey, number=3)
    for position, wording in enumerate(
        [item.wording for item in SurveyVersion.objects.get(number=2).items.all()], 1
    ):
        SurveyItem.objects.create(
            version=third, wording=wording, position=position, allows_not_applicable=True
        )
    third.published_at = timezone.now()
    third.save()
    for number in range(40):
        levels = [[1 + number % 5, 3, 1 + number % 4, number % 6]]
        answer(article, levels, survey_version_id=third.pk, profession="nurse", country="GB")
    return article


def in_the_database() -> dict[str, Counter[str]]:
    """Return how often each level was chosen, by column of a wide file, without our own code."""
    counts: dict[str, Counter[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT statement.key || CASE wording.number WHEN 1 THEN '' ELSE '.2' END,
                response.levels[item.place]::text, count(*)
            FROM feedback_response AS response
            JOIN (
                SELECT *, row_number() OVER (PARTITION BY version_id ORDER BY position) AS place
                FROM feedback_surveyitem
            ) AS item ON item.version_id = response.survey_version_id
            JOIN feedback_statementwording AS wording ON wording.id = item.wording_id
            JOIN feedback_statement AS statement ON statement.id = wording.statement_id
            GROUP BY 1, 2
            """
        )
        for key, level, count in cursor.fetchall():
            counts.setdefault(key, Counter())[level] = count
    return counts


def on_the_page(page: Figures) -> dict[str, Counter[str]]:
    """Return the same as the results page shows it, and hold its statistics against pandas'."""
    counts: dict[str, Counter[str]] = {}
    for statement in page.statements:
        key = statement.key + (f".{statement.series}" if statement.series > 1 else "")
        levels = {str(level): n for level, n in enumerate(statement.counts, 1) if n}
        if statement.not_applicable:
            levels["0"] = statement.not_applicable
        counts[key] = Counter(levels)
        assert dict(zip(statement.labels, "12345", strict=True)) == LABELS
        answers = pd.Series(
            [level for level, n in enumerate(statement.counts, 1) for _ in range(n)]
        )
        assert len(answers) == statement.n
        assert statement.median == answers.median()
        assert statement.mean == pytest.approx(answers.mean())
        assert statement.sd == pytest.approx(answers.std())
        assert statement.top_2 == (answers >= 4).sum()
    return counts


# --- who opens it ---------------------------------------------------------------------------------


def by_pandas(path: Path, order: Order) -> list[Row]:
    options: dict[str, Any] = {"keep_default_na": False, "na_values": [""], "dtype": object}
    frame = (
        pd.read_excel(path, **options)
        if order.format == Format.XLSX
        else pd.read_csv(path, encoding="utf-8-sig", **options)
    )
    return [
        {str(key): "" if pd.isna(value) else str(value) for key, value in row.items()}
        for row in frame.to_dict("records")
    ]


def by_openpyxl(path: Path) -> list[Row]:
    header, *rows = openpyxl.load_workbook(path, read_only=True)["Responses"].values
    return [
        {
            str(key): "" if value is None else str(value)
            for key, value in zip(header, row, strict=True)
        }
        for row in rows
    ]


def by_libreoffice(paths: list[Path], folder: Path) -> dict[Path, list[Row]]:
    program = LIBREOFFICE.find()
    if program is None:
        pytest.skip("No LibreOffice on this machine: install the package libreoffice-calc-nogui")
    found = {}
    for suffix, reading in ((".csv", "CSV:44,34,76,1"), (".xlsx", "")):
        files = [path for path in paths if path.suffix == suffix]
        opened = convert(program, files, folder, reading=reading)
        for path, result in zip(files, opened, strict=True):
            header, *rows = [
                [cell.value if cell.type == "date" else cell.text for cell in row]
                for row in next(iter(read_sheets(result).values()))
            ]
            found[path] = [
                dict.fromkeys(header, "") | dict(zip(header, row, strict=False)) for row in rows
            ]
    return found


def write_data(order: Order, folder: Path) -> Path:
    """Write the file of ``order``; return that of its rows."""
    target = BytesIO()
    write(order, target)
    suffix = "xlsx" if order.format == Format.XLSX else "csv"
    path = folder / f"{order.format}-{order.shape}-{order.is_packed}.{suffix}"
    content = target.getvalue()
    if order.is_packed:
        with zipfile.ZipFile(target) as packed:
            content = packed.read(f"responses.{suffix}")
    path.write_bytes(content)
    return path


def levels_in(rows: list[Row], order: Order) -> dict[str, Counter[str]]:
    """Return how often each level stands in the file, by column of a wide file; 0 as there."""
    counts: dict[str, Counter[str]] = {}
    if order.shape == Shape.LONG:
        for row in rows:
            key = row["statement"] + ("" if row["series"] == "1" else f".{row['series']}")
            counts.setdefault(key, Counter())[row["level"] or "0"] += 1
            assert row["level_label"] == dict(zip(LABELS.values(), LABELS, strict=True)).get(
                row["level"], ""
            )
            assert (row["not_applicable"] == "1") == (row["level"] == "")
        return counts
    for key in ("clear", "objectives", "relevant", "change", "clear.2"):
        for row in rows:
            level = row[key]
            if order.format.has_labels and level:
                level = LABELS[level]
            in_column = (
                row["survey_version"] == "1"
                if key == "clear"
                else (key != "clear.2" or row["survey_version"] != "1")
            )
            if in_column:
                not_applicable = row.get(f"{key.removesuffix('.2')}.not_applicable")
                assert (not_applicable == "1") == (level == "")
                counts.setdefault(key, Counter())[level or "0"] += 1
            else:
                assert level == ""
    return counts


def test_every_program_finds_what_the_database_holds(answers: Article, tmp_path: Path) -> None:
    orders = [
        Order(format=chosen, shape=shape, is_packed=is_packed)
        for chosen in Format
        for shape in Shape
        for is_packed in (False, True)
    ]
    files = {write_data(order, tmp_path): order for order in orders}
    in_libreoffice = by_libreoffice(list(files), tmp_path / "opened")
    expected = in_the_database()
    assert expected["clear.2"]["0"] > 0
    refresh_tallies()
    page = figures(Selection())
    assert page.n == 100
    assert on_the_page(page) == expected
    for path, order in files.items():
        check(by_pandas(path, order), order, expected, answers)
        check(in_libreoffice[path], order, expected, answers)
        if order.format == Format.XLSX:
            check(by_openpyxl(path), order, expected, answers)


def check(
    rows: list[Row], order: Order, expected: dict[str, Counter[str]], article: Article
) -> None:
    each = 1 if order.shape == Shape.WIDE else 4  # rows per response
    assert len(rows) == 100 * each
    assert levels_in(rows, order) == expected
    professions = Counter(PROFESSIONS.get(row["profession"], row["profession"]) for row in rows)
    assert professions == {"nurse": 60 * each, "physician": 20 * each, "": 20 * each}
    names = {"Namibia", "United Kingdom"} if order.format.has_labels else {"NA", "GB"}
    assert {row["country"] for row in rows} == names
    assert {row["article_title"] for row in rows} == {TITLE}
    assert {row["article_id"] for row in rows} == {str(article.pk)}
    assert {row["answered_on"][:10] for row in rows} == {last_month().date().isoformat()}
