from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.forms import BaseInlineFormSet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import User
from portal.core.addresses import ascii_address
from portal.core.inlines import TabularInline
from portal.mail.admin import ReadOnly

from .declarations import MAX_RELATIONSHIPS, answer_error, period_errors
from .desk import request_state
from .models import Disclosure, DisclosureRequest, FinancialRelationship, Person
from .requests import request_disclosure, revoke_requests

ASK_PAGE = "people_person_ask"
CHANGE_PAGE = "admin:people_person_change"


class DisclosureInline(ReadOnly, TabularInline[Disclosure, Person]):
    model = Disclosure
    fields = ["declared_on", "declared_at", "has_none"]
    readonly_fields = ["declared_at"]
    extra = 0
    show_change_link = True


class DisclosureRequestInline(ReadOnly, TabularInline[DisclosureRequest, Person]):
    model = DisclosureRequest
    fields = ["created_at", "expires_at", "state"]
    readonly_fields = ["state"]
    extra = 0

    @admin.display(description=gettext_lazy("state"))
    def state(self, request: DisclosureRequest) -> str:
        return request_state(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DisclosureRequest]:
        requests: QuerySet[DisclosureRequest] = super().get_queryset(request)
        return DisclosureRequest.objects.filter(pk__in=requests.values("pk")).with_mail()


class PersonForm(forms.ModelForm[Person]):
    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        return ascii_address(email) if email else ""


@admin.register(Person)
class PersonAdmin(admin.ModelAdmin[Person]):
    form = PersonForm
    list_display = ["name", "role", "affiliation", "user", "declaration"]
    list_select_related = ["user"]
    search_fields = ["name", "affiliation"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["user"]
    readonly_fields = ["declaration"]
    inlines = [DisclosureInline, DisclosureRequestInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Person]:
        return super().get_queryset(request).prefetch_related("disclosures")

    @admin.display(description=gettext_lazy("disclosure"))
    def declaration(self, person: Person) -> str:
        if person.pk is None:
            return _("none yet")
        if current := person.current_disclosure():
            return _("of %(day)s, good until %(end)s") % {
                "day": _day(current.declared_on),
                "end": _day(current.stale_on),
            }
        today = timezone.localdate()
        past = [one for one in person.disclosures.all() if one.declared_on <= today]
        if past:
            return _("stale since %(day)s") % {"day": _day(max(one.stale_on for one in past))}
        return _("none yet")

    def save_model(self, request: HttpRequest, obj: Person, form: Any, change: bool) -> None:
        """Save; links that went to another address than the new one end."""
        super().save_model(request, obj, form, change)
        if change and "email" in form.changed_data and revoke_requests(person=obj):
            self.message_user(
                request,
                _("The link that was sent to the former address works no more: ask again."),
                messages.WARNING,
            )

    def get_urls(self) -> list[URLPattern]:
        ask = path(
            "<int:object_id>/ask-for-disclosure/",
            self.admin_site.admin_view(self.ask_view),
            name=ASK_PAGE,
        )
        return [ask, *super().get_urls()]

    def ask_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show what will be sent to whom; POST sends it."""
        user = request.user
        if not (isinstance(user, User) and user.has_perm("people.add_disclosurerequest")):
            raise PermissionDenied
        person = self.get_object(request, str(object_id))
        if person is None:
            raise Http404
        problem = ""
        if request.method == "POST":
            try:
                request_disclosure(person=person, user=user)
            except ValidationError as error:
                problem = " ".join(error.messages)
            else:
                self.log_change(request, person, _("Asked for a disclosure."))
                self.message_user(
                    request,
                    _("The request is on its way. Below stands when it has been sent."),
                    messages.SUCCESS,
                )
                return redirect(CHANGE_PAGE, person.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Ask for a disclosure"),
            "subtitle": str(person),
            "opts": self.opts,
            "original": person,
            "problem": problem,
            "declaration": self.declaration(person),
        }
        return TemplateResponse(request, "admin/people/person/ask_for_disclosure.html", context)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Refuse with the reason: what somebody declared is kept, and its holder with it."""
        deleted, counts, denied, protected = super().get_deleted_objects(objs, request)
        # Requests without an answer go with the person.
        denied.discard(DisclosureRequest._meta.verbose_name)  # noqa: SLF001 - Django names it so
        people: Iterable[Person] = objs
        for person in people:
            if person.disclosures.exists():
                protected.append(
                    _("What %(person)s has declared: it is kept as evidence.") % {"person": person}
                )
        if protected:
            denied.clear()
        return deleted, counts, denied, protected


def _day(day: Any) -> str:
    return date_format(day, "j F Y")


class RelationshipFormSet(BaseInlineFormSet[FinancialRelationship, Disclosure, Any]):
    """The relationships of a declaration on paper, by the rules of the person's own form."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        rows = [form for form in self.forms if form.has_changed()]
        for form in rows:
            days = period_errors(
                form.cleaned_data.get("starts_on"),
                form.cleaned_data.get("ends_on"),
                self.instance.declared_on or timezone.localdate(),
            )
            for field, message in days.items():
                form.add_error(field, message)
        error = answer_error(has_none=self.instance.has_none, relationship_count=len(rows))
        if error:
            raise ValidationError(error)


class FinancialRelationshipInline(TabularInline[FinancialRelationship, Disclosure]):
    model = FinancialRelationship
    formset = RelationshipFormSet
    extra = 1
    max_num = MAX_RELATIONSHIPS
    can_delete = False


class DisclosureForm(forms.ModelForm[Disclosure]):
    def clean_declared_on(self) -> Any:
        day = self.cleaned_data["declared_on"]
        if day > timezone.localdate():
            raise ValidationError(_("A declaration cannot come from the future."))
        return day


@admin.register(Disclosure)
class DisclosureAdmin(admin.ModelAdmin[Disclosure]):
    """For declarations on paper. What is recorded stays: another one is added instead."""

    form = DisclosureForm
    list_display = ["person", "declared_on", "declared_at", "has_none"]
    list_select_related = ["person"]
    list_filter = ["has_none", "declared_on"]
    search_fields = ["person__name"]
    autocomplete_fields = ["person"]
    readonly_fields = ["declared_at"]
    inlines = [FinancialRelationshipInline]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(DisclosureRequest)
class DisclosureRequestAdmin(ReadOnly, admin.ModelAdmin[DisclosureRequest]):
    list_display = ["person", "created_at", "requested_by", "expires_at", "state"]
    list_select_related = ["person", "requested_by"]
    search_fields = ["person__name"]
    date_hierarchy = "created_at"
    fields = ["person", "requested_by", "created_at", "expires_at", "state", "disclosure"]
    readonly_fields = ["state"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DisclosureRequest]:
        return DisclosureRequest.objects.with_mail()

    @admin.display(description=gettext_lazy("state"))
    def state(self, request: DisclosureRequest) -> str:
        return request_state(request)
