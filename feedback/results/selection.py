"""What a figure or a file is about: which responses, chosen in the few ways that are allowed.

At most one of article, topic and author; all closed months or one of them; at most one part of the
readers' profile. That nobody can choose finer is what keeps small groups closed (docs/staff.md).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from psycopg import sql

from .scopes import Scope, scopes

# The month of a response is that of its first answer, in the time of the house.
MONTH = sql.SQL("date_trunc('month', response.submitted_at AT TIME ZONE {zone})::date").format(
    zone=sql.Literal(settings.TIME_ZONE)
)


class Dimension(models.TextChoices):
    """A part of the readers' profile; its values are columns of ``Response`` of the same name."""

    PROFESSION = "profession", _("Profession")
    SPECIALTY = "specialty", _("Specialty")
    COUNTRY = "country", _("Country")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The responses that a figure is about. Everything empty: the whole portal, all closed months.

    ``article``, ``topic``, ``author``: primary keys, at most one of them. ``month``: the first day
    of a closed month. ``dimension`` and ``value``: one part of the profile, "" being "not stated".
    Raises ``ValueError`` for more than that.
    """

    article: int | None = None
    topic: int | None = None
    author: int | None = None
    month: date | None = None
    dimension: Dimension | None = None
    value: str = ""

    def __post_init__(self) -> None:
        if sum(key is not None for key in (self.article, self.topic, self.author)) > 1:
            raise ValueError("At most one of article, topic and author")
        if self.value and self.dimension is None:
            raise ValueError("A value needs its dimension")
        if self.month is not None and (self.month.day != 1 or self.month >= open_month()):
            raise ValueError(f"{self.month} is not the first day of a closed month")

    @property
    def scope(self) -> Scope | None:
        """What its articles have in common; None for all of the portal's."""
        for kind in ("article", "topic", "author"):
            key = getattr(self, kind)
            if key is not None:
                return kind, key
        return None

    def as_filters(self) -> dict[str, Any]:
        """Return what is chosen, for logs, manifests and addresses (JSON values)."""
        filters: dict[str, Any] = {
            name: key
            for name in ("article", "topic", "author")
            if (key := getattr(self, name)) is not None
        }
        if self.month is not None:
            filters["month"] = self.month.isoformat()[:7]
        if self.dimension is not None:
            filters["readers"] = f"{self.dimension.value}:{self.value}"
        return filters


def open_month() -> date:
    """Return the first day of the month that is not over, in the time of the house."""
    return timezone.localdate().replace(day=1)


def _begin(month: date) -> sql.Composed:
    return sql.SQL("{}::timestamp AT TIME ZONE {}").format(
        sql.Literal(month), sql.Literal(settings.TIME_ZONE)
    )


def article_condition(selection: Selection) -> sql.Composable:
    """Return the SQL condition on the column ``article_id`` of whatever table has it."""
    if selection.scope is None:
        return sql.SQL("true")
    articles = scopes().articles(selection.scope) or ()
    return sql.SQL("article_id = ANY({}::bigint[])").format(sql.Literal(sorted(articles)))


def response_condition(selection: Selection) -> sql.Composed:
    """Return the SQL condition on ``feedback_response AS response``, for results and files."""
    parts: list[sql.Composable] = [
        article_condition(selection),
        sql.SQL("response.submitted_at < {}").format(_begin(open_month())),
    ]
    if selection.month is not None:
        # As a span: to reckon each response's month takes longer than all the rest.
        following = (selection.month + timedelta(days=31)).replace(day=1)
        parts.append(
            sql.SQL("response.submitted_at >= {} AND response.submitted_at < {}").format(
                _begin(selection.month), _begin(following)
            )
        )
    if selection.dimension is not None:
        parts.append(
            sql.SQL("response.{} = {}").format(
                sql.Identifier(selection.dimension.value), sql.Literal(selection.value)
            )
        )
    return sql.SQL(" AND ").join(sql.SQL("({})").format(part) for part in parts)
