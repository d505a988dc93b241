from django.contrib import admin
from django.db import models

from portal.core.inlines import TabularInline

from .models import Agreement, Funder, SupportLevel


class AgreementInline(TabularInline[Agreement, Funder]):
    model = Agreement
    extra = 0


@admin.register(Funder)
class FunderAdmin(admin.ModelAdmin[Funder]):
    list_display = ["name", "country", "website"]
    search_fields = ["name"]
    inlines = [AgreementInline]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}


@admin.register(Agreement)
class AgreementAdmin(admin.ModelAdmin[Agreement]):
    list_display = ["funder", "kind", "level", "starts_on", "ends_on", "is_site_wide"]
    list_select_related = ["funder", "level"]
    list_filter = ["kind", "level", "is_site_wide"]
    search_fields = ["funder__name", "reference"]
    autocomplete_fields = ["funder"]
    date_hierarchy = "starts_on"


@admin.register(SupportLevel)
class SupportLevelAdmin(admin.ModelAdmin[SupportLevel]):
    list_display = ["rank", "label"]
    list_display_links = ["label"]
