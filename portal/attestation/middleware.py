"""The gate: default-deny, in the shape of Django's ``LoginRequiredMiddleware``."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from portal.core.http import private

from .cookie import AttestedReader, delete_cookie, read_cookie, set_cookie


@private
def ask_at_the_gate(request: HttpRequest) -> HttpResponseBase:
    """Redirect to the declaration, and from there back to where the reader wanted to go."""
    address = request.get_full_path() if request.method in ("GET", "HEAD") else ""
    query = f"?{urlencode({'next': address})}" if address else ""
    return redirect(reverse("gate") + query)


class AttestationMiddleware:
    """Let a closed view run only for whoever has attested.

    ``request.attested_reader`` is the reader whom the cookie names, or None. A view is closed
    unless it is marked ``@public``; for one marked ``@teaser(other)`` the other view runs instead.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        joined: AttestedReader | None = getattr(request, "joined_reader", None)
        if joined is not None:
            set_cookie(response, joined)
        elif getattr(request, "is_reader_forgotten", False):
            delete_cookie(response)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        reader: AttestedReader | None = read_cookie(request)
        request.attested_reader = reader  # type: ignore[attr-defined]
        door = getattr(view, "door", None)
        if door == "public" or reader is not None or self._is_third_party(request, view):
            return None
        if door is not None:
            return private(door)(request, *args, **kwargs)
        return ask_at_the_gate(request)

    @staticmethod
    def _is_third_party(request: HttpRequest, view: Any) -> bool:
        match = request.resolver_match
        return (
            match is not None
            and match.namespaces[:1]
            and match.namespaces[0] in settings.ATTESTATION_PUBLIC_NAMESPACES
        ) or view.__module__.startswith(settings.ATTESTATION_PUBLIC_VIEW_MODULES)
