"""What readers wrote, in an order that says nothing about when or who."""

from django.db import connection
from django.db.models import CharField, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import MD5, Cast, Concat
from django.utils.crypto import salted_hmac

from feedback.models import Response

from .selection import Selection, response_condition


def comments_of(selection: Selection, *, with_hidden: bool) -> QuerySet[Response]:
    """Return the responses of ``selection`` with free text, each with its ``mark``.

    They come in the order of their marks, which is random and always the same; a mark names a
    comment in a form without saying which response it belongs to. Only for selections that are
    shown. Without those that staff have hidden, unless ``with_hidden``.
    """
    ids = RawSQL(  # noqa: S611 - composed and quoted by psycopg, of a Selection's checked parts
        "SELECT response.id FROM feedback_response AS response"  # noqa: S608 - as above
        # Said here as well, for the planner: of most responses nothing else need be known.
        " WHERE response.comment <> '' AND "
        + response_condition(selection).as_string(connection.connection).replace("%", "%%"),
        (),
    )
    comments = Response.objects.filter(pk__in=ids).exclude(comment="")
    if not with_hidden:
        comments = comments.filter(hidden_comment=None)
    return (
        comments.annotate(mark=MD5(Concat(Value(_salt()), Cast("pk", CharField()))))
        .only("comment", "hidden_comment__reason")
        .select_related("hidden_comment")
        .order_by("mark")
    )


def _salt() -> str:
    """Return what makes marks of this portal; without it they could be reckoned from the keys."""
    return salted_hmac(__name__, "order of comments").hexdigest()
