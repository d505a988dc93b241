"""Plain pages, health checks and errors."""

import logging
from http import HTTPStatus

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .doors import public
from .models import Page

logger = logging.getLogger(__name__)


@public
@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    return render(request, "core/page.html", {"page": get_object_or_404(Page, slug=slug)})


@public
@never_cache
@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """Answer that this process is alive; touches nothing else."""
    return HttpResponse("ok\n", content_type="text/plain")


@public
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether this process can serve: 503 without the database, Redis only reported."""
    state = {"database": "ok", "redis": "ok"}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        state["database"] = "unavailable"
    try:
        cache.ping()  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001 - whatever a cache client raises means "not there"
        state["redis"] = "unavailable"
    is_ready = state["database"] == "ok"
    return JsonResponse(state, status=HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE)


@public
@require_safe
def robots_txt(request: HttpRequest) -> HttpResponse:
    sitemap = settings.SITE_URL + reverse("sitemap_index")
    lines = ["User-agent: *", "Disallow: /admin/", "Disallow: /accounts/"]
    lines += ["", f"Sitemap: {sitemap}", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say what happened in the reader's words; the back button still holds what was typed.

    A view that is marked ``@without_token(other)`` is answered for by the other one.
    """
    match = request.resolver_match
    other = getattr(match.func, "without_token", None) if match else None
    if match is not None and other is not None:
        answer: HttpResponse = other(request, *match.args, **match.kwargs)
        return answer
    return render(request, "403_csrf.html", status=HTTPStatus.FORBIDDEN)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400 from a template that needs neither the request's parts nor the database."""
    return render(None, "400.html", status=HTTPStatus.BAD_REQUEST)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 while the database is away, else 500, from templates that need no database."""
    import sys

    # Other errors of the database are ours: a statement that it does not understand, a broken rule.
    is_outage = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    if is_outage:
        logger.error("The database is not available")
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_outage else HTTPStatus.INTERNAL_SERVER_ERROR
    response = render(None, f"{status:d}.html", {"site_url": settings.SITE_URL}, status=status)
    if is_outage:
        response["Retry-After"] = "10"
    return response
