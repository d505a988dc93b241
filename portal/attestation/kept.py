"""What a reader sent to a closed page without being let in: it goes through the gate, unsaved.

It travels in the page that asks for the declaration, signed, and is stored nowhere else: no
address, no session and no table holds it. After the declaration the browser sends it to where it
was meant for (307), and that page shows it again.
"""

from django.core import signing
from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict

SALT = "portal.attestation.kept"
FIELD = "kept"
# Of one page and one browser; the new page has its own.
_NOT_KEPT = {"csrfmiddlewaretoken", FIELD}


def keep(request: HttpRequest) -> str:
    """Return the fields that ``request`` (a POST) sent and its path, signed."""
    posted = kept_fields(request) or request.POST
    fields = {name: values for name, values in posted.lists() if name not in _NOT_KEPT}
    return signing.dumps({"to": request.path, "fields": fields}, salt=SALT, compress=True)


def kept_address(request: HttpRequest) -> str | None:
    """Return where the fields that ``request`` carries were sent to; None if it carries none."""
    kept = _load(request)
    return kept["to"] if kept else None


def kept_fields(request: HttpRequest) -> QueryDict | None:
    """Return the fields that come back from the gate; None for any other request."""
    kept = _load(request)
    if kept is None or kept["to"] != request.path:
        return None
    fields = QueryDict(mutable=True)
    fields.update(MultiValueDict(kept["fields"]))
    return fields


def _load(request: HttpRequest) -> dict | None:  # type: ignore[type-arg]
    signed = request.POST.get(FIELD)
    if not signed:
        return None
    try:
        return signing.loads(signed, salt=SALT)  # type: ignore[no-any-return]
    except signing.BadSignature:
        return None
