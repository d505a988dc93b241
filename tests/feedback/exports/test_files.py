"""The files as such: packed, as workbooks, streamed, broken off."""

import datetime
import gc
import hashlib
import io
import json
import zipfile
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.utils import timezone

from feedback.exports import workbook
from feedback.exports.columns import BASE
from feedback.exports.orders import Format, Order, Shape, Written
from feedback.exports.packing import Packing
from feedback.exports.writing import count_rows, stream, write
from feedback.models import Response
from feedback.results.selection import Dimension, Selection
from tests.factories import published_article
from tests.feedback.builders import KEYS, answer, publish_version_2, rows_of

pytestmark = pytest.mark.django_db
in_the_tests_transaction = pytest.mark.usefixtures("read_in_the_tests_transaction")
NOON = datetime.datetime(2025, 12, 1, 12, tzinfo=datetime.UTC)


def written(**order: Any) -> tuple[bytes, Written]:
    target = BytesIO()
    result = write(Order(**order), target)
    return target.getvalue(), result


def books_of(content: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(BytesIO(content))


# --- the ZIP --------------------------------------------------------------------------------------


@in_the_tests_transaction
@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("chosen", list(Format))
def test_a_packed_file_proves_itself(chosen: Format, shape: Shape) -> None:
    article = published_article()
    answer(article, [[5, 4, 3, 1]] * 3, profession="nurse")
    publish_version_2(changed="clear", text="It was clear", is_comparable=False)
    order = Order(
        selection=Selection(article=article.pk, dimension=Dimension.PROFESSION, value="nurse"),
        format=chosen,
        shape=shape,
    )
    before = timezone.now()
    target = BytesIO()
    result = write(order, target)
    content = target.getvalue()
    assert (result.size, result.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    with zipfile.ZipFile(BytesIO(content)) as packed:
        assert packed.testzip() is None
        data = "responses.xlsx" if chosen == Format.XLSX else "responses.csv"
        assert packed.namelist() == [
            data,
            "codebook.csv",
            "codebook.json",
            "README.txt",
            "manifest.json",
        ]
        manifest = json.loads(packed.read("manifest.json"))
        files = {name: packed.read(name) for name in packed.namelist()[:-1]}
    assert manifest["files"] == [
        {"name": name, "size": len(file), "sha256": hashlib.sha256(file).hexdigest()}
        for name, file in files.items()
    ]
    rows = 3 if shape == Shape.WIDE else 12
    assert (result.row_count, manifest["rows"], count_rows(order)) == (rows, rows, rows)
    assert manifest["columns"] == result.columns
    assert manifest["filters"] == order.as_filters()
    assert manifest["filters"]["readers"] == "profession:nurse"
    assert manifest["portal"] == {
        "name": "Lymphoma Education Hub",
        "url": "http://testserver",
    }
    assert [(v["survey"], v["version"]) for v in manifest["survey_versions"]] == [
        ("default", 1),
        ("default", 2),
    ]
    assert datetime.datetime.fromisoformat(manifest["snapshot_at"]) == result.snapshot_at
    assert before - datetime.timedelta(minutes=5) < result.snapshot_at <= timezone.now()
    readme = files["README.txt"].decode()
    assert f"{rows} rows" in readme
    for text in (data, "Moore level 4", "funder", "recognise", "fewer than 10", "pandas", "SPSS"):
        assert text in readme
    assert "{" + "%" not in readme


@in_the_tests_transaction
def test_the_codebook_says_what_each_column_holds() -> None:
    article = published_article()
    answer(article, [[5, 4, 3, 1]])
    publish_version_2(changed="change", text="I will change it", is_comparable=False)
    for shape in Shape:
        content, result = written(shape=shape)
        with zipfile.ZipFile(BytesIO(content)) as packed:
            document = json.loads(packed.read("codebook.json"))
            table = rows_of(packed.read("codebook.csv"))
        keys = [column["key"] for column in document["columns"]]
        assert keys == result.columns == [row["column"] for row in table]
        assert all(column["empty_means"] and column["label"] for column in document["columns"])
    content, result = written()
    with zipfile.ZipFile(BytesIO(content)) as packed:
        document = json.loads(packed.read("codebook.json"))
        table = {row["column"]: row for row in rows_of(packed.read("codebook.csv"))}
    columns = {column["key"]: column for column in document["columns"]}
    assert document["values"] == "code"
    first, second = columns["change"], columns["change.2"]
    assert (first["series"], second["series"]) == (1, 2)
    assert first["moore_level"] == second["moore_level"] == 4
    assert columns["clear"]["moore_level"] == 2
    assert first["codes"][4] == {"code": "5", "label": "Strongly agree"}
    assert [(w["survey_version"], w["text"]) for w in first["wordings"]] == [
        (1, "I will change my clinical practice as a result of this content")
    ]
    assert second["wordings"] == [
        {
            "survey": "default",
            "survey_version": 2,
            "statement": "change",
            "wording": 2,
            "text": "I will change it",
            "comparable_with_previous": False,
            "moore_level": 4,
            "position": 4,
        }
    ]
    assert {"code": "nurse", "label": "Nurse"} in columns["profession"]["codes"]
    assert table["change.2"]["wordings"] == "default 2: I will change it"
    assert table["change.2"]["moore_level"] == "4"


@in_the_tests_transaction
def test_the_same_rows_make_the_same_zip() -> None:
    packings = [Packing(), Packing()]
    first, second = (b"".join([*p.file("a.csv", [b"a\n" * 9]), *p.end()]) for p in packings)
    assert first == second


def test_two_gigabytes_are_announced() -> None:
    packing = Packing()
    content = b"".join([*packing.file("a.csv", [b"a"], may_be_large=True), *packing.end()])
    assert content[4:6] == b"\x2d\x00"  # the version of ZIP that knows larger files: 4.5
    with zipfile.ZipFile(BytesIO(content)) as packed:
        assert packed.read("a.csv") == b"a"


# --- the workbook ---------------------------------------------------------------------------------


@in_the_tests_transaction
def test_a_workbook_has_numbers_days_and_labels() -> None:
    article = published_article(title="  spaces <&> \\ and\ttab ")
    answer(article, [[5, 4, 3, 1]] * 10, profession="nurse", country="GB", updated_at=NOON)
    content, result = written(format=Format.XLSX, is_packed=False)
    book = books_of(content)
    assert book.sheetnames == ["Responses", "Codebook", "Codes", "Wordings", "Read me"]
    sheet = book["Responses"]
    header, row = sheet[1], sheet[2]
    assert [cell.value for cell in header] == result.columns == [*BASE, *KEYS]
    assert all(cell.font.bold for cell in header)
    assert sheet.freeze_panes == "A2"
    values = dict(zip(result.columns, (cell.value for cell in row), strict=True))
    assert values.pop("respondent")[0] == "r"
    assert values == {
        "article_id": article.pk,
        "article_slug": article.slug,
        "article_title": "  spaces <&> \\ and\ttab ",
        "article_version": 1,
        "survey": "default",
        "survey_version": 1,
        "answered_on": datetime.datetime(2025, 12, 1),  # noqa: DTZ001 - workbooks know no zones
        "profession": "Nurse",
        "specialty": None,
        "country": "United Kingdom",
        "clear": "Strongly agree",
        "objectives": "Agree",
        "relevant": "Neither agree nor disagree",
        "change": "Strongly disagree",
    }
    assert row[7].number_format == r"yyyy\-mm\-dd"
    assert {cell.data_type for cell in row} == {"s", "n", "d"}
    assert sheet.max_row == 11
    codebook = {line[0]: line for line in book["Codebook"].values}
    assert list(codebook) == ["column", *result.columns]
    assert ("clear", "5", "Strongly agree") in list(book["Codes"].values)


@in_the_tests_transaction
def test_rows_go_on_in_further_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_ROWS", 8)
    article = published_article()
    answer(article, [[1 + n % 5, 1, 1, 1] for n in range(21)])
    content, result = written(format=Format.XLSX, is_packed=False)
    book = books_of(content)
    # Three times seven: the last sheet is full, and none is empty.
    assert book.sheetnames[:4] == ["Responses", "Responses 2", "Responses 3", "Codebook"]
    found: list[Any] = []
    for name in book.sheetnames[:3]:
        header, *rows = book[name].values
        assert list(header) == result.columns
        assert len(rows) == 7
        found += rows
    assert result.row_count == len({row[0] for row in found}) == 21
    # And one more.
    answer(article, [[1, 1, 1, 1]])
    content, result = written(format=Format.XLSX, is_packed=False)
    assert books_of(content).sheetnames[3] == "Responses 4"
    assert books_of(content)["Responses 4"].max_row == 2


@in_the_tests_transaction
def test_a_sheet_ends_before_a_zip_cannot_hold_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_SHEET_SIZE", 100_000)
    answer(published_article(), [[1, 2, 3, 4]] * 500)
    content, result = written(format=Format.XLSX, is_packed=False)
    book = books_of(content)
    sheets = [name for name in book.sheetnames if name.startswith("Responses")]
    assert len(sheets) > 2
    assert sum(book[name].max_row - 1 for name in sheets) == result.row_count == 500


def test_the_real_limit_is_that_of_spreadsheets() -> None:
    assert workbook.MAX_ROWS == 2**20
    assert workbook.MAX_SHEET_SIZE < zipfile.ZIP64_LIMIT


@in_the_tests_transaction
@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("chosen", list(Format))
def test_an_empty_selection_is_a_whole_file(chosen: Format, shape: Shape) -> None:
    content, result = written(format=chosen, shape=shape, is_packed=False)
    assert result.row_count == 0
    if chosen == Format.XLSX:
        assert list(books_of(content)["Responses"].values) == [tuple(result.columns)]
    else:
        assert content.decode("utf-8-sig") == ",".join(result.columns) + "\n"


# --- on the way -----------------------------------------------------------------------------------


def many(n: int) -> None:
    """Insert ``n`` responses by SQL, in closed months."""
    [one] = answer(published_article(), [[1, 2, 3, 4]])
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO attestation_reader (id, profession, specialty, country, created_at)"
            " SELECT gen_random_uuid(), 'nurse', '', '', now() FROM generate_series(2, %s)",
            [n],
        )
        cursor.execute(
            "INSERT INTO feedback_response (reader_id, article_id, article_version_id,"
            " survey_version_id, levels, profession, specialty, country, submitted_at, updated_at)"
            " SELECT reader.id, article_id, article_version_id, survey_version_id, levels,"
            " reader.profession, '', '', submitted_at, updated_at"
            " FROM attestation_reader AS reader, feedback_response AS one"
            " WHERE reader.id <> one.reader_id AND one.id = %s",
            [one.pk],
        )


@in_the_tests_transaction
@pytest.mark.parametrize("chosen", list(Format))
def test_progress_is_told_on_the_way(chosen: Format) -> None:
    many(30_000)
    told: list[int] = []
    result = write(Order(format=chosen), BytesIO(), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == result.row_count == 30_000
    assert max(b - a for a, b in zip([0, *told], told, strict=False)) <= 10_000


class StopError(Exception):
    pass


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("chosen", list(Format))
def test_what_progress_raises_ends_the_file(chosen: Format) -> None:
    many(5_000)
    target = BytesIO()

    def stop(rows: int) -> None:
        if rows:
            raise StopError

    with pytest.raises(StopError):
        write(Order(format=chosen), target, progress=stop)
    assert not zipfile.is_zipfile(BytesIO(target.getvalue()))
    assert connections() == 1


def connections() -> int:
    """Return how many connections there are to the tests' database."""
    with connection.cursor() as cursor:
        # A connection that was closed may take a moment to be gone.
        cursor.execute("SELECT pg_sleep(0.2)")
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        [count] = cursor.fetchone()
    return count


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("chosen", list(Format))
def test_who_goes_away_leaves_no_connection(
    chosen: Format, is_packed: bool, recwarn: pytest.WarningsRecorder
) -> None:
    many(5_000)
    chunks = stream(Order(format=chosen, is_packed=is_packed))
    first = next(chunks)
    assert first
    next(chunks)
    assert connections() == 2
    chunks.close()
    del chunks
    gc.collect()
    assert connections() == 1
    assert [str(w.message) for w in recwarn if "ZipFile" in str(w.message)] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("chosen", list(Format))
def test_one_snapshot(chosen: Format) -> None:
    many(3_000)
    chunks = stream(Order(format=chosen, is_packed=False))
    content = next(chunks)
    # What is committed after the beginning is not in it.
    Response.objects.update(levels=[5, 5, 5, 5])
    answer(published_article(), [[5, 5, 5, 5]])
    while True:
        try:
            content += next(chunks)
        except StopIteration as end:
            result = end.value
            break
    assert (result.row_count, result.size) == (3_000, len(content))
    if chosen == Format.XLSX:
        _header, *rows = books_of(content)["Responses"].values
        levels = {row[len(BASE)] for row in rows}
    else:
        levels = {row["clear"] for row in rows_of(content, "utf-8-sig")}
    assert levels == {"1" if chosen == Format.ANALYSIS else "Strongly disagree"}


@in_the_tests_transaction
def test_a_workbook_is_never_whole_in_memory() -> None:
    import tracemalloc

    many(20_000)
    for order in (Order(format=Format.XLSX, is_packed=False), Order()):
        list(stream(Order(selection=Selection(article=0), format=order.format)))  # imports
        tracemalloc.start()
        sizes = [len(chunk) for chunk in stream(order)]
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert max(sizes) < 200_000
        assert peak < 2_000_000  # bytes; the rows are 3 to 13 million as text


def test_the_outlet_is_text_of_no_file() -> None:
    with pytest.raises(io.UnsupportedOperation):
        Packing()._outlet.seek(0)
