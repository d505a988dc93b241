"""Each message of a mailing, and what was reported about it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from portal.mail.models import Delivery, MailEvent, Mailing, Subscriber

from .base import MANAGE, SEE_ADDRESSES, BoundedList, ReadOnly

# A number of more digits would be an error of the database's, or of Python's.
MOST_DIGITS = 18


class MailingFilter(admin.SimpleListFilter):
    """The mailing whose page led here: no list of them all."""

    title = _("mailing")
    parameter_name = "mailing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get(self.parameter_name, "")
        if not (chosen.isascii() and chosen.isdecimal() and len(chosen) <= MOST_DIGITS):
            return []
        return [
            (str(pk), s) for pk, s in Mailing.objects.filter(pk=chosen).values_list("pk", "subject")
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = [str(pk) for pk, _subject in self.lookup_choices]
        return queryset.filter(mailing=self.value()) if self.value() in known else queryset


class MailEventInline(ReadOnly, admin.StackedInline[MailEvent, Delivery]):
    # No table: in a narrow window it could be moved sideways by the mouse alone.
    model = MailEvent
    fields = ["occurred_at", "kind", "source", "detail", "recorded_at"]
    ordering = ["pk"]
    extra = 0


@admin.register(Delivery)
class DeliveryAdmin(BoundedList, ReadOnly, admin.ModelAdmin[Delivery]):
    change_form_template = "admin/mail/delivery/change_form.html"
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
    list_filter = [MailingFilter, "state", "reason", "mailing__stream"]
    search_fields = ["address"]
    search_help_text = _("The whole address")
    fields = [
        "address",
        "mailing_link",
        "state",
        "reason",
        "resolution",
        "attempts",
        "smtp_code",
        "created_at",
        "started_at",
        "next_attempt_at",
        "finished_at",
    ]
    readonly_fields = ["mailing_link"]
    inlines = [MailEventInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return super().get_queryset(request).defer("mailing__html", "mailing__text")

    def get_inlines(self, request: HttpRequest, obj: Delivery | None) -> list[Any]:
        # Of most messages nothing is reported: no heading over nothing.
        return list(self.inlines) if obj is not None and obj.events.exists() else []

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        """Find one person's: by an index, and not by a part of the address among millions."""
        if term := search_term.strip():
            holders = Subscriber.objects.with_address(term)
            queryset = queryset.filter(subscriber__in=holders.values("pk"))
        return queryset, False

    @admin.display(description=_("mailing"))
    def mailing_link(self, delivery: Delivery) -> str:
        address = reverse("admin:mail_mailing_change", args=[delivery.mailing_id])
        return format_html('<a href="{}">{}</a>', address, delivery.mailing)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        delivery: Delivery | None = kwargs.get("obj")
        context["may_settle"] = (
            delivery is not None
            and delivery.state == Delivery.State.UNKNOWN
            and request.user.has_perm(MANAGE)
        )
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(MailEvent)
class MailEventAdmin(BoundedList, ReadOnly, admin.ModelAdmin[MailEvent]):
    """Bounces, complaints and arrivals: to be read, never changed (the database sees to it)."""

    list_display = ["occurred_at", "kind", "address", "mailing", "source", "detail"]
    list_display_links = ["occurred_at"]
    list_filter = ["kind", "source"]
    list_select_related = ["delivery__mailing"]
    fields = ["kind", "source", "address", "mailing", "detail", "occurred_at", "recorded_at"]
    readonly_fields = ["address", "mailing"]

    def has_view_permission(self, request: HttpRequest, obj: MailEvent | None = None) -> bool:
        return super().has_view_permission(request, obj) and request.user.has_perm(SEE_ADDRESSES)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MailEvent]:
        bodies = ("delivery__mailing__html", "delivery__mailing__text")
        return super().get_queryset(request).defer(*bodies)

    @admin.display(description=_("e-mail address"))
    def address(self, event: MailEvent) -> str:
        address = reverse("admin:mail_delivery_change", args=[event.delivery_id])
        return format_html('<a href="{}">{}</a>', address, event.delivery.address)

    @admin.display(description=_("mailing"))
    def mailing(self, event: MailEvent) -> str:
        return event.delivery.mailing.subject
