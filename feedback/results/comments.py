"""What readers wrote, in an order that says nothing about when or who."""

from django.db import connection
from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import MD5, Cast, Concat
from django.utils.crypto import salted_hmac
from psycopg import sql

from feedback.models import Response

from .selection import Selection, response_condition


class Comments:
    """The responses of ``selection`` with free text, each with its ``mark``; for a paginator.

    They come in the order of their marks, which is random and always the same; a mark names a
    comment in a form without saying which response it belongs to. Only for selections that are
    shown. Without those that staff have hidden, unless ``with_hidden``.

    They are counted and put in order in an index alone, whose rows hold all that a selection asks.
    """

    def __init__(self, selection: Selection, *, with_hidden: bool) -> None:
        conditions = [sql.SQL("response.comment <> ''"), response_condition(selection)]
        if not with_hidden:
            hidden = "SELECT FROM feedback_hiddencomment WHERE response_id = response.id"
            conditions.append(sql.SQL(f"NOT EXISTS ({hidden})"))
        self._source = sql.SQL(" FROM feedback_response AS response WHERE {}").format(
            sql.SQL(" AND ").join(conditions)
        )

    def count(self) -> int:
        """Return how many there are (1 query)."""
        [(count,)] = self._rows(sql.SQL("SELECT count(*)") + self._source)
        return count

    def __getitem__(self, part: slice) -> list[Response]:
        """Return some, from a position to another (2 queries)."""
        start, stop = part.start or 0, part.stop
        order = sql.SQL(" ORDER BY {} OFFSET {} LIMIT {}").format(
            _mark(), sql.Literal(start), sql.Literal(stop - start)
        )
        rows = self._rows(sql.SQL("SELECT response.id") + self._source + order)
        return list(_with_marks().filter(pk__in=[pk for (pk,) in rows]))

    def with_mark(self, mark: str) -> Response | None:
        """Return the one that a form names, if it is among these (2 queries)."""
        named = sql.SQL(" AND {} = {}").format(_mark(), sql.Literal(mark))
        rows = self._rows(sql.SQL("SELECT response.id") + self._source + named)
        return _with_marks().filter(pk__in=[pk for (pk,) in rows]).first()

    def _rows(self, statement: sql.Composable) -> list[tuple[int]]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            rows: list[tuple[int]] = cursor.fetchall()
        return rows


def _mark() -> sql.Composed:
    # As in _with_marks.
    return sql.SQL("md5({} || response.id::text)").format(sql.Literal(_salt()))


def _with_marks() -> QuerySet[Response]:
    return (
        Response.objects.annotate(mark=MD5(Concat(Value(_salt()), Cast("pk", CharField()))))
        .only("comment", "hidden_comment__reason")
        .select_related("hidden_comment")
        .order_by("mark")
    )


def _salt() -> str:
    """Return what makes marks of this portal; without it they could be reckoned from the keys."""
    return salted_hmac(__name__, "order of comments").hexdigest()
