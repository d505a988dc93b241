"""What every page shows, fetched from all rooms' tables in one query.

A room names its rows with ``@on_every_page``. Whoever asks first in a process has everybody's rows
fetched, so the frame of a page costs one query when nothing is remembered, however many rooms have
something to say in it.
"""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import QuerySet
from django.db.models.functions import JSONObject

from .content_cache import content_cached

Source = Callable[[], QuerySet[Any]]
Rows = list[dict[str, Any]]

_sources: list[tuple[Source, tuple[str, ...]]] = []


def on_every_page(*fields: str) -> Callable[[Source], Callable[[], Rows]]:
    """Return a decorator for a function that names rows; it then returns them as dictionaries.

    ``fields``: lookups from the queryset's model, and the keys of each dictionary. Values come
    through JSON: numbers, texts and booleans as they are, dates as ISO texts. Tables that such a
    function reads need the trigger ``BumpContentStamp``.
    """

    def decorate(source: Source) -> Callable[[], Rows]:
        place = len(_sources)
        _sources.append((source, fields))
        return lambda: _all_rows()[place]

    return decorate


@content_cached
def _all_rows() -> list[Rows]:
    columns = {
        f"rows_{place}": ArraySubquery(
            source().values(row=JSONObject(**{field: field for field in fields}))
        )
        for place, (source, fields) in enumerate(_sources)
    }
    # By name: the models of this app have rows on every page, too.
    found: Any = apps.get_model("core.ContentStamp").objects.values(**columns).get()
    return [found[column] for column in columns]
