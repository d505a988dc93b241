"""Counts people in the raw answers, where the roll-up cannot tell how many they are.

The cells of the roll-up lead to the answers: each is looked up by its article and month, so that
few responses take few reads among millions. OFFSET 0 keeps PostgreSQL from reading them all.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

from django.conf import settings
from django.db import connection
from psycopg import sql

from feedback.models import NOT_APPLICABLE

from .regions import ENOUGH, Part, Versions, conditions_of, is_country
from .selection import MONTH, Dimension

# As many responses are looked at first: nearly always they are of enough people.
FIRST = 50
WITNESSES = 200  # people
WANTED = sql.SQL("wanted.key")


def count_people(
    part: Part,
    without: Sequence[Part],
    versions: Versions,
    open_month: date,
    *,
    values: Sequence[str] | None = None,
    months: Sequence[date] | None = None,
    rating: dict[int, int] | None = None,
) -> int:
    """Count the people of ``part`` who are in it ``without`` some parts, up to ``ENOUGH``.

    ``values`` and ``months``: instead of the part's. ``rating``: only who chose a level in this
    place of each survey version's answers. 1 or 2 queries.
    """
    source = _responses(
        part, without, versions, open_month, values=values, months=months, rating=rating
    )
    people, looked_at = _people(source, sql.Literal(FIRST))
    if people < ENOUGH and looked_at == FIRST:
        people, looked_at = _people(source, sql.SQL("ALL"))
    return min(people, ENOUGH)


def _people(source: sql.Composable, limit: sql.Composable) -> tuple[int, int]:
    """Return the people of the first responses, and how many these are."""
    [(people, looked_at)] = _fetch(
        sql.SQL(
            """
            SELECT count(DISTINCT reader_id), count(*)
            FROM (SELECT response.reader_id {source} LIMIT {limit}) AS first
            """
        ).format(source=source, limit=limit)
    )
    return int(people), int(looked_at)


def count_people_by(
    what: Literal["month", "value"],
    part: Part,
    keys: Sequence[Any],
    versions: Versions,
    open_month: date,
) -> dict[Any, int]:
    """Count the people of each month or value of ``keys`` in ``part``, up to ``ENOUGH``.

    1 query, and one for each of the few that have many responses of few people.
    """
    source = _responses(
        part,
        (),
        versions,
        open_month,
        # Not all of them at once: then PostgreSQL looks into other indexes than that of a value.
        values=WANTED if what == "value" else None,
        months=keys if what == "month" else None,
    )
    if what == "month" and is_country(part):
        # All that are asked about are rare. One by one, each would read all months of the country.
        counted = sql.SQL(
            "SELECT tally.month, count(DISTINCT response.reader_id) {source} GROUP BY 1"
        ).format(source=source)
        return dict.fromkeys(keys, 0) | {key: int(people) for key, people in _fetch(counted)}
    rows = _fetch(
        sql.SQL(
            """
            SELECT wanted.key, found.people, found.looked_at
            FROM unnest({keys}) AS wanted (key)
            CROSS JOIN LATERAL (
                SELECT count(DISTINCT reader_id) AS people, count(*) AS looked_at
                FROM (
                    SELECT response.reader_id {source} {of_month}
                    LIMIT {limit}
                ) AS first
            ) AS found
            """
        ).format(
            keys=sql.SQL("{}::text[]" if what == "value" else "{}::date[]").format(list(keys)),
            source=source,
            of_month=sql.SQL("AND tally.month = wanted.key" if what == "month" else ""),
            limit=FIRST,
        )
    )
    return {
        key: (
            count_people(
                part,
                (),
                versions,
                open_month,
                values=[key] if what == "value" else None,
                months=[key] if what == "month" else None,
            )
            if people < ENOUGH and looked_at == FIRST
            else people
        )
        for key, people, looked_at in rows
    }


def count_people_by_month(
    part: Part, values: Sequence[str], versions: Versions, open_month: date
) -> dict[tuple[date, str], int]:
    """Count the people of each of the ``values`` in each month of ``part`` (1 query).

    The part's month is not looked at.
    """
    source = _responses(part._replace(month=None), (), versions, open_month, values=values)
    rows = _fetch(
        sql.SQL(
            """
            SELECT tally.month, tally.value, count(DISTINCT response.reader_id) {source}
            GROUP BY 1, 2
            """
        ).format(source=source)
    )
    return {(month, value): int(people) for month, value, people in rows}


def count_people_of_pairs(
    part: Part, pairs: Sequence[tuple[date, str]], versions: Versions, open_month: date
) -> dict[date, int]:
    """Count the people of each month in ``part`` who have one of its values (1 query).

    ``pairs``: months and values. The part's month is not looked at.
    """
    values = sorted({value for _month, value in pairs})
    source = _responses(part._replace(month=None), (), versions, open_month, values=values)
    rows = _fetch(
        sql.SQL(
            """
            SELECT tally.month, count(DISTINCT response.reader_id) {source}
                AND (tally.month, tally.value) IN (
                    SELECT * FROM unnest({months}::date[], {values}::text[])
                )
            GROUP BY 1
            """
        ).format(
            source=source,
            months=sql.Literal([month for month, _value in pairs]),
            values=sql.Literal([value for _month, value in pairs]),
        )
    )
    return {month: int(people) for month, people in rows}


def witnesses(part: Part, without: Part, versions: Versions, open_month: date) -> list[int]:
    """Return an article each for some people of ``part`` who are not in ``without`` (1 query).

    People of many articles stand under any one of them.
    """
    source = _responses(part, [without], versions, open_month)
    rows = _fetch(
        sql.SQL(
            "SELECT DISTINCT ON (response.reader_id) response.article_id {source} LIMIT {limit}"
        ).format(source=source, limit=WITNESSES)
    )
    return [row[0] for row in rows]


def _fetch(query: sql.Composed) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        # No parameters: everything is quoted in the query itself.
        cursor.execute(query)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _responses(
    part: Part,
    without: Sequence[Part],
    versions: Versions,
    open_month: date,
    *,
    values: Sequence[str] | sql.Composable | None = None,
    months: Sequence[date] | None = None,
    rating: dict[int, int] | None = None,
) -> sql.Composed:
    """Return FROM and WHERE: ``response`` with the ``tally`` of its cell."""
    dimension, value = part.readers or ("", "")
    if not isinstance(values, sql.Composable):
        chosen = [value] if values is None else list(values)
        values = sql.SQL("ANY({}::text[])").format(sql.Literal(chosen))
    return sql.SQL(
        """
        FROM {source}
        WHERE tally.dimension = {dimension} AND tally.value = {values}
            AND tally.month < {open_month} {conditions} {without} {rated}
        """
    ).format(
        source=_BY_COUNTRY if dimension == Dimension.COUNTRY else _by_cell(dimension),
        dimension=sql.Literal(dimension),
        values=values,
        open_month=sql.Literal(open_month),
        conditions=conditions_of(part.articles, part.month, versions, months),
        without=sql.SQL(" ").join(
            sql.SQL("AND NOT ({})").format(_is_in(other)) for other in without
        ),
        rated=_rated(rating),
    )


# Countries are many, and of most there are few responses: they have an index of their own.
_BY_COUNTRY = sql.SQL(
    """
    feedback_response AS response
    CROSS JOIN LATERAL (
        SELECT response.article_id, response.survey_version_id, {month} AS month,
            'country' AS dimension, response.country AS value
    ) AS tally
    """
).format(month=MONTH)


def _by_cell(dimension: str) -> sql.Composed:
    return sql.SQL(
        """
        feedback_tally AS tally
        CROSS JOIN LATERAL (
            SELECT * FROM feedback_response AS one
            WHERE one.article_id = tally.article_id
                AND one.submitted_at >= tally.month::timestamp AT TIME ZONE {zone}
                AND one.submitted_at < (tally.month + interval '1 month') AT TIME ZONE {zone}
                AND one.survey_version_id = tally.survey_version_id {own}
            OFFSET 0
        ) AS response
        """
    ).format(
        zone=sql.Literal(settings.TIME_ZONE),
        own=(
            sql.SQL("AND one.{} = tally.value").format(sql.Identifier(dimension))
            if dimension
            else sql.SQL("")
        ),
    )


def _is_in(part: Part) -> sql.Composable:
    """Return the condition on ``tally`` and ``response`` that the response is in ``part``."""
    parts: list[sql.Composable] = [sql.SQL("true")]
    if part.articles is not None:
        parts.append(
            sql.SQL("tally.article_id = ANY({})").format(sql.Literal(sorted(part.articles)))
        )
    if part.month is not None:
        parts.append(sql.SQL("tally.month = {}").format(sql.Literal(part.month)))
    if part.readers is not None:
        dimension, value = part.readers
        parts.append(
            sql.SQL("response.{} = {}").format(sql.Identifier(dimension), sql.Literal(value))
        )
    return sql.SQL(" AND ").join(parts)


def _rated(places: dict[int, int] | None) -> sql.Composable:
    """Return a further condition: a level was chosen in one of the places."""
    if places is None:
        return sql.SQL("")
    return sql.SQL("AND ({})").format(
        sql.SQL(" OR ").join(
            sql.SQL("(response.survey_version_id = {} AND response.levels[{}] <> {})").format(
                version, place + 1, NOT_APPLICABLE
            )
            for version, place in places.items()
        )
    )
