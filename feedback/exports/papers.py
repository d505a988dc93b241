"""What goes with the rows: a README and a manifest."""

import json
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

from portal.core.models import site_settings

from .codebook import FORMAT_VERSION
from .columns import Layout
from .orders import Format, Order, Shape
from .statements import MIN_SHARING


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file of the ZIP: ``size`` in bytes."""

    name: str
    size: int
    sha256: str


def data_name(order: Order) -> str:
    return "responses.xlsx" if order.format == Format.XLSX else "responses.csv"


def readme(order: Order, *, row_count: int, snapshot_at: datetime) -> str:
    return render_to_string(
        "feedback/exports/readme.txt",
        {
            "portal": site_settings().name,
            "url": settings.SITE_URL,
            "rows": row_count,
            "snapshot_at": timezone.localtime(snapshot_at).isoformat(timespec="seconds"),
            "filters": order.as_filters(),
            "format": order.format.value,
            "is_long": order.shape == Shape.LONG,
            "is_packed": order.is_packed,
            "has_comments": order.has_comments,
            "data_name": data_name(order),
            "min_people": MIN_SHARING,
        },
    )


def manifest(
    order: Order,
    layout: Layout,
    *,
    columns: list[str],
    row_count: int,
    snapshot_at: datetime,
    files: list[PackedFile],
) -> bytes:
    """Return what proves that the files are whole, and says of what they are (JSON)."""
    document = {
        "format_version": FORMAT_VERSION,
        "portal": {"name": site_settings().name, "url": settings.SITE_URL},
        "snapshot_at": snapshot_at.isoformat(),
        "filters": order.as_filters(),
        "rows": row_count,
        "columns": columns,
        "survey_versions": [
            {
                "survey": version.survey.key,
                "version": version.number,
                "published_at": version.published_at and version.published_at.isoformat(),
            }
            for version in layout.versions
        ],
        "files": [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in files],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"
