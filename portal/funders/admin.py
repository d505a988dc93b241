"""The funders' desk. Whoever may approve articles has nothing to do with agreements."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import BaseModelAdmin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from portal.core.inlines import TabularInline

from .forms import AgreementForm, FunderForm, TradeNameFormSet
from .models import Agreement, FormerName, Funder, ProductSite, SupportLevel, TradeName
from .periods import gaps, overlaps


def approves_articles(request: HttpRequest) -> bool:
    """Whether the user may approve articles, and not as a superuser, who may do everything."""
    user: Any = request.user
    # By name: articles are of a higher room.
    return not user.is_superuser and user.has_perm("articles.approve_article")


class ApartFromApproval(BaseModelAdmin[Agreement]):
    """Refuses agreements to whoever may approve articles, whatever else they may."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not approves_articles(request) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return not approves_articles(request) and super().has_add_permission(request, *args)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not approves_articles(request) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not approves_articles(request) and super().has_delete_permission(request, obj)


class FormerNameInline(TabularInline[FormerName, Funder]):
    model = FormerName
    extra = 0


class TradeNameInline(TabularInline[TradeName, Funder]):
    model = TradeName
    formset = TradeNameFormSet
    extra = 0
    verbose_name_plural = _("trade names: never shown, and looked for in articles and e-mails")


class ProductSiteInline(TabularInline[ProductSite, Funder]):
    model = ProductSite
    extra = 0
    verbose_name_plural = _("product sites: no article links to them")


class AgreementInline(ApartFromApproval, TabularInline[Agreement, Funder]):
    """A list: an agreement has too many fields for a row, and a page of its own."""

    model = Agreement
    extra = 0
    can_delete = False
    fields = ["agreement", "band", "starts_on", "ends_on", "scope"]
    readonly_fields = ["agreement", "band", "scope"]
    ordering = ["-starts_on"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agreement]:
        return super().get_queryset(request).select_related("funder", "level")

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # Django's own link to the page is not shown on phones.
    @admin.display(description=_("agreement"))
    def agreement(self, agreement: Agreement) -> str:
        address = reverse("admin:funders_agreement_change", args=[agreement.pk])
        return format_html('<a href="{}">{}</a>', address, agreement.get_kind_display())

    @admin.display(description=_("level"))
    def band(self, agreement: Agreement) -> str:
        return agreement.level.label

    @admin.display(description=_("for what"))
    def scope(self, agreement: Agreement) -> str:
        return agreement.purpose or gettext("the whole site")


