"""HTTP helpers that every app may use."""

import posixpath
import re
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import unquote, urlsplit

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

View = Callable[..., HttpResponseBase]


def is_local_path(address: str) -> bool:
    """Whether ``address`` begins with "/" and holds nothing that browsers read in their own way.

    They strip control characters and spaces, and take a backslash for a slash.
    """
    return address.startswith("/") and not re.search(r"[\x00-\x20\\]", address)


def safe_next(request: HttpRequest, *, forbidden: tuple[str, ...] = ()) -> str:
    """Return the local address that the ``next`` parameter names, else the home page.

    ``forbidden``: path prefixes that must not be returned to (the gate itself, for one).
    """
    address = request.POST.get("next") or request.GET.get("next") or ""
    if (
        is_local_path(address)
        and url_has_allowed_host_and_scheme(
            address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )
        and not _is_below(address, forbidden)
    ):
        return address
    return reverse("home")


def _is_below(address: str, prefixes: tuple[str, ...]) -> bool:
    """Whether ``address`` leads to one of the ``prefixes``, however it is written.

    Browsers and servers take "/./x", "/y/../x" and "/%78" for "/x", and we add a missing slash.
    """
    path = posixpath.normpath(unquote(urlsplit(address).path))
    return f"{path.rstrip('/')}/".startswith(prefixes)


def private(view: View) -> View:
    """Mark the response as for this person only: a cache must ask again every time."""

    @wraps(view)
    def marked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        patch_cache_control(response, private=True, no_cache=True)
        patch_vary_headers(response, ["Cookie"])
        return response

    return marked
