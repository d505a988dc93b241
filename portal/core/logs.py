"""Logs without personal data: no e-mail address, no query string, no secret address, no row."""

import logging
import re

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError

# Both begin where a run of characters begins and look a bounded way: a log line may be as long as
# what an attacker sends, and must still be written in linear time.
_QUERY = re.compile(r"(?<=[\w/.%&=~-])\?[^\s\"'<>)]+")
_E_MAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,254}(?:@|%40)[\w-]{1,254}(?:\.[\w-]{1,254})*")
# PostgreSQL repeats the row, or the values of a statement, below its message.
_ROW = re.compile(r"^(?P<kind>DETAIL|CONTEXT|QUERY):.*$", re.MULTILINE)


def without_addresses(text: str, *, also: str = "") -> str:
    """Return ``text`` with no e-mail address in it, nor the name ``also``, whatever its case."""
    if also:
        text = re.sub(
            rf"(?<![\w]){re.escape(also)}(?![\w])", "(e-mail address)", text, flags=re.IGNORECASE
        )
    return _E_MAIL.sub("(e-mail address)", text)


class PrivateFormatter(logging.Formatter):
    """Leaves out of the finished text, traceback included, what no log may hold.

    Working on the text rather than on the arguments, it also covers what libraries write.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line or lines."""
        text = _QUERY.sub("?…", super().format(record))
        request = getattr(record, "request", None)
        match = getattr(request, "resolver_match", None)
        if match is not None and match.kwargs:
            # An argument may be a secret (the token of a link in a mail): the route says enough.
            for path in (request.path, request.path.encode("unicode_escape").decode()):  # type: ignore[union-attr]
                text = text.replace(path, f"/{match.route}")
        text = _ROW.sub(r"\g<kind>: …", text)
        return without_addresses(text)


class RefusalFilter(logging.Filter):
    """Make one warning of a refused request: the fault is the sender's, no traceback mends it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True: no record is left out."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, SuspiciousOperation):
            request = getattr(record, "request", None)
            if getattr(request, "resolver_match", None) is not None:
                record.msg = f"{record.getMessage()} at {address_of(request)}"  # type: ignore[arg-type]
                record.args = None
        elif not isinstance(error, BadRequest | MultiPartParserError):
            return True
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def address_of(request: HttpRequest) -> str:
    """Return what a log may hold of a request's address: its route, with no argument's value."""
    match = request.resolver_match
    return "(no such address)" if match is None else f"/{match.route}"
