"""What the page of results shows about a selection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.utils.translation import gettext as _

from feedback.models import Response
from feedback.results import charts, counting
from feedback.results.comments import Comments
from feedback.results.downloads import DownloadForm
from feedback.results.figures import Figures, Month, StatementFigures
from feedback.results.forms import SelectionForm
from feedback.results.report import (
    StatementTrend,
    groups,
    places,
    rest_of,
    series_of,
    trends,
)
from feedback.results.selection import Selection, open_month
from portal.accounts.models import User

ARTICLES_ON_A_PAGE = 25
COMMENTS_ON_A_PAGE = 20
# What does not change from page to page of a chart.
CHARTS = {
    "bar_length": charts.BAR_LENGTH,
    "trend_width": charts.TREND_WIDTH,
    "trend_height": charts.TREND_HEIGHT,
    "trend_left": charts.TREND_LEFT,
    "trend_right": charts.TREND_RIGHT,
    "trend_bottom": charts.TREND_BOTTOM,
    "trend_ticks": charts.trend_ticks(),
    "interval_length": charts.INTERVAL_LENGTH,
    "interval_ticks": [charts.INTERVAL_LENGTH * quarter // 4 for quarter in range(5)],
}


@dataclass(frozen=True, slots=True)
class Step:
    """How many came so far on the way from reading to answering; ``percent`` of those shown.

    None for both where it is not shown.
    """

    label: str
    n: int | None
    percent: float | None


@dataclass(frozen=True, slots=True)
class MonthRow:
    """A month of the trend's table: its figures per trend, or why there are none."""

    month: date
    cells: tuple[StatementFigures | None, ...]
    reason: str


def results_context(
    form: SelectionForm,
    *,
    user: User,
    pages: Mapping[str, str],
    downloads: dict[str, DownloadForm],
) -> dict[str, Any]:
    """Return what the template needs about the selection of a valid ``form``.

    ``pages``: the numbers of the pages of its lists, as the address has them.
    """
    selection = form.selection()
    figures = counting.figures(selection)
    filters = selection.as_filters()
    query = urlencode(filters)
    readers = {name: value for name, value in filters.items() if name in {"month", "readers"}}
    comments = _comments(selection, figures, user, pages.get("comments"))
    scope = form.scope()
    return {
        **CHARTS,
        **_trend(selection, figures),
        **_agreement(selection, figures),
        "title": _("Survey results: %(about)s") % {"about": scope}
        if scope
        else _("Survey results"),
        "scope": scope,
        "sentence": form.sentence(),
        "selection": selection,
        "open_month": open_month(),
        "as_of": counting.as_of(),
        "figures": figures,
        "steps": _steps(figures),
        "places": _places(selection, pages.get("page")),
        "comments": comments,
        "downloads": downloads,
        "query": query,
        "query_of_pages": f"{query}&" if query else "",
        "query_of_comment": urlencode({**filters, "comments": comments.number if comments else 1}),
        "readers_query": urlencode(readers),
    }


def _steps(figures: Figures) -> list[Step]:
    shown = figures.shown
    if shown is None:
        return []

    def step(label: str, n: int | None) -> Step:
        return Step(label, n, None if n is None else 100 * n / shown)

    return [
        step(_("Were shown the survey"), shown),
        step(_("Started to answer"), figures.started),
        step(_("Sent their answers"), figures.n),
    ]


def _agreement(selection: Selection, figures: Figures) -> dict[str, Any]:
    """Return the statements beside those of the rest, or why there is no rest."""
    rest = rest_of(selection) if figures.n else None
    if rest is None:
        return {"groups": groups(figures, None), "comparison": ""}
    if not rest.is_shown:
        return {"groups": groups(figures, None), "comparison": "hidden"}
    return {"groups": groups(figures, rest), "comparison": "" if rest.n else "none"}


def _trend(selection: Selection, figures: Figures) -> dict[str, Any]:
    if selection.month is not None or not figures.n:
        return {"trends": []}
    months = counting.trend(selection)
    drawn = trends(figures, months)
    return {
        "trends": drawn,
        "has_gaps": any(trend.chart.has_gaps for trend in drawn),
        "trend_rows": _month_rows(months, drawn),
    }


def _month_rows(months: Sequence[Month], drawn: list[StatementTrend]) -> list[MonthRow]:
    """Return the months, newest first: of a long table people read the beginning."""
    rows = []
    for month in reversed(months):
        found = {series_of(one): one for one in month.figures.statements if one.n}
        cells = tuple(found.get(series_of(trend.statement)) for trend in drawn)
        reason = ""
        if not month.figures.is_shown:
            reason = _("not shown")
        elif not month.figures.n:
            reason = _("no answers")
        rows.append(MonthRow(month.month, cells, reason))
    return rows


def _comments(
    selection: Selection, figures: Figures, user: User, page: str | None
) -> Page[Response] | None:
    """Return a page of what readers wrote, for whoever may read it, where figures are shown."""
    if not figures.n or not user.has_perm("feedback.view_comments"):
        return None
    comments = Comments(selection, with_hidden=user.has_perm("feedback.hide_comments"))
    # A count and slices are all that a paginator asks for, whatever its stubs say.
    paginator: Paginator[Response] = Paginator(cast("Any", comments), COMMENTS_ON_A_PAGE)
    return paginator.get_page(page)


def _places(selection: Selection, page: str | None) -> Page[Any] | None:
    if selection.article is not None:
        return None
    return Paginator(places(counting.ranking(selection)), ARTICLES_ON_A_PAGE).get_page(page)
