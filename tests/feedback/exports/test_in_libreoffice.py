"""Everything that people may type, written by every exporter, opened in the real LibreOffice."""

import csv
import io
import zipfile
from pathlib import Path

import pytest
from django.utils import timezone

from feedback.exports.orders import Format, Order, Shape
from feedback.exports.writing import write
from feedback.models import Statement, StatementWording, Survey, SurveyItem, SurveyVersion
from portal.core.local.libreoffice import LIBREOFFICE
from portal.core.spreadsheets import as_csv, guard
from portal.funders.exports import funders_csv
from tests.factories import AgreementFactory, published_article
from tests.feedback.builders import answer
from tests.formula_corpus import CORPUS, WITH_NUL
from tests.spreadsheets import Sheet, as_texts, convert, formulas, read_sheets

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("read_in_the_tests_transaction")]

TITLES = CORPUS[:12]
# What a spreadsheet takes for separators: LibreOffice's own guess, comma, semicolon (where the
# comma is a decimal), tab, and all three. UTF-8; numbers and dates are recognised, as Excel does.
OPTIONS = "CSV:{},34,76,1,,0,false,true"
READINGS = {
    "guess": "",
    "comma": OPTIONS.format("44"),
    "semicolon": OPTIONS.format("59"),
    "tab": OPTIONS.format("9"),
    "all": OPTIONS.format("44/59/9"),
}


@pytest.fixture
def program() -> Path:
    found = LIBREOFFICE.find()
    if found is None:
        pytest.skip("No LibreOffice on this machine: install the package libreoffice-calc-nogui")
    return found


@pytest.fixture
def written(tmp_path: Path) -> dict[str, Path]:
    """Write the corpus by every exporter; return the files by name."""
    version = hostile_survey()
    article = published_article()
    for number, text in enumerate(CORPUS):
        levels = [1 + (number + place) % 5 for place in range(len(CORPUS))]
        answer(article, [levels], survey_version_id=version.pk, comment=text)
    for title in TITLES:
        article = published_article()
        type(article).objects.filter(pk=article.pk).update(title=title)
        answer(article, [[1] * len(CORPUS)], survey_version_id=version.pk)
    for text in CORPUS:
        AgreementFactory(funder__name=text, purpose=text)
    files: dict[str, bytes] = {
        "funders.csv": funders_csv(),
        "table.csv": as_csv([[text, text] for text in (*CORPUS, *WITH_NUL)]).encode(),
    }
    for chosen in Format:
        for shape in Shape:
            target = io.BytesIO()
            write(Order(format=chosen, shape=shape, has_comments=True), target)
            with zipfile.ZipFile(target) as packed:
                for name in packed.namelist():
                    if name.endswith((".csv", ".xlsx")):
                        files[f"{chosen}-{shape}-{name}"] = packed.read(name)
    paths = {}
    for name, content in files.items():
        paths[name] = tmp_path / name
        paths[name].write_bytes(content)
    return paths


def hostile_survey() -> SurveyVersion:
    survey = Survey.objects.create(key="-hostile", name="=1+1")
    version = SurveyVersion.objects.create(
        survey=survey, number=1, labels=list(CORPUS[:5]), comment_question=CORPUS[5]
    )
    for position, text in enumerate(CORPUS, 1):
        statement = Statement.objects.create(survey=survey, key=f"-k{position}")
        wording = StatementWording.objects.create(statement=statement, text=text)
        SurveyItem.objects.create(version=version, wording=wording, position=position)
    version.published_at = timezone.now()
    version.save()
    return version


def seen(text: object) -> str:
    """Return a guarded text as LibreOffice shows it: no control characters, one kind of line end.

    It keeps no tabs in a text of several lines.
    """
    lines = str(guard(str(text))).replace("\r\n", "\n").replace("\r", "\n")
    kept = "\t\n" if "\n" not in lines else "\n"
    return "".join(c for c in lines if c >= " " or c in kept)


def in_workbook(text: str) -> str:
    """Return what stands for ``text`` where XML cannot hold control characters."""
    return seen("".join(c if c >= " " or c in "\t\r\n" else "\ufffd" for c in str(guard(text))))


def test_the_corpus_is_inert_and_whole(
    written: dict[str, Path], program: Path, tmp_path: Path
) -> None:
    tables = [path for path in written.values() if path.suffix == ".csv"]
    assert len(tables) == 12
    # What nobody guarded: the proof that a formula would be found.
    unguarded = tmp_path / "unguarded.csv"
    with unguarded.open("w", newline="") as file:
        csv.writer(file).writerows([text, text] for text in CORPUS)
    for name, reading in READINGS.items():
        *opened, control = convert(program, [*tables, unguarded], tmp_path / name, reading=reading)
        assert len(formulas(read_sheets(control))) > 10, name
        alive = {path.name: formulas(read_sheets(path)) for path in opened}
        assert alive == {path.name: [] for path in opened}, name
    for path in tables:
        check_texts(path, tmp_path / "comma" / f"{path.stem}.fods")
    books = [path for path in written.values() if path.suffix == ".xlsx"]
    assert len(books) == 2
    for result in convert(program, books, tmp_path / "books"):
        check_workbook(read_sheets(result))


def check_texts(table: Path, opened: Path) -> None:
    [sheet] = read_sheets(opened).values()
    rows = list(csv.reader(io.StringIO(table.read_bytes().decode("utf-8-sig"), newline="")))
    assert len(sheet) == len(rows), table.name
    for cells, row in zip(as_texts(sheet), rows, strict=True):
        # Empty cells at the end of a row are not in the sheet.
        assert cells == [seen(text) for text in row[: len(cells)]], table.name
        assert not any(row[len(cells) :]), table.name


def check_workbook(sheets: dict[str, Sheet]) -> None:
    assert list(sheets) == ["Responses", "Codebook", "Codes", "Wordings", "Read me"]
    assert formulas(sheets) == []
    comments = column(sheets["Responses"], "-hostile.comment", "comment")
    assert comments - {""} == {in_workbook(text) for text in CORPUS}
    assert column(sheets["Responses"], "article_title") >= set(map(in_workbook, TITLES))
    assert column(sheets["Wordings"], "text") >= set(map(in_workbook, CORPUS))


def column(sheet: Sheet, *names: str) -> set[str]:
    header, *rows = as_texts(sheet)
    [place] = [header.index(str(guard(name))) for name in names if guard(name) in header]
    return {row[place] for row in rows if len(row) > place}
