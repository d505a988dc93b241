"""Rules for all requests: what no honest browser sends is a 400, what is personal stays private."""

import logging
from collections.abc import Callable
from http import HTTPMethod
from urllib.parse import unquote

from django.core.exceptions import SuspiciousOperation
from django.db import DataError
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_cache_control, patch_vary_headers

from .logs import address_of

access_log = logging.getLogger("portal.access")

METHODS = frozenset(HTTPMethod)
NUL = "\x00"
# What a model's field says of text where the number of a row belongs; the admin's widgets look up
# what was posted before it is checked.
_NO_NUMBER = "expected a number but got"


class MalformedRequest(SuspiciousOperation):
    """A request with parts that cannot be stored or compared; Django answers 400."""


class MalformedRequestMiddleware:
    """Refuse NUL characters in path, query string and cookies (PostgreSQL stores none)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        query_string = unquote(request.META.get("QUERY_STRING", ""), errors="replace")
        if (
            NUL in request.path
            or NUL in query_string
            or any(NUL in name or NUL in value for name, value in request.COOKIES.items())
        ):
            raise MalformedRequest("NUL character in the request")
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: object
    ) -> None:
        """Refuse NUL characters in form fields, which CSRF protection has parsed by now.

        But for a view that is marked ``@takes_any_text``.
        """
        if getattr(view, "takes_any_text", False):
            return
        if request.method == "POST" and any(
            NUL in value for values in request.POST.lists() for value in (values[0], *values[1])
        ):
            raise MalformedRequest("NUL character in a form field")

    def process_exception(self, request: HttpRequest, error: Exception) -> None:
        """Turn "no column can hold this value" into a 400: the value came with the request."""
        is_no_number = isinstance(error, ValueError | TypeError) and _NO_NUMBER in str(error)
        if isinstance(error, DataError | OverflowError) or is_no_number:
            raise MalformedRequest("value out of range") from error


class PersonalPageMiddleware:
    """Keep shared caches from giving one person's page to another.

    The header of every page says who is signed in, and a form holds a token of one browser: so
    a page depends on the cookies, and what a request with cookies gets is for that browser only.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        patch_vary_headers(response, ["Cookie"])
        if (request.COOKIES or response.cookies) and not response.has_header("Cache-Control"):
            patch_cache_control(response, private=True, no_cache=True)
        return response


class AccessLogMiddleware:
    """Write a line for each request: method, the route instead of the address, status.

    In the list only where ACCESS_LOG says so. Makes no query.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        # Any word may be sent as a method; what is none might be anything.
        method = request.method if request.method in METHODS else "(other)"
        access_log.info("%s %s %s", method, address_of(request), response.status_code)
        return response
