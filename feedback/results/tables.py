"""The tables of a page of results as CSV: the same figures, with more decimals, for programs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from feedback.models import Level
from portal.core.spreadsheets import as_csv

from .figures import Figures, Month, RankedArticle, StatementFigures
from .report import groups, places

DECIMALS = 4


class TableName(models.TextChoices):
    """Which of the page's tables."""

    STATEMENTS = "statements", _("Level of agreement")
    REACH = "reach", _("From reading to answering")
    TREND = "trend", _("Trend by month")
    ARTICLES = "articles", _("Articles in order")


@dataclass(frozen=True, slots=True)
class Table:
    """Columns have names that stay; cells are text, numbers or None."""

    columns: list[str]
    rows: list[list[Any]]

    def as_csv(self, about: str) -> bytes:
        """Return the file: UTF-8 with a byte order mark, for Excel, too.

        ``about``: what the figures are about, in each row, so that no row loses it.
        """
        rows = [self.header, *([about, *row] for row in self.rows)]
        return as_csv(rows, line_end="\r\n").encode("utf-8-sig")

    @property
    def header(self) -> list[str]:
        return ["selection", *self.columns]


SERIES = ["survey", "statement", "wording_series", "text", "moore_level"]
SHARE = ["n", "top_2", "top_2_percent", "interval_low", "interval_high"]


def statements_table(figures: Figures, rest: Figures | None) -> Table:
    """Return a row per statement, with the same statement in the rest of the portal."""
    columns = [
        *SERIES,
        *(f"label_{level.value}" for level in Level),
        *(f"count_{level.value}" for level in Level),
        "not_applicable",
        "missing",
        "median",
        "quartile_1",
        "quartile_3",
        "mean",
        "sd",
        *SHARE,
        *(f"rest_{name}" for name in SHARE),
    ]
    rows = [
        [
            *_series(row.figures),
            *map(str, row.figures.labels),
            *row.figures.counts,
            row.figures.not_applicable,
            row.figures.missing,
            row.figures.median,
            *(row.figures.quartiles or (None, None)),
            _rounded(row.figures.mean),
            _rounded(row.figures.sd),
            *_share(row.figures),
            *_share(row.rest),
        ]
        for group in groups(figures, rest)
        for row in group.rows
    ]
    return Table(columns, rows)


def reach_table(figures: Figures) -> Table:
    """Return how many were shown the survey, began it and sent it; empty cells as on the page."""
    steps = [("shown", figures.shown), ("started", figures.started), ("submitted", figures.n)]
    return Table(
        ["step", "readers", "percent_of_shown"],
        [
            [
                step,
                n,
                _rounded(100 * n / figures.shown) if n is not None and figures.shown else None,
            ]
            for step, n in steps
        ],
    )


def trend_table(months: Iterable[Month]) -> Table:
    """Return a row per month and statement; a month that is not shown has one, without figures."""
    rows: list[list[Any]] = []
    for month in months:
        start = f"{month.month:%Y-%m}"
        if not month.figures.is_shown:
            rows.append([start, "not shown", *[None] * len(SERIES + SHARE)])
        rows += [
            [start, "shown", *_series(statement), *_share(statement)]
            for statement in month.figures.statements
        ]
    return Table(["month", "state", *SERIES, *SHARE], rows)


def articles_table(ranked: Sequence[RankedArticle]) -> Table:
    """Return a row per article in their order, without figures where they are not shown."""
    columns = ["place", "article_id", "title", "responses", "answers", "top_2", *SHARE[2:]]
    return Table(
        columns,
        [
            [
                place.number,
                place.article.article_id,
                place.article.title,
                place.article.n,
                place.article.answers,
                place.article.top_2,
                _rounded(place.percent),
                *(_rounded(bound) for bound in place.article.interval or (None, None)),
            ]
            for place in places(ranked)
        ],
    )


def _series(statement: StatementFigures) -> list[Any]:
    return [
        statement.survey,
        statement.key,
        statement.series,
        statement.text,
        int(statement.outcome),
    ]


def _share(statement: StatementFigures | None) -> list[Any]:
    if statement is None:
        return [None] * len(SHARE)
    if not statement.n:
        return [0, 0, None, None, None]
    low, high = statement.top_2_interval
    return [
        statement.n,
        statement.top_2,
        *(_rounded(percent) for percent in (statement.top_2_percent, low, high)),
    ]


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, DECIMALS)
