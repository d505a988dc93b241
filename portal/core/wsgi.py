"""What the server's processes do before Django answers a request."""

import gc
from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

# New objects between two looks for garbage in cycles; by default 700.
OBJECTS_BETWEEN_COLLECTIONS = 50_000


def collect_less_often() -> None:
    """Let Python look for garbage in cycles less often, and never among what is loaded by now.

    A page makes thousands of objects and next to no cycles: looking for them takes up to a third of
    a large page's time (docs/decisions/0005-app-server.md), and walking over all modules a tenth of
    a second while a reader waits.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])


def utf8_only(application: Application) -> Application:
    """Let nothing of the Content-Type through but the type and the boundary between its parts.

    What fails before Django has made a request of it has no error page. Browsers send forms in
    UTF-8 without saying so. A ``charset`` that says otherwise makes Django read even the query
    string by it: some codecs raise where nothing catches it, others (UTF-7) make NUL and lone
    surrogates of plain letters, after our checks.
    """

    def checked(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        media_type, *parameters = environ.get("CONTENT_TYPE", "").split(";")
        boundaries = [
            parameter
            for parameter in parameters
            if parameter.strip().lower().startswith("boundary=")
        ]
        environ["CONTENT_TYPE"] = ";".join([media_type, *boundaries])
        return application(environ, start_response)

    return checked
