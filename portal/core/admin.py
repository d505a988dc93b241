from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from .export_words import in_words
from .models import ExportLog, Page, SiteSettings
from .rich_text_admin import RichTextAdminMixin


@admin.register(SiteSettings)
class SiteSettingsAdmin(admin.ModelAdmin[SiteSettings]):
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """There is one row: go straight to it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if SiteSettings.objects.exists():
            return HttpResponseRedirect(reverse("admin:core_sitesettings_change", args=[1]))
        return HttpResponseRedirect(reverse("admin:core_sitesettings_add"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not SiteSettings.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: SiteSettings | None = None) -> bool:
        return False


@admin.register(Page)
class PageAdmin(RichTextAdminMixin, admin.ModelAdmin[Page]):
    list_display = ["title", "slug", "position", "updated_at"]
    prepopulated_fields = {"slug": ["title"]}


@admin.register(ExportLog)
class ExportLogAdmin(admin.ModelAdmin[ExportLog]):
    """Who exported what: to be read, never changed (the database sees to it, too)."""

    list_display = ["exported_at", "kind", "user", "purpose", "row_count"]
    list_filter = ["kind"]
    list_select_related = ["user"]
    search_fields = ["purpose", "user__email", "user__name", "sha256"]
    date_hierarchy = "exported_at"
    fields = ["exported_at", "user", "kind", "purpose", "chosen", "held", "row_count", "sha256"]
    readonly_fields = ("chosen", "held")

    @admin.display(description=_("filters"))
    def chosen(self, log: ExportLog) -> SafeString:
        """Say in words what was chosen."""
        return format_html_join(
            mark_safe("<br>"),
            "{}: {}",
            in_words(log.kind, log.filters),
        )

    @admin.display(description=_("columns"))
    def held(self, log: ExportLog) -> str:
        return ", ".join(log.columns)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ExportLog | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ExportLog | None = None) -> bool:
        return False
