"""Former addresses of articles lead to the present one, behind the same doors."""

from collections.abc import Callable
from functools import wraps

from django.http import (
    Http404,
    HttpRequest,
    HttpResponseBase,
    HttpResponsePermanentRedirect,
)
from django.urls import reverse

from .models import current_address

View = Callable[..., HttpResponseBase]


def led_on(view: View) -> View:
    """Return ``view`` (of an article's ``slug``) that answers a former address with a redirect.

    To the same page at the present address. What is sent by a form is sent there again (308).
    What the view knows costs nothing more; what it does not know costs 1 query.
    """

    @wraps(view)
    def answer(request: HttpRequest, slug: str) -> HttpResponseBase:
        try:
            return view(request, slug=slug)
        except Http404:
            present = current_address(slug)
            if present is None or request.resolver_match is None:
                raise
        query = request.META.get("QUERY_STRING", "")
        address = reverse(request.resolver_match.view_name, args=[present])
        return HttpResponsePermanentRedirect(
            f"{address}?{query}" if query else address,
            preserve_request=request.method not in {"GET", "HEAD"},
        )

    return answer
