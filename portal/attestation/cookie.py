"""The signed cookie that shows, without a query, that a browser's reader has attested."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from .models import current_statement

SALT = "portal.attestation"


@dataclass(frozen=True, slots=True)
class AttestedReader:
    """What the cookie says: whose pseudonym, and which declaration was accepted."""

    reader_id: UUID
    statement_number: int


def _read(request: HttpRequest) -> AttestedReader | None:
    value = request.COOKIES.get(settings.ATTESTATION_COOKIE_NAME)
    if not value:
        return None
    try:
        payload = signing.loads(value, salt=SALT, max_age=settings.ATTESTATION_COOKIE_AGE)
        return AttestedReader(UUID(payload["reader"]), int(payload["statement"]))
    except (signing.BadSignature, KeyError, TypeError, ValueError):
        return None


def read_cookie(request: HttpRequest) -> AttestedReader | None:
    """Return the attested reader; None for a missing, forged, expired or outdated cookie."""
    reader = _read(request)
    # Another process may know of a new declaration a second before this one does.
    if reader is None or reader.statement_number < current_statement().number:
        return None
    return reader


def read_pseudonym(request: HttpRequest) -> UUID | None:
    """Return the pseudonym that the browser holds, also under an earlier declaration."""
    reader = _read(request)
    return reader.reader_id if reader else None


def set_cookie(response: HttpResponseBase, reader: AttestedReader) -> None:
    """Give the browser the signed cookie for ``reader``."""
    response.set_cookie(
        settings.ATTESTATION_COOKIE_NAME,
        signing.dumps(
            {"reader": str(reader.reader_id), "statement": reader.statement_number}, salt=SALT
        ),
        max_age=settings.ATTESTATION_COOKIE_AGE,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )


def delete_cookie(response: HttpResponseBase) -> None:
    """Make the browser forget that its reader attested."""
    response.delete_cookie(settings.ATTESTATION_COOKIE_NAME, samesite="Lax")
