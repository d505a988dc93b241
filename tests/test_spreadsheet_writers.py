"""Only two modules make what spreadsheets open, and both guard every cell."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.core import spreadsheets

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("portal", "articles", "feedback")
# The one writer of CSV. (Workbooks are XML, written by feedback/exports/xlsx.py; see below.)
WRITER = Path(spreadsheets.__file__).relative_to(ROOT)
WRITERS = {"writer", "DictWriter"}
LIBRARIES = {"openpyxl", "xlsxwriter", "pandas", "tablib", "pyexcelerate", "xlwt", "odf"}


def complaints(source: str) -> list[str]:
    """Return what in ``source`` could write a table past the guard."""
    return list(_complaints(ast.parse(source)))


def _complaints(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="csv"), attr=name) if name in WRITERS:
                yield f"{node.lineno}: csv.{name}"
            case ast.ImportFrom(module="csv", names=names):
                yield from (f"{node.lineno}: {n.name}" for n in names if n.name in WRITERS)
            case ast.Import(names=names):
                for name in names:
                    if name.name == "csv" and name.asname:
                        yield f"{node.lineno}: csv as {name.asname}"
                    if name.name.partition(".")[0] in LIBRARIES:
                        yield f"{node.lineno}: {name.name}"
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in LIBRARIES:
                yield f"{node.lineno}: {module}"
            case ast.Constant(value=str(text)) if "FORMAT csv" in text or "inlineStr" in text:
                yield f"{node.lineno}: {text.strip()[:40]}"


@pytest.mark.parametrize(
    "source",
    [
        "import csv\ncsv.writer(file)",
        "import csv\ncsv.DictWriter(file, [])",
        "from csv import writer",
        "import csv as c",
        "import openpyxl",
        "from openpyxl.workbook import Workbook",
        "import pandas as pd",
        "cursor.copy('COPY a TO STDOUT (FORMAT csv)')",
        "cell = '<c t=\"inlineStr\">'",
    ],
)
def test_what_writes_is_found(source: str) -> None:
    assert complaints(source) != []


def test_reading_is_free() -> None:
    assert complaints("import csv\ncsv.reader(file)\ncsv.DictReader(file)") == []


def test_nothing_writes_tables_past_the_guard() -> None:
    # What makes the cells of responses, by Python and by SQL, guards them: `test_in_libreoffice`.
    known = {
        WRITER,
        Path("feedback/exports/cells.py"),
        Path("feedback/exports/xlsx.py"),
    }
    found = {
        path.relative_to(ROOT): said
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if (said := complaints(path.read_text()))
    }
    assert set(found) == known
