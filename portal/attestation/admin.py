from typing import Any

from django.contrib import admin
from django.db.models import Max
from django.http import HttpRequest

from .models import Attestation, AttestationStatement


@admin.register(AttestationStatement)
class AttestationStatementAdmin(admin.ModelAdmin[AttestationStatement]):
    """Declarations are added, never changed: what was accepted must stay readable."""

    list_display = ["number", "text", "created_at"]

    def save_model(
        self, request: HttpRequest, obj: AttestationStatement, form: Any, change: bool
    ) -> None:
        latest = AttestationStatement.objects.aggregate(Max("number"))["number__max"] or 0
        obj.number = latest + 1
        super().save_model(request, obj, form, change)

    def has_change_permission(
        self, request: HttpRequest, obj: AttestationStatement | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: AttestationStatement | None = None
    ) -> bool:
        return False


@admin.register(Attestation)
class AttestationAdmin(admin.ModelAdmin[Attestation]):
    list_display = ["attested_at", "reader", "statement", "text_hash"]
    list_select_related = ["statement"]
    list_filter = ["statement"]
    date_hierarchy = "attested_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Attestation | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Attestation | None = None) -> bool:
        return False
