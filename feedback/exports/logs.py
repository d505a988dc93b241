"""What the log of exports says of each file and of each download."""

from portal.accounts.models import User
from portal.core.models import ExportLog

from .orders import Order

KIND = "responses"
# For a file that did not reach its end: rows and checksum are of what was sent.
KIND_INTERRUPTED = "responses (interrupted)"
KIND_CANCELLED = "responses (cancelled)"
KIND_FAILED = "responses (failed)"
KIND_DOWNLOAD = "responses (download)"


def log_export(
    *,
    user: User,
    kind: str,
    purpose: str,
    order: Order,
    columns: list[str],
    row_count: int,
    sha256: str,
) -> ExportLog:
    """Write who made which file of responses, or fetched it (1 query).

    ``columns`` and ``sha256`` are empty where there is no file.
    """
    return ExportLog.objects.create(
        user=user,
        kind=kind,
        purpose=purpose,
        filters=order.as_filters(),
        columns=columns,
        row_count=row_count,
        sha256=sha256,
    )
