"""What a request must be before Django makes one of it: its failures there have no error page."""

from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def utf8_only(application: Application) -> Application:
    """Let nothing of the Content-Type through but the type and the boundary between its parts.

    Browsers send forms in UTF-8 without saying so. A ``charset`` that says otherwise makes Django
    read even the query string by it: some codecs raise where nothing catches it, others (UTF-7)
    make NUL and lone surrogates of plain letters, after our checks.
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
