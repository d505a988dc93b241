"""A workbook (XLSX) that is sent while it is made: sheets of rows, then the codebook."""

from collections.abc import Iterable, Iterator, Sequence
from xml.sax.saxutils import quoteattr

from . import xlsx
from .packing import Packing
from .rows import Rows

MAX_ROWS = 1_048_576  # of a sheet, its header among them
# A sheet ends before what a ZIP can hold without extensions that Excel may refuse: 2 GiB.
MAX_SHEET_SIZE = 2_000_000_000  # bytes of XML

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"

# The first row stays in sight. Column widths are those of the texts that most cells hold.
_SHEET_BEGIN = (
    f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    '</sheetView></sheetViews><sheetFormatPr defaultColWidth="22" defaultRowHeight="15"/>'
    "<sheetData>\n"
)
_SHEET_END = "</sheetData></worksheet>"

# Styles 0: as it comes; 1: bold, of headers; 2: a day as ISO 8601.
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)
_ROOT = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>"
)


class Workbook:
    """Take all of ``sheets_of()``, then of ``sheet()`` for each table, then of ``end()``."""

    def __init__(self) -> None:
        self._packing = Packing()
        self._names: list[str] = []

    def sheets_of(self, name: str, header: list[str], rows: Rows) -> Iterator[bytes]:
        """Yield sheets of all rows: ``name``, and then with a number as long as there are more."""
        while True:
            number = len(self._names) + 1
            yield from self._sheet(
                name if number == 1 else f"{name} {number}", _full_sheet(header, rows)
            )
            if rows.are_at_end:
                break

    def sheet(self, name: str, table: Sequence[Sequence[object]]) -> Iterator[bytes]:
        """Yield a sheet of a small table, whose first row is its header."""
        header, *rest = table
        lines = [xlsx.row(header, is_header=True), *map(xlsx.row, rest)]
        yield from self._sheet(name, [b"".join(lines)])

    def _sheet(self, name: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        self._names.append(name)

        def whole() -> Iterator[bytes]:
            yield _SHEET_BEGIN.encode()
            yield from chunks
            yield _SHEET_END.encode()

        yield from self._packing.file(f"xl/worksheets/sheet{len(self._names)}.xml", whole())

    def end(self) -> Iterator[bytes]:
        numbers = range(1, len(self._names) + 1)
        sheets = "".join(
            f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>'
            for n, name in zip(numbers, self._names, strict=True)
        )
        relations = "".join(
            f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet"'
            f' Target="worksheets/sheet{n}.xml"/>'
            for n in numbers
        )
        types = "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml"'
            f' ContentType="{_TYPE}.worksheet+xml"/>'
            for n in numbers
        )
        files = {
            "xl/styles.xml": _STYLES,
            "xl/workbook.xml": (
                f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
                f"<sheets>{sheets}</sheets></workbook>"
            ),
            "xl/_rels/workbook.xml.rels": (
                f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{relations}'
                f'<Relationship Id="rId0" Type="{_OFFICE}/styles" Target="styles.xml"/>'
                "</Relationships>"
            ),
            "_rels/.rels": _ROOT,
            "[Content_Types].xml": (
                f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
                '<Default Extension="rels"'
                ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
                f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
                f"{types}</Types>"
            ),
        }
        for name, content in files.items():
            yield from self._packing.file(name, [content.encode()])
        yield from self._packing.end()


def _full_sheet(header: list[str], rows: Rows) -> Iterator[bytes]:
    size = 0
    yield xlsx.row(header, is_header=True)
    for chunk in rows.chunks(MAX_ROWS - 1):
        yield chunk
        size += len(chunk)
        if size > MAX_SHEET_SIZE:
            break
