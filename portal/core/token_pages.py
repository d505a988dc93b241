"""Pages that a signed link in a mail opens, without an account."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from .doors import public

TokenView = Callable[[HttpRequest, str], HttpResponse]


def token_page(view: TokenView) -> Any:
    """Make ``view`` a page that a signed link in a mail opens: GET shows it, POST acts.

    Its address is a secret: the page is not cached, not indexed, and tells no other page of it.
    No CSRF token: a form elsewhere cannot know the address, and no cookie gives it any power.
    (With a token it would fail, too: under ``no-referrer`` browsers send ``Origin: null``.)
    """

    @wraps(view)
    def marked(request: HttpRequest, token: str) -> HttpResponse:
        response = view(request, token)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        return response

    return public(csrf_exempt(never_cache(require_http_methods(["GET", "HEAD", "POST"])(marked))))
