"""The two services that are asked: Crossref's REST API by DOI, NCBI's E-utilities by PMID.

Both addresses are settings, so that a site may point at a mirror, or switch one off (empty).
Requests have time-outs, a largest answer and no redirect to another host; whatever goes wrong is a
``SourceError`` in words for the editor.
"""

import json
import logging
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import urllib3
from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 3
READ_SECONDS = 10
# Of one answer as a whole: one that trickles never runs into the time-outs above.
ANSWER_SECONDS = 15
LARGEST_ANSWER = 8 * 1024 * 1024
MOST_REDIRECTS = 2
# NCBI: at most three requests a second, from all processes together.
NCBI_INTERVAL = 0.35
_NCBI_TURN = 0x52454653  # the key of an advisory lock; any number that nobody else uses
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class SourceError(Exception):
    """Nothing came back. ``is_down``: nor will it for the next question, so do not ask it."""

    def __init__(self, message: str, *, is_down: bool = False) -> None:
        super().__init__(message)
        self.is_down = is_down


def fetch_crossref(doi: str) -> dict[str, Any]:
    """Return what Crossref knows of the work with ``doi`` (the API's "message")."""
    query = (
        f"?{urlencode({'mailto': settings.REFERENCE_MAILTO})}" if settings.REFERENCE_MAILTO else ""
    )
    body = _get("Crossref", settings.CROSSREF_URL, f"/works/{quote(doi, safe='')}{query}")
    try:
        message = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise SourceError(_("The answer of Crossref cannot be read."))
    return message


def fetch_pubmed(pmids: Sequence[str]) -> str:
    """Return PubMed's records of ``pmids`` in its MEDLINE format; unknown ones are left out.

    Waits for its turn, which takes a third of a second and one query.
    """
    query = {
        "db": "pubmed",
        "id": ",".join(pmids),
        "rettype": "medline",
        "retmode": "text",
        "tool": "medical-education-portal",
    }
    if settings.REFERENCE_MAILTO:
        query["email"] = settings.REFERENCE_MAILTO
    if settings.NCBI_URL:
        _wait_for_turn()
    return _get("PubMed", settings.NCBI_URL, f"/efetch.fcgi?{urlencode(query)}").decode(
        "utf-8", "replace"
    )


def _wait_for_turn() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_NCBI_TURN])
        time.sleep(NCBI_INTERVAL)


def _get(name: str, base: str, path: str) -> bytes:
    """Return the body of the answer to ``base`` + ``path``."""
    if not base:
        raise SourceError(
            _("%(name)s is switched off on this site.") % {"name": name}, is_down=True
        )
    url = base.rstrip("/") + path
    deadline = time.monotonic() + ANSWER_SECONDS
    try:
        with urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS), retries=False
        ) as pool:
            for _hop in range(MOST_REDIRECTS + 1):
                _check_address(name, url)
                response = pool.request(
                    "GET", url, headers=_headers(), redirect=False, preload_content=False
                )
                try:
                    location = response.get_redirect_location()
                    if not location:
                        return _read(name, response, deadline)
                    url = _same_host(name, url, str(location))
                finally:
                    # Not kept for another request: the rest of a refused answer may never come.
                    response.close()
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        # The address holds nothing personal, but the message of the error holds the address.
        logger.warning("%s did not answer: %s", name, type(error).__name__)
        raise SourceError(
            _("%(name)s cannot be reached: the line is down, or it does not answer in time.")
            % {"name": name},
            is_down=True,
        ) from error
    raise SourceError(_("%(name)s answers with redirects without end.") % {"name": name})


def _headers() -> dict[str, str]:
    contact = f"; mailto:{settings.REFERENCE_MAILTO}" if settings.REFERENCE_MAILTO else ""
    return {
        "User-Agent": f"medical-education-portal ({settings.SITE_URL}{contact})",
        "Accept": "application/json, text/plain",
        "Accept-Encoding": "identity",
    }


def _check_address(name: str, url: str) -> None:
    address = urlsplit(url)
    if address.scheme != "https" and not (
        address.scheme == "http" and address.hostname in _LOOPBACK
    ):
        raise SourceError(
            _("The address of %(name)s in the settings does not begin with https://.")
            % {"name": name},
            is_down=True,
        )


def _same_host(name: str, url: str, location: str) -> str:
    target = urljoin(url, location)
    if urlsplit(target)[:2] != urlsplit(url)[:2]:
        raise SourceError(
            _("%(name)s sends us to another host, where we do not go.") % {"name": name}
        )
    return target


def _read(name: str, response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    _check_status(name, response.status)
    body = bytearray()
    while chunk := response.read1(64 * 1024):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise SourceError(_("The answer of %(name)s is too large.") % {"name": name})
        if time.monotonic() > deadline:
            raise SourceError(
                _("%(name)s is too slow at the moment. Try again later.") % {"name": name},
                is_down=True,
            )
    return bytes(body)


def _check_status(name: str, status: int) -> None:
    if status == 200:  # noqa: PLR2004 - HTTP's own
        return
    messages = {
        400: _("%(name)s does not understand this."),
        404: _("%(name)s does not know it."),
        429: _("%(name)s has had too many questions. Try again in a minute."),
    }
    logger.warning("%s answered %s", name, status)
    message = messages.get(status, _("%(name)s has a fault (%(status)s). Try again later."))
    raise SourceError(message % {"name": name, "status": status}, is_down=status not in {400, 404})
