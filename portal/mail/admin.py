from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .models import Consent, Delivery, Mailing, Subscriber, Suppression


class ReadOnly:
    """What the engine and the readers write, nobody edits."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def _state_column(state: str, label: Any) -> Callable[[Any, Mailing], int]:
    @admin.display(description=label)
    def column(self: Any, mailing: Mailing) -> int:
        count: int = getattr(mailing, f"{state}_count")
        return count

    return column


@admin.register(Mailing)
class MailingAdmin(ReadOnly, admin.ModelAdmin[Mailing]):
    """candidates = open + sent + failed + skipped + unknown: the columns always add up."""

    list_display = [
        "subject",
        "stream",
        "created_at",
        "candidate_count",
        "open",
        "sent",
        "failed",
        "skipped",
        "unknown",
        "excluded_count",
    ]
    list_filter = ["stream", "language"]
    date_hierarchy = "created_at"
    fields = [
        "subject",
        "stream",
        "language",
        "created_at",
        "deadline_at",
        "paused_at",
        "cancelled_at",
        "candidate_count",
        "excluded_count",
        "text",
    ]

    open = _state_column("open", _("open"))
    sent = _state_column("sent", _("sent"))
    failed = _state_column("failed", _("failed"))
    skipped = _state_column("skipped", _("no longer wanted"))
    unknown = _state_column("unknown", _("unknown"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mailing]:
        states = {"open": Delivery.OPEN} | {state.value: (state,) for state in Delivery.FINAL}
        return (
            super()
            .get_queryset(request)
            .defer("html")
            .annotate(
                **{
                    f"{name}_count": Count("deliveries", filter=Q(deliveries__state__in=members))
                    for name, members in states.items()
                }
            )
        )


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, admin.ModelAdmin[Delivery]):
    list_display = [
        "address",
        "mailing",
        "state",
        "reason",
        "attempts",
        "smtp_code",
        "next_attempt_at",
        "finished_at",
    ]
    list_select_related = ["mailing"]
    list_filter = ["state", "reason", "mailing__stream"]
    search_fields = ["address"]
    date_hierarchy = "created_at"
    # Counting a million rows for "of 1,000,000" would cost more than the list itself.
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return super().get_queryset(request).defer("mailing__html", "mailing__text")


class ConsentInline(ReadOnly, admin.TabularInline[Consent, Subscriber]):
    model = Consent
    fields = ["recorded_at", "stream", "word", "wording"]
    readonly_fields = ["word"]
    extra = 0

    @admin.display(description=_("the person's word"))
    def word(self, consent: Consent) -> str:
        return consent.word


@admin.register(Subscriber)
class SubscriberAdmin(ReadOnly, admin.ModelAdmin[Subscriber]):
    list_display = ["email", "language", "created_at", "confirmed_at"]
    list_filter = ["language", ("confirmed_at", admin.EmptyFieldListFilter)]
    search_fields = ["email"]
    date_hierarchy = "created_at"
    inlines = [ConsentInline]


@admin.register(Suppression)
class SuppressionAdmin(admin.ModelAdmin[Suppression]):
    list_display = ["address", "reason", "created_at", "expires_at"]
    list_filter = ["reason"]
    search_fields = ["address"]
