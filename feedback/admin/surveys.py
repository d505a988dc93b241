"""The desk's pages about surveys."""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from feedback.models import Survey

from .exports import export_urls
from .results import results_urls


@admin.register(Survey)
class SurveyAdmin(admin.ModelAdmin[Survey]):
    """Surveys to look at, and the pages that hang from them."""

    change_list_template = "admin/feedback/survey/change_list.html"
    list_display = ["name", "key"]
    fields = ["name", "key", "statements"]
    readonly_fields = ["statements"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Survey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Survey | None = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("statements"))
    def statements(self, survey: Survey) -> SafeString:
        """Show the newest version, word for word."""
        version = survey.versions.prefetch_related("items__wording").first()
        items = version.items.all() if version else []
        return format_html_join("", "<p>{}. {}</p>", ((i.position, i.wording.text) for i in items))

    def get_urls(self) -> list[URLPattern]:
        return [*results_urls(), *export_urls(), *super().get_urls()]
