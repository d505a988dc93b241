from django.contrib import admin

from portal.core.inlines import TabularInline

from .models import Disclosure, FinancialRelationship, Person


class DisclosureInline(TabularInline[Disclosure, Person]):
    model = Disclosure
    extra = 0
    show_change_link = True


@admin.register(Person)
class PersonAdmin(admin.ModelAdmin[Person]):
    list_display = ["name", "role", "affiliation", "user"]
    list_select_related = ["user"]
    search_fields = ["name", "affiliation"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["user"]
    inlines = [DisclosureInline]


class FinancialRelationshipInline(TabularInline[FinancialRelationship, Disclosure]):
    model = FinancialRelationship
    extra = 1


@admin.register(Disclosure)
class DisclosureAdmin(admin.ModelAdmin[Disclosure]):
    list_display = ["person", "declared_on", "has_none"]
    list_select_related = ["person"]
    list_filter = ["has_none", "declared_on"]
    search_fields = ["person__name"]
    autocomplete_fields = ["person"]
    inlines = [FinancialRelationshipInline]
