"""How fast each mail server may be given messages."""

from django.contrib import admin
from django.http import HttpRequest

from portal.mail.models import RelayPace


@admin.register(RelayPace)
class RelayPaceAdmin(admin.ModelAdmin[RelayPace]):
    """For superusers alone: too high a number gets the publisher blocked."""

    list_display = ["relay", "per_minute"]
    fields = ["relay", "per_minute"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: RelayPace | None = None) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: RelayPace | None = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: RelayPace | None = None) -> list[str]:
        return ["relay"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: RelayPace | None = None) -> bool:
        return False
