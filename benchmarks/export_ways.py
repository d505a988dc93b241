"""``python -m benchmarks.export_ways WAY``: one way to make a file, in a process of its own.

Its last line is JSON: seconds, first byte, memory at rest and at most, rows, bytes. What is made is
thrown away, but for XlsxWriter's, which needs a file.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

# The columns of a wide file; of the default survey's four statements.
RAW_COPY = """
    COPY (
        SELECT response.reader_id, article.id, article.slug, article.title, article_version.number,
            survey.key, survey_version.number, response.updated_at::date, response.profession,
            response.specialty, response.country, response.levels[1], response.levels[2],
            response.levels[3], response.levels[4]
        FROM feedback_response AS response
        JOIN articles_article AS article ON article.id = response.article_id
        JOIN articles_articleversion AS article_version
            ON article_version.id = response.article_version_id
        JOIN feedback_surveyversion AS survey_version
            ON survey_version.id = response.survey_version_id
        JOIN feedback_survey AS survey ON survey.id = survey_version.survey_id
    ) TO STDOUT (FORMAT csv)
"""


def raw() -> Iterator[bytes]:
    """COPY, taken as it comes."""
    from django.db import connection

    with connection.cursor() as cursor, cursor.copy(RAW_COPY) as copy:
        yield from copy


def plain() -> Iterator[bytes]:
    """The same COPY by the way of our files: snapshot, counted chunks, checksum."""
    import hashlib

    from feedback.exports.rows import Rows
    from feedback.exports.snapshot import open_snapshot, prepare

    digest = hashlib.sha256()
    with open_snapshot() as cursor:
        prepare(cursor)
        with cursor.copy(RAW_COPY) as copy:
            for chunk in Rows(copy).chunks():
                digest.update(chunk)
                yield chunk


def file(name: str) -> Iterator[bytes]:
    """One of our files: "FORMAT SHAPE" or "FORMAT SHAPE packed"."""
    from feedback.exports.orders import Format, Order, Shape
    from feedback.exports.writing import stream

    chosen, shape, *packed = name.split()
    return stream(Order(format=Format(chosen), shape=Shape(shape), is_packed=bool(packed)))


def xlsxwriter() -> Iterator[bytes]:
    """The cells of our workbook by XlsxWriter in constant-memory mode, from our CSV for Excel."""
    import xlsxwriter as library

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "responses.xlsx"
        book = library.Workbook(path, {"constant_memory": True, "tmpdir": folder})
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for number, cells in enumerate(_excel_rows()):
            for column, value in enumerate(cells):
                if number and column in {1, 4, 6}:
                    sheet.write_number(number, column, int(value))
                elif number and column == 7:
                    sheet.write_datetime(number, column, date.fromisoformat(value), day)
                elif value:
                    sheet.write_string(number, column, value)
        book.close()
        yield path.read_bytes()


def _excel_rows() -> Iterator[list[str]]:
    lines = io.StringIO(newline="")
    for chunk in file("excel wide"):
        lines.write(chunk.decode("utf-8-sig"))
        lines.seek(0)
        yield from csv.reader(lines)
        lines.seek(0)
        lines.truncate()


WAYS: dict[str, Callable[[], Iterable[bytes]]] = {
    "raw": raw,
    "plain": plain,
    "xlsxwriter": xlsxwriter,
}


def memory(name: str) -> float:
    """Return a line of /proc/self/status, in MB (10^6 bytes)."""
    status = Path("/proc/self/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def measure(way: str) -> dict[str, Any]:
    from django.db import connection

    import feedback.exports.writing  # noqa: F401 - so that it is here before memory is measured
    from feedback.models import Response

    # At rest: connected, and everything imported.
    rows = Response.objects.count()
    connection.ensure_connection()
    make = WAYS.get(way) or (lambda: file(way))
    # The highest so far is that of now.
    Path("/proc/self/clear_refs").write_text("5")
    idle = memory("VmRSS")
    started, first, size = time.perf_counter(), 0.0, 0
    for chunk in make():
        first = first or time.perf_counter() - started
        size += len(chunk)
    return {
        "seconds": time.perf_counter() - started,
        "first_byte": first,
        "mb_over_idle": memory("VmHWM") - idle,
        "idle_mb": idle,
        "rows": rows,
        "size": size,
    }


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    django.setup()
    print(json.dumps(measure(sys.argv[1])))
