"""What the desk's own pages have in common: their doors, and the answer to a form that was sent."""

import logging
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.http.response import HttpResponseRedirectBase
from django.urls import URLPattern, path

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]


class SeeOther(HttpResponseRedirectBase):
    """What was posted is done; GET what came of it."""

    status_code = HTTPStatus.SEE_OTHER


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
