"""What the desk's own pages about feedback have in common: their doors and their frame."""

import logging
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from feedback.models import Survey
from feedback.results import MIN_PEOPLE

logger = logging.getLogger(__package__)

View = Callable[..., HttpResponseBase]


def permission_needed(permission: str, view: View) -> View:
    """Refuse ``view`` with a 403 to whoever is signed in without ``permission``, and log it.

    The log says what was refused, not to whom: it holds no personal data.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if user.is_authenticated and not (user.is_staff and user.has_perm(permission)):
            logger.warning("Refused: %s without the permission %s", view.__name__, permission)
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def guarded_path(route: str, view: View, permission: str, name: str) -> URLPattern:
    """Return the address of a page of the desk that only who holds ``permission`` may open."""
    return path(route, permission_needed(permission, admin.site.admin_view(view)), name=name)


def desk_page(
    request: HttpRequest, template: str, status: int = HTTPStatus.OK, **context: Any
) -> HttpResponse:
    """Answer with ``admin/feedback/<template>`` in the desk's frame."""
    return TemplateResponse(
        request,
        f"admin/feedback/{template}",
        {
            **admin.site.each_context(request),
            "opts": Survey._meta,  # noqa: SLF001 - what Django’s own admin does
            "min_people": MIN_PEOPLE,
            **context,
        },
        status=status,
    )
