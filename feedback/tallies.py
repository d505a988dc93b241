"""Keeps the roll-up true: counts the answers about marked articles anew, and compares.

An answer marks its article by a trigger (``feedback.models.responses.MarkForTally``). A run takes
the marks away and counts these articles from the raw answers in the same transaction: a run that
is killed leaves marks and tallies as they were. A mark that is committed during a run is another
row, and is left for the next.

No tally says whose answers they are: that two readers are one is noted by itself.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone
from psycopg import sql

from portal.attestation.models import Reader

from .models import (
    COUNTS_PER_STATEMENT,
    NOT_APPLICABLE,
    Level,
    SurveyItem,
    Tally,
    TallyChange,
    TallyState,
)
from .results.selection import MONTH, Dimension, open_month

# PostgreSQL's pair of numbers for the lock of a run: the second says which lock of this room.
LOCK = (0xFEED, 1)

KEY: LiteralString = "article_id, survey_version_id, month, dimension, value"
COLUMNS: LiteralString = KEY + ", n, counts"


def refresh() -> int | None:
    """Bring the tallies up to date; return of how many articles, None where another run is at it.

    Queries: 9 at most, whatever has changed. Run twice, or by two beats, it does the same.
    """
    as_of = timezone.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", LOCK)
        if cursor.fetchone() == (False,):
            return None
        cursor.execute("DELETE FROM feedback_tallychange RETURNING article_id")
        articles = sorted({row[0] for row in cursor.fetchall()})
        _note(as_of, changed=bool(articles) and _count_anew(articles))
    return len(articles)


def rebuild() -> int:
    """Count everything anew, whatever is marked; return how many tallies there are."""
    as_of = timezone.now()
    with transaction.atomic():
        _wait_for_lock()
        TallyChange.objects.all().delete()
        _note(as_of, changed=_count_anew(None))
    return Tally.objects.count()


def differences(limit: int | None = None) -> list[str]:
    """Return what the tallies have that the raw answers have not ("-"), and the reverse ("+").

    Articles that are marked are left out: their tallies are known to be behind. One snapshot.
    """
    query = sql.SQL(
        """
        WITH raw AS ({raw}), kept AS (SELECT {columns} FROM feedback_tally),
        difference AS (
            (SELECT '-' AS sign, * FROM (SELECT * FROM kept EXCEPT SELECT * FROM raw) AS surplus)
            UNION ALL
            (SELECT '+', * FROM (SELECT * FROM raw EXCEPT SELECT * FROM kept) AS missing)
        )
        SELECT * FROM difference
        WHERE article_id NOT IN (SELECT article_id FROM feedback_tallychange)
        ORDER BY article_id, survey_version_id, month, dimension, value, sign
        LIMIT {limit}
        """
    ).format(raw=_raw(None), columns=sql.SQL(COLUMNS), limit=sql.Literal(limit))
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [
            f"{sign} article {article}, survey version {version}, {month:%Y-%m}, "
            f"{f'{dimension} {value!r}' if dimension else 'all readers'}: {n} {counts}"
            for sign, article, version, month, dimension, value, n, counts in cursor.fetchall()
        ]


def _wait_for_lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", LOCK)


def _count_anew(articles: Sequence[int] | None) -> bool:
    """Make the tallies of ``articles`` (None: of all) what the raw answers say.

    Writes only what differs; returns whether a closed month does.
    """
    query = sql.SQL(
        """
        WITH raw AS MATERIALIZED ({raw}),
        kept AS MATERIALIZED (SELECT {columns} FROM feedback_tally WHERE {condition}),
        gone AS (
            DELETE FROM feedback_tally AS tally
            USING (SELECT {key} FROM kept EXCEPT SELECT {key} FROM raw) AS surplus
            WHERE (tally.article_id, tally.survey_version_id, tally.month, tally.dimension,
                    tally.value)
                = (surplus.article_id, surplus.survey_version_id, surplus.month,
                    surplus.dimension, surplus.value)
            RETURNING tally.month
        ),
        written AS (
            INSERT INTO feedback_tally ({columns})
            SELECT {columns} FROM raw EXCEPT SELECT {columns} FROM kept
            ON CONFLICT (article_id, dimension, value, month, survey_version_id)
            DO UPDATE SET n = excluded.n, counts = excluded.counts
            RETURNING month
        )
        SELECT coalesce(min(month) < {open_month}, false)
        FROM (SELECT month FROM gone UNION ALL SELECT month FROM written) AS changed
        """
    ).format(
        raw=_raw(articles),
        columns=sql.SQL(COLUMNS),
        key=sql.SQL(KEY),
        condition=_among(articles),
        open_month=sql.Literal(open_month()),
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
        return bool(row and row[0])


def _among(articles: Sequence[int] | None) -> sql.Composable:
    if articles is None:
        return sql.SQL("true")
    return sql.SQL("article_id = ANY({})").format(sql.Literal(list(articles)))


def _note(as_of: datetime, *, changed: bool) -> None:
    """Say up to when all is counted; for other closed months also with a new stamp."""
    month = open_month()
    before = TallyState.objects.first()
    values: dict[str, Any] = {}
    if changed or before is None or before.most_on != month:
        values = {"stamp": uuid.uuid4(), "most_of_one": _most_of_one(), "most_on": month}
        # Whoever signs in must not wait for the query above: so it is not made under the lock.
        if before and TallyState.objects.select_for_update().get().stamp != before.stamp:
            # Readers have met meanwhile, whom it may not know as one. The next run asks again.
            values |= {"most_of_one": {}, "most_on": None}
    TallyState.objects.update_or_create(id=1, defaults={"as_of": as_of, **values})


def note_meeting(reader: Reader) -> None:
    """Have people counted anew: answers of closed months have become those of ``reader``.

    To be called last in the transaction that gave them: until it ends, other meetings and runs
    wait. 3 queries once answers are counted.
    """
    state = TallyState.objects.select_for_update().first()
    if state is None:
        # A first run may have counted people and not committed yet.
        _wait_for_lock()
        state = TallyState.objects.select_for_update().first()
    if state is None:
        return
    for month, n in _most_of_one(reader).items():
        # Of a month that is not known, one reader says nothing.
        if month in state.most_of_one:
            state.most_of_one[month] = max(state.most_of_one[month], n)
    state.stamp = uuid.uuid4()
    state.save(update_fields=["stamp", "most_of_one"])


def _most_of_one(reader: Reader | None = None) -> dict[str, int]:
    """Return what ``TallyState.most_of_one`` says (1 query over all responses).

    ``reader``: of this one only.
    """
    query = sql.SQL(
        """
        SELECT month, max(n)::int FROM (
            SELECT CASE grouping(month) WHEN 0 THEN month::text ELSE '' END AS month,
                count(*) AS n
            FROM (
                SELECT reader_id, {month} AS month FROM feedback_response AS response
                WHERE {of_whom}
            ) AS answer
            WHERE month < {open_month}
            GROUP BY GROUPING SETS ((reader_id, month), (reader_id))
        ) AS of_one
        GROUP BY month
        """
    ).format(
        month=MONTH,
        open_month=sql.Literal(open_month()),
        of_whom=(
            sql.SQL("true")
            if reader is None
            else sql.SQL("reader_id = {}").format(sql.Literal(reader.pk))
        ),
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return dict(cursor.fetchall())


def _raw(articles: Sequence[int] | None) -> sql.Composed:
    """Return the SQL that counts the raw answers about ``articles`` into rows of ``COLUMNS``.

    One pass over the responses; every level of every statement is a filtered count of its own,
    which was measured several times as fast as one row per answer.
    """
    statements = max(
        SurveyItem.objects.values("version").annotate(n=Count("pk")).values_list("n", flat=True),
        default=1,
    )
    counts = sql.SQL(", ").join(
        sql.SQL("count(*) FILTER (WHERE levels[{}] = {})").format(place, level)
        for place in range(1, statements + 1)
        for level in (NOT_APPLICABLE, *Level.values)
    )
    dimensions = [sql.Identifier(dimension.value) for dimension in Dimension]
    is_grouped = [
        sql.SQL("WHEN grouping({}) = 0 THEN {}").format(
            sql.Identifier(d.value), sql.Literal(d.value)
        )
        for d in Dimension
    ]
    value = [
        sql.SQL("WHEN grouping({}) = 0 THEN {}").format(
            sql.Identifier(d.value), sql.Identifier(d.value)
        )
        for d in Dimension
    ]
    return sql.SQL(
        """
        SELECT article_id, survey_version_id, month,
            CASE {dimension} ELSE '' END AS dimension, CASE {value} ELSE '' END AS value,
            count(*)::int AS n,
            (ARRAY[{counts}]::int[])[1:{per_statement} * max(cardinality(levels))] AS counts
        FROM (
            SELECT article_id, survey_version_id, {month} AS month, levels, {columns}
            FROM feedback_response AS response
            WHERE {condition}
        ) AS answer
        GROUP BY article_id, survey_version_id, month, GROUPING SETS ((), {sets})
        """
    ).format(
        dimension=sql.SQL(" ").join(is_grouped),
        value=sql.SQL(" ").join(value),
        counts=counts,
        per_statement=COUNTS_PER_STATEMENT,
        month=MONTH,
        columns=sql.SQL(", ").join(dimensions),
        condition=_among(articles),
        sets=sql.SQL(", ").join(sql.SQL("({})").format(d) for d in dimensions),
    )
