"""What is ordered: which responses, in which file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from feedback.results.selection import Dimension, Selection


class Format(models.TextChoices):
    """For which programs the file is made."""

    ANALYSIS = "analysis", _("CSV for R, SAS, SPSS, Stata or Python: codes, UTF-8")
    EXCEL = "excel", _("CSV for Excel or LibreOffice: labels, UTF-8 with byte order mark")
    XLSX = "xlsx", _("Excel workbook (XLSX): labels, with a codebook")

    @property
    def has_labels(self) -> bool:
        """Whether levels and profiles are written as people read them, not as codes."""
        return self != Format.ANALYSIS


class Shape(models.TextChoices):
    """What a row is."""

    WIDE = "wide", _("One row per response, one column per statement")
    LONG = "long", _("One row per answer")


CONTENT_TYPES = {
    "zip": "application/zip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One file: the same data, whoever makes it.

    ``is_packed``: in a ZIP with the codebook (CSV and JSON), a README and a manifest; else the data
    file alone. ``has_comments``: with free text, which needs a further permission.
    """

    selection: Selection = field(default_factory=Selection)
    format: Format = Format.ANALYSIS
    shape: Shape = Shape.WIDE
    is_packed: bool = True
    has_comments: bool = False

    def as_filters(self) -> dict[str, Any]:
        """Return the whole order for the log and the manifest (JSON values)."""
        return {
            **self.selection.as_filters(),
            "format": self.format.value,
            "shape": self.shape.value,
            "packed": self.is_packed,
            "comments": self.has_comments,
        }

    @classmethod
    def from_filters(cls, filters: Mapping[str, Any]) -> "Order":
        """Return the order of which ``as_filters`` said ``filters``."""
        dimension, _colon, value = filters.get("readers", "").partition(":")
        return cls(
            selection=Selection(
                article=filters.get("article"),
                topic=filters.get("topic"),
                author=filters.get("author"),
                month=date.fromisoformat(f"{filters['month']}-01") if "month" in filters else None,
                dimension=Dimension(dimension) if dimension else None,
                value=value,
            ),
            format=Format(filters["format"]),
            shape=Shape(filters["shape"]),
            is_packed=filters["packed"],
            has_comments=filters["comments"],
        )

    @property
    def extension(self) -> str:
        """How the file's name ends, without the point."""
        if self.is_packed:
            return "zip"
        return "xlsx" if self.format == Format.XLSX else "csv"

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.extension]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a finished file holds.

    ``row_count``: rows of data, without header lines. ``sha256`` and ``size`` (bytes) are those of
    the whole file as it is given away. ``snapshot_at``: what was committed then is in it.
    """

    columns: list[str]
    row_count: int
    sha256: str
    size: int
    snapshot_at: datetime
