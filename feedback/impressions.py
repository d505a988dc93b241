"""How many readers were shown the survey of an article, began it and sent it.

Counted in Redis, in one HyperLogLog per article, month and step, never by a query in a reader's
request. A HyperLogLog cannot be listed, and what goes in is a keyed hash of reader and article
together: nothing that is kept says who saw an article, nor which articles one reader saw.
"""

from django.db import connection
from psycopg import sql

from .results.selection import Selection, article_condition, open_month


def impressions_of(selection: Selection) -> tuple[int, int] | None:
    """Return how many readers of ``selection`` were shown the survey and began it (1 query).

    Sums over the selection's articles and closed months: somebody who reads two articles, or one
    in two months, counts twice. None for a part of the profile: what counts knows no profile.
    """
    if selection.dimension is not None:
        return None
    conditions = [
        article_condition(selection),
        sql.SQL("month < {}").format(sql.Literal(open_month())),
    ]
    if selection.month is not None:
        conditions.append(sql.SQL("month = {}").format(sql.Literal(selection.month)))
    query = sql.SQL(
        "SELECT coalesce(sum(shown), 0), coalesce(sum(started), 0)"
        " FROM feedback_impressions WHERE {}"
    ).format(sql.SQL(" AND ").join(sql.SQL("({})").format(part) for part in conditions))
    with connection.cursor() as cursor:
        cursor.execute(query)
        shown, started = cursor.fetchone()
    return int(shown), int(started)
