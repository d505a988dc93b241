"""The admin site: branded, with a start page whose panels the apps fill."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
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


# What Django's own filters and its hierarchy of dates write into an address.
_LOOKUPS = {"exact", "in", "isnull", "isempty", "gte", "lt", "id__exact"}
_PARTS_OF_DATES = {"year", "month", "day"}


def _refuse_unknown_filters(request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> None:
    """Let a list be filtered by what its page offers, and by nothing else.

    Django would take any lookup of any field of the model: those of PostgreSQL's extensions, which
    we do without, and years before the first.
    """
    allowed: set[str] = set()
    for filtered in model_admin.get_list_filter(request):
        field = filtered[0] if isinstance(filtered, list | tuple) else filtered
        allowed |= {str(field), *(f"{field}__{lookup}" for lookup in _LOOKUPS)}
    if day := model_admin.date_hierarchy:
        allowed |= {f"{day}__{part}" for part in _PARTS_OF_DATES}
    for name in request.GET:
        if "__" in name and name not in allowed:
            raise DisallowedModelAdminLookup("A filter that the list does not offer")


class PortalAdminSite(admin.AdminSite):
    site_header = _("Editors’ and staff desk")
    site_title = _("Desk")
    index_title = _("What needs doing")
    index_template = "admin/start.html"
    # Our lists need the width; the start page holds the same links.
    enable_nav_sidebar = False

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.empty_value_display = "\N{EN DASH}"
        # Sign-in goes through allauth: one set of rate limits, one place for a second factor.
        self.login = secure_admin_login(self.login)  # type: ignore[method-assign]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Refuse the parameters that Django's own checks let through to a crash."""
        checked = super().admin_view(view, cacheable)
        # The view of a list, as ModelAdmin.get_urls() hands it over.
        model_admin = getattr(view, "__self__", None)
        is_list = getattr(view, "__name__", "") == "changelist_view"

        @wraps(checked)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if is_list and isinstance(model_admin, admin.ModelAdmin):
                _refuse_unknown_filters(request, model_admin)
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
