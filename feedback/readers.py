"""Which reader answers: the account's pseudonym where somebody is signed in, else the browser's."""

from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest

from portal.attestation.models import Reader


def responding_reader(request: HttpRequest) -> UUID | None:
    """Return the pseudonym under which the attested reader of ``request`` answers.

    None: the browser holds another account's pseudonym, and the gate must give a new one. No query
    without a session cookie.
    """
    browser: UUID = request.attested_reader.reader_id  # type: ignore[attr-defined]
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
        return browser
    by_user: dict[int | None, UUID] = dict(
        Reader.objects.filter(Q(user=request.user) | Q(pk=browser)).values_list("user", "pk")
    )
    return by_user.get(request.user.pk) or by_user.get(None)
