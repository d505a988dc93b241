"""A table of a page of results as a file, and the line in the log that goes with it."""

import hashlib
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.core.models import ExportLog

from .selection import Selection
from .tables import Table, TableName


class DownloadForm(forms.Form):
    """Which table, and what for; ``table`` names the form's fields apart from its neighbours'."""

    purpose = forms.CharField(
        label=_("Purpose"),
        max_length=500,
        error_messages={"required": _("Enter the purpose.")},
        help_text=_("What the file is for. It is kept in the log of exports under your name."),
    )

    def __init__(self, table: TableName, data: Any = None, *, purpose: str = "") -> None:
        super().__init__(data, auto_id=f"{table.value}_%s", initial={"purpose": purpose})
        self.table = table.value
        self.table_label = table.label


def log_download(
    *,
    user: User,
    purpose: str,
    table: TableName,
    selection: Selection,
    content: Table,
    data: bytes,
) -> None:
    """Write down who took which table, why, and the checksum of the file ``data``."""
    ExportLog.objects.create(
        user=user,
        kind=f"results: {table.value}",
        purpose=purpose,
        filters=selection.as_filters(),
        columns=content.header,
        row_count=len(content.rows),
        sha256=hashlib.sha256(data).hexdigest(),
    )
