"""An export that is sent while it is made, and logged whatever becomes of it."""

import hashlib
from collections.abc import Iterator
from contextlib import closing

from portal.accounts.models import User
from portal.core.spreadsheets import guard

from .columns import load_layout
from .logs import KIND, KIND_INTERRUPTED, log_export
from .orders import Order, Written
from .writing import Progress, stream


def stream_export(
    *, user: User, purpose: str, order: Order, progress: Progress | None = None
) -> Iterator[bytes]:
    """Yield the file in chunks, and log it also when whoever takes them goes away.

    Rows and checksum in the log are of what was sent. ``progress`` is told the rows so far.
    """
    written: Written | None = None
    digest, row_count = hashlib.sha256(), 0

    def count(rows: int) -> None:
        nonlocal row_count
        row_count = rows
        if progress is not None:
            progress(rows)

    try:
        with closing(stream(order, progress=count)) as chunks:
            while written is None:
                try:
                    chunk = next(chunks)
                except StopIteration as end:
                    written = end.value
                else:
                    digest.update(chunk)
                    yield chunk
    finally:
        if written is not None:
            log_export(
                user=user,
                kind=KIND,
                purpose=purpose,
                order=order,
                columns=written.columns,
                row_count=written.row_count,
                sha256=written.sha256,
            )
        else:
            log_export(
                user=user,
                kind=KIND_INTERRUPTED,
                purpose=purpose,
                order=order,
                columns=[guard(key) for key in load_layout().keys(order)],
                row_count=row_count,
                sha256=digest.hexdigest(),
            )