@admin.register(Funder)
class FunderAdmin(admin.ModelAdmin[Funder]):
    form = FunderForm
    list_display = ["name", "country", "website"]
    search_fields = ["name", "former_names__name"]
    readonly_fields = ["periods"]
    inlines = [AgreementInline, FormerNameInline, TradeNameInline, ProductSiteInline]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def get_fieldsets(self, request: HttpRequest, obj: Funder | None = None) -> Any:
        names = ["name"]
        if obj and self.has_change_permission(request, obj):
            names.append("last_day_of_old_name")
        fieldsets: list[tuple[str | None, dict[str, Any]]] = [
            (None, {"fields": [*names, "country", "website", "ror_id"]})
        ]
        agreements = self.admin_site.get_model_admin(Agreement)
        if obj and agreements.has_view_permission(request):
            fieldsets.append((gettext("Gaps and overlaps"), {"fields": ["periods"]}))
        return fieldsets

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        agreements = self.admin_site.get_model_admin(Agreement)
        context = {"may_add_agreements": agreements.has_add_permission(request)}
        return super().change_view(
            request, object_id, form_url, {**context, **(extra_context or {})}
        )

    @admin.display(description=_("agreements"))
    def periods(self, funder: Funder) -> str:
        agreements = list(funder.agreements.all())
        sentences = [*gaps(agreements), *overlaps(agreements)]
        if not sentences:
            return gettext("No gap between agreements, and no two at the same time.")
        rows = format_html_join("", "<li>{}</li>", ((sentence,) for sentence in sentences))
        return format_html("<ul>{}</ul>", rows)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Keep the old name once the form's own rows of former names are stored: those win."""
        super().save_related(request, form, formsets, change)
        if not change or "name" not in form.changed_data:
            return
        last_day = form.cleaned_data.get("last_day_of_old_name")
        if last_day:
            form.instance.former_names.get_or_create(
                last_day=last_day, defaults={"name": form.initial["name"]}
            )
        else:
            messages.info(
                request,
                gettext("The name is corrected for all days; published articles keep the old one."),
            )

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, Any], set[Any], list[Any]]:
        """Give the reasons in words instead of a list of rows that nobody knows."""
        deleted, counts, perms_needed, protected = super().get_deleted_objects(objs, request)
        if protected:
            protected = [reason for funder in objs for reason in self._why_not(funder)]
        return deleted, counts, perms_needed, protected

    def _why_not(self, funder: Funder) -> list[str]:
        """Return why ``funder`` cannot be deleted; what else protects it discloses it."""
        agreements = funder.agreements.count()
        disclosing = sum(
            relation.related_model._default_manager.filter(  # noqa: SLF001
                **{relation.field.name: funder}
            ).count()
            for relation in Funder._meta.related_objects  # noqa: SLF001
            if relation.on_delete is models.PROTECT and relation.related_model is not Agreement
        )
        reasons = []
        if disclosing:
            reasons.append(
                ngettext(
                    "%(count)d published version that discloses %(funder)s: what was published is "
                    "never changed.",
                    "%(count)d published versions that disclose %(funder)s: what was published is "
                    "never changed.",
                    disclosing,
                )
                % {"count": disclosing, "funder": funder}
            )
        if agreements:
            reasons.append(
                ngettext(
                    "%(count)d agreement with %(funder)s: end it instead.",
                    "%(count)d agreements with %(funder)s: end them instead.",
                    agreements,
                )
                % {"count": agreements, "funder": funder}
            )
        return reasons


@admin.register(Agreement)
class AgreementAdmin(ApartFromApproval, admin.ModelAdmin[Agreement]):
    form = AgreementForm
    list_display = ["funder", "kind", "level", "starts_on", "ends_on", "is_site_wide"]
    list_select_related = ["funder", "level"]
    list_filter = ["kind", "level", "is_site_wide"]
    search_fields = ["funder__name", "reference"]
    autocomplete_fields = ["funder"]
    date_hierarchy = "starts_on"
    readonly_fields = ["signed_document"]

    def get_fieldsets(self, request: HttpRequest, obj: Agreement | None = None) -> Any:
        documents = ["signed_document"] if obj else []
        # As a field to look at, it would link to an address that does not exist.
        if self.has_change_permission(request, obj):
            documents.append("document")
        public = ["funder", "kind", "nature", "level", "starts_on", "ends_on"]
        level_note = gettext(
            "If the level changes, end this agreement on the day before and add another: then the "
            "history stays true."
        )
        return [
            (None, {"fields": [*public, "is_site_wide", "purpose"], "description": level_note}),
            (gettext("Not public"), {"fields": ["amount", "currency", "reference", *documents]}),
        ]

    @admin.display(description=_("signed document on file"))
    def signed_document(self, agreement: Agreement) -> str:
        if not agreement.document:
            return gettext("none")
        address = reverse("admin:funders_agreement_document", args=[agreement.pk])
        return format_html('<a href="{}">{}</a>', address, gettext("Download the PDF"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_safe(self.document_view))
        name = "funders_agreement_document"
        return [path("<int:agreement_id>/document/", view, name=name), *super().get_urls()]

    def document_view(self, request: HttpRequest, agreement_id: int) -> FileResponse:
        """Send the signed document to whoever may see the agreement."""
        agreement = get_object_or_404(Agreement, pk=agreement_id)
        if not self.has_view_permission(request, agreement):
            raise PermissionDenied
        try:
            file = agreement.document.open()
        except (ValueError, FileNotFoundError) as error:
            raise Http404(gettext("There is no signed document.")) from error
        return FileResponse(
            file,
            as_attachment=True,
            filename=f"agreement-{agreement.pk}.pdf",
            content_type="application/pdf",
            headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
        )


@admin.register(SupportLevel)
class SupportLevelAdmin(admin.ModelAdmin[SupportLevel]):
    list_display = ["rank", "label"]
    list_display_links = ["label"]
