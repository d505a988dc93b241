"""Responses as files: pseudonymous, from one snapshot, in constant memory.

orders.py      what is ordered
columns.py     which columns a file has
snapshot.py    the view of the database that it shows, and the key of its pseudonyms
statements.py  the COPY that makes its rows; cells.py, xlsx.py: what a value looks like
rows.py        rows as they come
workbook.py    XLSX; packing.py: ZIP
codebook.py    what each column holds; papers.py: README and manifest
writing.py     count_rows(), write(), stream()
"""

import hashlib
from collections.abc import Iterator

from django.db import models
from django.utils.translation import gettext_lazy as _

from articles.models import Article
from feedback.results.selection import Selection
from portal.accounts.models import User
from portal.core.models import ExportLog

from .columns import BASE as COLUMNS
from .orders import Format, Order
from .writing import stream

__all__ = ["COLUMNS", "KIND", "KIND_INTERRUPTED", "Flavour", "export_responses"]

KIND = "responses"
# In the log for a file that did not reach its end: rows and checksum are of what was sent.
KIND_INTERRUPTED = "responses (interrupted)"


class Flavour(models.TextChoices):
    """For which programs the file is made."""

    ANALYSIS = "analysis", _("Analysis (R, SAS, SPSS, Python): codes, UTF-8")
    EXCEL = "excel", _("Excel or LibreOffice: labels, UTF-8 with byte order mark")


def export_responses(
    *, user: User, purpose: str, flavour: Flavour, article: Article | None = None
) -> Iterator[bytes]:
    """Yield a CSV file in chunks, and log it also when whoever takes them goes away.

    ``article``: only the responses about it. The file shows what was committed at its beginning.
    """
    order = Order(
        selection=Selection(article=article.pk if article else None),
        format=Format(flavour.value),
        is_packed=False,
    )
    kind, digest, file = KIND_INTERRUPTED, hashlib.sha256(), stream(order)
    lines, columns = 0, list(COLUMNS)
    try:
        while True:
            try:
                chunk = next(file)
            except StopIteration as end:
                kind, columns = KIND, end.value.columns
                break
            digest.update(chunk)
            lines += chunk.count(b"\n")
            yield chunk
    finally:
        file.close()
        ExportLog.objects.create(
            user=user,
            kind=kind,
            purpose=purpose,
            filters={"article": article.pk if article else None, "flavour": flavour},
            columns=columns,
            row_count=max(lines - 1, 0),
            sha256=digest.hexdigest(),
        )
