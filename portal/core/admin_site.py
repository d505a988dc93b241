"""The admin site: branded, with a start page whose panels the apps fill."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.admin.options import TO_FIELD_VAR
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from .middleware import MalformedRequest

# A panel is a function of the request that returns {"title", "items": [{"label", "url", "note"}],
# "empty"} or None where the user may not see it. Apps add theirs in AppConfig.ready().
Panel = Callable[[HttpRequest], dict[str, Any] | None]
_panels: list[Panel] = []


def register_panel(panel: Panel) -> Panel:
    """Show ``panel`` on the admin's start page, after those registered before it."""
    _panels.append(panel)
    return panel


class PortalAdminSite(admin.AdminSite):
    site_header = _("Editors' and staff desk")
    site_title = _("Desk")
    index_title = _("What needs doing")
    index_template = "admin/start.html"
    # Our lists need the width; the start page holds the same links.
    enable_nav_sidebar = False

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # Sign-in goes through allauth: one set of rate limits, one place for a second factor.
        self.login = secure_admin_login(self.login)  # type: ignore[method-assign]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Refuse the two parameters that Django's own checks let through to a crash."""
        checked = super().admin_view(view, cacheable)

        @wraps(checked)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            for name, value in request.GET.items():
                if name.endswith("__range") and str(value).count(",") != 1:
                    raise MalformedRequest("A range needs two values")
            if "" in (request.GET.get(TO_FIELD_VAR), request.POST.get(TO_FIELD_VAR)):
                raise MalformedRequest("A field needs a name")
            answer: HttpResponseBase = checked(request, *args, **kwargs)
            return answer

        return guarded

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        panels = [panel(request) for panel in _panels]
        context = {"panels": [panel for panel in panels if panel is not None]}
        return super().index(request, {**context, **(extra_context or {})})
