"""Files opened in the real LibreOffice, and what it then sees in each cell."""

import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

PATIENCE = 240  # seconds, for its first start and all files


def convert(
    program: Path, files: Iterable[Path], folder: Path, *, to: str = "fods", reading: str = ""
) -> list[Path]:
    """Open ``files`` in one process, and save each in ``folder`` as ``to``; return the new files.

    ``reading``: the filter with its options, as ``--infilter`` takes them. Its
    profile is made for this call. Raises ``RuntimeError`` where a file is not made.
    """
    files = list(files)
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [
                program,
                "--headless",
                "--norestore",
                f"-env:UserInstallation={Path(profile).as_uri()}",
                *([f"--infilter={reading}"] if reading else []),
                "--convert-to",
                to,
                "--outdir",
                folder,
                *files,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    made = [folder / f"{file.stem}.{to}" for file in files]
    if missing := [file.name for file in made if not file.exists()]:
        raise RuntimeError(f"LibreOffice made no {missing}: {done.stdout}{done.stderr}")
    return made


@dataclass(frozen=True, slots=True)
class Cell:
    """What LibreOffice made of a cell: ``type`` is "string", "float", "date" … or ""."""

    text: str
    type: str
    value: str
    formula: str | None


Sheet = list[list[Cell]]

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
# Rows and cells that are the same stand once, and a sheet ends with a million empty ones.
_MANY = 10_000


def read_sheets(path: Path) -> dict[str, Sheet]:
    """Return the cells of a .fods file, sheet by sheet; empty rows at the end are left out."""
    root = ElementTree.parse(path).getroot()  # noqa: S314 - LibreOffice wrote it
    return {table.get(f"{_TABLE}name", ""): _rows(table) for table in root.iter(f"{_TABLE}table")}


def _rows(table: ElementTree.Element) -> Sheet:
    sheet: Sheet = []
    for row in table.iter(f"{_TABLE}table-row"):
        times = int(row.get(f"{_TABLE}number-rows-repeated", 1))
        if times < _MANY:
            sheet += [_cells(row)] * times
    while sheet and not any(cell.text for cell in sheet[-1]):
        sheet.pop()
    return sheet


def _cells(row: ElementTree.Element) -> list[Cell]:
    cells: list[Cell] = []
    for cell in row:
        times = int(cell.get(f"{_TABLE}number-columns-repeated", 1))
        if times >= _MANY:
            continue
        kind = cell.get(f"{_OFFICE}value-type", "")
        value = cell.get(f"{_OFFICE}date-value") or cell.get(f"{_OFFICE}value") or ""
        text = "\n".join(map(_text, cell.findall(f"{_TEXT}p")))
        cells += [Cell(text, kind, value, cell.get(f"{_TABLE}formula"))] * times
    while cells and not cells[-1].text:
        cells.pop()
    return cells


def _text(element: ElementTree.Element) -> str:
    """Return the text of a paragraph: spaces, tabs and line breaks are elements in it."""
    found = element.text or ""
    for part in element:
        name = part.tag.removeprefix(_TEXT)
        if name == "s":
            found += " " * int(part.get(f"{_TEXT}c", 1))
        elif name == "tab":
            found += "\t"
        elif name == "line-break":
            found += "\n"
        else:
            found += _text(part)
        found += part.tail or ""
    return found


def formulas(sheets: dict[str, Sheet]) -> list[Cell]:
    """Return the cells that are alive."""
    return [
        cell
        for sheet in sheets.values()
        for row in sheet
        for cell in row
        if cell.formula is not None
    ]


def as_texts(sheet: Sheet) -> list[list[str]]:
    return [[cell.text for cell in row] for row in sheet]


def text_rows(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return rows as ``as_texts`` has them: without empty cells at their ends."""
    kept = []
    for row in rows:
        cells = list(row)
        while cells and not cells[-1]:
            cells.pop()
        kept.append(cells)
    return kept
