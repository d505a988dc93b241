"""The desk's reports on independence: making one, reading it, checking it."""

from datetime import date
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from portal.accounts.models import User

from .models import Report
from .presentation import shown_report
from .report import SCHEMA, canonical, report_facts, report_sha256


class ReportForm(forms.ModelForm[Report]):
    """The period; nothing is known of days to come."""

    class Meta:
        model = Report
        fields = ["starts_on", "ends_on"]
        help_texts = {
            "ends_on": gettext_lazy(
                "Today at the latest. Of a day that is not over yet there will be more to report."
            )
        }

    def clean_ends_on(self) -> date:
        last: date = self.cleaned_data["ends_on"]
        if last > timezone.localdate():
            raise forms.ValidationError(_("This day is still to come."))
        return last


@admin.register(Report)
class ReportAdmin(admin.ModelAdmin[Report]):
    form = ReportForm
    list_display = ["period", "generated_at", "generated_by", "short_sha256"]
    list_select_related = ["generated_by"]
    date_hierarchy = "ends_on"

    def has_change_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("period"), ordering="starts_on")
    def period(self, report: Report) -> str:
        return str(report)

    @admin.display(description=gettext_lazy("SHA-256"))
    def short_sha256(self, report: Report) -> str:
        return f"{report.sha256[:12]}…"

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Offer one button: the report that was made is what comes next."""
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**buttons, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Report, form: Any, change: bool) -> None:
        """Note who made the report, and what it was."""
        # The admin's door lets nobody else in.
        obj.generated_by = cast("User", request.user)
        obj.schema = SCHEMA
        obj.sha256 = report_sha256(report_facts(obj.starts_on, obj.ends_on))
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: Report, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Go on to the report itself, and not back to the list."""
        self.message_user(request, _("The report is made."), messages.SUCCESS)
        return redirect("admin:independence_report_change", obj.pk)

    def get_urls(self) -> list[URLPattern]:
        download = self.admin_site.admin_view(self.json_view)
        return [
            path("<int:object_id>/report.json", download, name="independence_report_json"),
            *super().get_urls(),
        ]

    def _find(self, request: HttpRequest, object_id: Any) -> Report:
        report = self.get_object(request, str(object_id))
        if not self.has_view_permission(request, report):
            raise PermissionDenied
        if report is None:
            raise Http404
        return report

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the report as the database gives it now, and whether that is what it was."""
        report = self._find(request, object_id)
        facts = report_facts(report.starts_on, report.ends_on)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Report on independence"),
            "report": report,
            "sha256_now": report_sha256(facts),
            **shown_report(facts),
        }
        return TemplateResponse(request, "admin/independence/report/report.html", context)

    @method_decorator(require_safe)
    def json_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Answer with the canonical JSON: the bytes whose SHA-256 the page shows."""
        report = self._find(request, object_id)
        name = f"independence-{report.starts_on}-{report.ends_on}.json"
        return HttpResponse(
            canonical(report_facts(report.starts_on, report.ends_on)),
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
