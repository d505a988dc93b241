"""Pages that are the same for everybody: rendered once, then sent as they are.

Rendering the frame of a page costs many times what all middleware costs together, so a shared page
is rendered once per process and content stamp, for each kind of visitor. It is rendered without
the request: nothing that is one person's own can get into it. The CSRF token of its forms is put
in each time.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string

from .content_cache import remember
from .models import footer_pages, site_settings

Page = Callable[..., dict[str, object]]

# Stands where the token belongs; random, so that no text can hold it.
_TOKEN_SLOT = secrets.token_hex(32)


@dataclass(frozen=True, slots=True)
class Visitor:
    """All that the frame of a page knows of who looks at it."""

    has_attested: bool
    is_signed_in: bool
    is_staff: bool


def visitor_of(request: HttpRequest) -> Visitor:
    """Return which kind of visitor ``request`` comes from.

    The user is looked at only where there is a session cookie: touching ``request.user`` costs an
    anonymous reader a query for nothing.
    """
    user = request.user if settings.SESSION_COOKIE_NAME in request.COOKIES else None
    return Visitor(
        has_attested=getattr(request, "attested_reader", None) is not None,
        is_signed_in=user is not None and user.is_authenticated,
        is_staff=user is not None and user.is_staff,
    )


def frame(visitor: Visitor) -> dict[str, object]:
    """Return what the frame of every page needs (0 queries once remembered)."""
    return {
        "visitor": visitor,
        "site": site_settings(),
        "footer_pages": footer_pages(),
        "site_url": settings.SITE_URL,
    }


def shared_page(template: str) -> Callable[[Page], Callable[..., HttpResponse]]:
    """Return a decorator that makes a view of a function.

    The function takes the address's arguments and returns the context of ``template``; it is not
    called while its page is remembered. It may raise ``Http404``.
    """

    def decorate(page: Page) -> Callable[..., HttpResponse]:
        @wraps(page)
        def view(request: HttpRequest, **arguments: Any) -> HttpResponse:
            if get_messages(request):
                # Somebody is told something: this page is theirs alone.
                return render(request, template, page(**arguments))
            visitor = visitor_of(request)

            def render_parts() -> list[bytes]:
                context = {**frame(visitor), "csrf_token": _TOKEN_SLOT, **page(**arguments)}
                return render_to_string(template, context).encode().split(_TOKEN_SLOT.encode())

            key = (page, visitor, tuple(sorted(arguments.items())))
            parts = remember(key, render_parts)
            token = get_token(request) if len(parts) > 1 else ""
            return HttpResponse(token.encode().join(parts))

        return view

    return decorate
