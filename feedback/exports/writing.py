"""Files of responses: counted, written to a file, or streamed; from one snapshot, pseudonymous."""

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from datetime import datetime
from typing import BinaryIO

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg import Cursor, sql

from feedback.results.selection import response_condition
from portal.core.spreadsheets import as_csv, guard

from . import codebook
from .columns import Layout, load_layout
from .orders import Format, Order, Shape, Written
from .packing import Packing
from .papers import PackedFile, data_name, manifest, readme
from .rows import Row, Rows
from .snapshot import open_snapshot, prepare
from .statements import copy_statement
from .workbook import Workbook

# Called with the rows so far.
Progress = Callable[[int], None]


def count_rows(order: Order) -> int:
    """Return how many rows of data the file would have now (1 query)."""
    counted = "sum(cardinality(levels))" if order.shape == Shape.LONG else "count(*)"
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT coalesce({}, 0) FROM feedback_response AS response WHERE {}").format(
                sql.SQL(counted), response_condition(order.selection)
            )
        )
        [rows] = cursor.fetchone()
    return int(rows)


def write(order: Order, target: BinaryIO, *, progress: Progress | None = None) -> Written:
    """Write the file to ``target``, which it neither closes nor syncs; return what it holds.

    ``progress`` is told of the rows so far, at least every 10,000 rows; an exception that it
    raises ends the writing and is passed on.
    """
    chunks = stream(order, progress=progress)
    while True:
        try:
            target.write(next(chunks))
        except StopIteration as end:
            written: Written = end.value
            return written
        except BaseException:
            chunks.close()
            raise


def stream(order: Order, *, progress: Progress | None = None) -> Generator[bytes, None, Written]:
    """Yield the file in chunks; return what it holds.

    The first chunk comes before the rows are ready. ``progress`` is told how many rows a chunk
    brings the file to, before it is given out (in a ZIP or a workbook: about). Whoever closes the
    generator before its end gives back the connection that it reads on.
    """
    file = _File(order, progress)
    digest, size = hashlib.sha256(), 0
    for chunk in file.chunks():
        digest.update(chunk)
        size += len(chunk)
        yield chunk
    return Written(
        columns=file.columns,
        row_count=file.row_count,
        sha256=digest.hexdigest(),
        size=size,
        snapshot_at=file.snapshot_at,
    )


def _rows(cursor: Cursor, statement: sql.Composed) -> Generator[Row, None, None]:
    with cursor.copy(statement) as copy:
        yield from copy


class _File:
    """One file in the making."""

    def __init__(self, order: Order, progress: Progress | None) -> None:
        self._order = order
        self._progress = progress
        self.columns: list[str] = []
        self.row_count = 0
        self.snapshot_at: datetime = timezone.now()

    def chunks(self) -> Iterator[bytes]:
        with open_snapshot() as cursor:
            self.snapshot_at = prepare(cursor)
            # Read after the snapshot began: it holds no response to a version unknown here.
            layout = load_layout()
            # As they stand in the file.
            self.columns = [guard(key) for key in layout.keys(self._order)]
            self._entries = codebook.entries(self._order, layout)

            # Not begun before its first row is wanted: the header need not wait for it. Closed by
            # us whatever happens: the transaction cannot end before the COPY has.
            with closing(_rows(cursor, copy_statement(self._order, layout))) as rows:
                data = self._data(Rows(rows, self._progress))
                yield from self._packed(data, layout) if self._order.is_packed else data

    def _data(self, rows: Rows) -> Iterator[bytes]:
        make = self._workbook if self._order.format == Format.XLSX else self._csv
        for chunk in make(rows):
            self.row_count = rows.count
            yield chunk
        self.row_count = rows.count

    def _csv(self, rows: Rows) -> Iterator[bytes]:
        has_mark = self._order.format == Format.EXCEL
        yield as_csv([self.columns]).encode("utf-8-sig" if has_mark else "utf-8")
        yield from rows.chunks()

    def _workbook(self, rows: Rows) -> Iterator[bytes]:
        workbook = Workbook()
        yield from workbook.sheets_of(_("Responses"), self.columns, rows)
        self.row_count = rows.count
        yield from workbook.sheet(_("Codebook"), codebook.rows(self._entries))
        yield from workbook.sheet(_("Codes"), codebook.code_rows(self._entries))
        yield from workbook.sheet(_("Wordings"), codebook.wording_rows(self._entries))
        lines = [[line] for line in self._readme().splitlines()]
        yield from workbook.sheet(_("Read me"), lines)
        yield from workbook.end()

    def _packed(self, data: Iterable[bytes], layout: Layout) -> Iterator[bytes]:
        packing, files = Packing(), []

        def file(name: str, chunks: Iterable[bytes], **options: bool) -> Iterator[bytes]:
            digest, size = hashlib.sha256(), 0

            def noted() -> Iterator[bytes]:
                nonlocal size
                for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    yield chunk

            yield from packing.file(name, noted(), **options)
            files.append(PackedFile(name, size, digest.hexdigest()))

        order, entries = self._order, self._entries
        yield from file(data_name(order), data, may_be_large=True)
        yield from file("codebook.csv", [as_csv(codebook.rows(entries)).encode()])
        yield from file("codebook.json", [codebook.as_json(order, entries)])
        yield from file("README.txt", [self._readme().encode()])
        proof = manifest(
            order,
            layout,
            columns=self.columns,
            row_count=self.row_count,
            snapshot_at=self.snapshot_at,
            files=files,
        )
        yield from packing.file("manifest.json", [proof])
        yield from packing.end()

    def _readme(self) -> str:
        return readme(self._order, row_count=self.row_count, snapshot_at=self.snapshot_at)
