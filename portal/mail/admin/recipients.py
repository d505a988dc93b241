"""Who may be written to, and who may not."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextInputWidget
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from portal.core.addresses import ascii_address
from portal.core.desk_pages import SeeOther, guarded_path
from portal.mail.models import Consent, Subscriber, Suppression

from .base import BoundedList, ReadOnly


class ConsentInline(ReadOnly, admin.TabularInline[Consent, Subscriber]):
    model = Consent
    fields = ["recorded_at", "stream", "word", "wording"]
    readonly_fields = ["word"]
    extra = 0

    @admin.display(description=gettext_lazy("the person's word"))
    def word(self, consent: Consent) -> str:
        return consent.word


@admin.register(Subscriber)
class SubscriberAdmin(BoundedList, ReadOnly, admin.ModelAdmin[Subscriber]):
    list_display = ["email", "language", "created_at", "confirmed_at"]
    list_filter = ["language", ("confirmed_at", admin.EmptyFieldListFilter)]
    search_fields = ["email"]
    # The newest first, by an index.
    ordering = ["-pk"]
    inlines = [ConsentInline]


class SuppressionForm(forms.ModelForm[Suppression]):
    """Takes an address as it is stored, and takes up again a row that has ended."""

    # Not an e-mail field: ``ascii_address`` says better what is wrong.
    address = forms.CharField(
        label=gettext_lazy("E-mail address"),
        max_length=254,
        widget=AdminTextInputWidget(attrs={"inputmode": "email", "autocomplete": "off"}),
        help_text=gettext_lazy("It gets no update e-mails, whoever holds it."),
    )

    class Meta:
        model = Suppression
        fields = ["address", "reason", "expires_at"]
        help_texts = {"expires_at": gettext_lazy("Empty: for good.")}
        field_classes = {"expires_at": forms.SplitDateTimeField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Who may only look has no such field.
        if "expires_at" in self.fields:
            # Django names a pair of fields for day and time with a text, not with labels.
            day, time = self.fields["expires_at"].widget.widgets
            day.attrs["aria-label"] = _("Expires on the day")
            time.attrs["aria-label"] = _("Expires at the time")

    def clean_address(self) -> str:
        return ascii_address(self.cleaned_data["address"])

    def clean_expires_at(self) -> Any:
        expires_at = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise forms.ValidationError(
                _("This time has passed. To end it now, press “Lift the suppression”.")
            )
        return expires_at

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.instance.pk is None and (address := self.cleaned_data.get("address")):
            now = timezone.now()
            ended = Suppression.objects.of_address(address).filter(expires_at__lte=now).first()
            if ended is not None:
                ended.created_at = now
                self.instance = ended
        return cleaned


class InForceFilter(admin.SimpleListFilter):
    title = gettext_lazy("in force")
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", _("Yes")), ("no", _("No, it has ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        if self.value() == "yes":
            active: QuerySet[Any] = queryset.active_at(now)  # type: ignore[attr-defined]
            return active
        return queryset.filter(expires_at__lte=now) if self.value() == "no" else queryset


@admin.register(Suppression)
class SuppressionAdmin(BoundedList, admin.ModelAdmin[Suppression]):
    """Addresses that get no update e-mails. A row is never deleted: it is lifted, and says when."""

    form = SuppressionForm
    change_form_template = "admin/mail/suppression/change_form.html"
    list_display = ["address", "reason", "created_at", "ends", "is_in_force"]
    list_filter = [InForceFilter, "reason"]
    search_fields = ["address"]
    # The newest first, by an index.
    ordering = ["-pk"]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Suppression | None = None
    ) -> list[str]:
        # Another address is another row: the history would tell of somebody else.
        return ["address", "created_at"] if obj else []

    def get_fields(self, request: HttpRequest, obj: Suppression | None = None) -> list[Any]:
        fields = ["address", "reason", "expires_at"]
        return [*fields, "created_at"] if obj else fields

    def has_delete_permission(self, request: HttpRequest, obj: Suppression | None = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("until"), ordering="expires_at")
    def ends(self, suppression: Suppression) -> Any:
        return suppression.expires_at or _("for good")

    @admin.display(description=gettext_lazy("in force"), boolean=True)
    def is_in_force(self, suppression: Suppression) -> bool:
        return suppression.expires_at is None or suppression.expires_at > timezone.now()

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        suppression: Suppression | None = kwargs.get("obj")
        context["may_lift"] = (
            suppression is not None
            and self.has_change_permission(request, suppression)
            and self.is_in_force(suppression)
        )
        return super().render_change_form(request, context, *args, **kwargs)

    def lift_view(self, request: HttpRequest, suppression_id: int) -> HttpResponseBase:
        """End the suppression now."""
        suppression = get_object_or_404(Suppression, pk=suppression_id)
        now = timezone.now()
        active = Suppression.objects.active_at(now).filter(pk=suppression.pk)
        if active.update(expires_at=now):
            word = _("Lifted: the address may be written to again, if its holder wants that.")
            self.log_change(request, suppression, word)
            messages.success(request, word)
        else:
            messages.warning(request, _("Nothing was done: it has ended already."))
        return SeeOther(reverse("admin:mail_suppression_change", args=[suppression.pk]))

    def get_urls(self) -> list[URLPattern]:
        lift = require_POST(cast("Any", self.lift_view))
        lift.__name__ = "lift_view"
        return [
            guarded_path(
                "<int:suppression_id>/lift/",
                lift,
                "mail.change_suppression",
                "mail_suppression_lift",
            ),
            *super().get_urls(),
        ]
