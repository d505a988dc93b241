"""What a value looks like in SQL: as a field of CSV or as a cell of a workbook."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from django.db import models
from psycopg import sql

from portal.core.spreadsheets import guard, guard_sql

from . import xlsx
from .orders import Format


class Cells(Protocol):
    """How rows are written. All but ``row`` take and return SQL expressions; NULL is empty."""

    @property
    def has_labels(self) -> bool:
        """Whether codes are written as people read them."""

    @property
    def options(self) -> sql.SQL:
        """COPY's options."""

    def text(self, value: sql.Composable) -> sql.Composable:
        """Text that people typed: guarded."""

    def plain(self, value: sql.Composable) -> sql.Composable:
        """Text made of letters and digits alone."""

    def constant(self, value: str) -> sql.Composable:
        """The same text in many rows: guarded."""

    def number(self, value: sql.Composable) -> sql.Composable: ...

    def day(self, value: sql.Composable) -> sql.Composable: ...

    def row(self, cells: Sequence[sql.Composable]) -> sql.Composable:
        """A row: all that COPY selects."""


@dataclass(frozen=True, slots=True)
class CsvCells:
    has_labels: bool
    options = sql.SQL("(FORMAT csv, FORCE_QUOTE (article_title))")

    def text(self, value: sql.Composable) -> sql.Composable:
        return sql.SQL("nullif({}, '')").format(guard_sql(value))

    def plain(self, value: sql.Composable) -> sql.Composable:
        return value

    def constant(self, value: str) -> sql.Composable:
        return sql.Literal(guard(value))

    def number(self, value: sql.Composable) -> sql.Composable:
        return value

    def day(self, value: sql.Composable) -> sql.Composable:
        return value

    def row(self, cells: Sequence[sql.Composable]) -> sql.Composable:
        return sql.SQL(", ").join(cells)


@dataclass(frozen=True, slots=True)
class XlsxCells:
    """A row is one column of text: XML, in which nothing is left for COPY to escape."""

    has_labels = True
    options = sql.SQL("(FORMAT text)")

    def text(self, value: sql.Composable) -> sql.Composable:
        return xlsx.text_sql(value)

    def plain(self, value: sql.Composable) -> sql.Composable:
        return xlsx.plain_sql(value)

    def constant(self, value: str) -> sql.Composable:
        return sql.Literal(xlsx.cell(value))

    def number(self, value: sql.Composable) -> sql.Composable:
        return xlsx.number_sql(value)

    def day(self, value: sql.Composable) -> sql.Composable:
        return xlsx.day_sql(value)

    def row(self, cells: Sequence[sql.Composable]) -> sql.Composable:
        whole = sql.SQL(", ").join(sql.SQL("coalesce({}, {})").format(c, xlsx.EMPTY) for c in cells)
        return sql.SQL("concat('<row>', {}, '</row>')").format(whole)


def cells_of(chosen: Format) -> Cells:
    if chosen == Format.XLSX:
        return XlsxCells()
    return CsvCells(has_labels=chosen.has_labels)


def labels_of_choices(choices: type[models.TextChoices]) -> dict[str, str]:
    return {str(value): str(label) for value, label in choices.choices}
