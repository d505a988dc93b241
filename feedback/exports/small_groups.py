"""Which part of the readers a file may be about: the rule of the results pages."""

from dataclasses import replace

from django.db import connection
from psycopg import sql

from feedback.results import MIN_PEOPLE
from feedback.results.selection import Selection, response_condition


def is_large_enough(selection: Selection) -> bool:
    """Whether the chosen part of the readers, and the rest, are nobody or enough people.

    Rows are generalised within the file, but how many there are would say how many people share a
    profession where the results pages do not. (1 query, none without a part of the profile.)
    """
    if selection.dimension is None:
        return True
    statement = sql.SQL(
        """
        SELECT count(DISTINCT reader_id) FILTER (WHERE {part}),
            count(DISTINCT reader_id) FILTER (WHERE NOT {part})
        FROM feedback_response AS response
        WHERE {condition}
        """
    ).format(
        part=sql.SQL("response.{} = {}").format(
            sql.Identifier(selection.dimension.value), sql.Literal(selection.value)
        ),
        condition=response_condition(replace(selection, dimension=None, value="")),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return all(people == 0 or people >= MIN_PEOPLE for people in cursor.fetchone())
