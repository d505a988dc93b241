"""Rows of related objects on an admin form, named for whoever does not see the table's head."""

from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import Field, Model
from django.forms import Form
from django.forms.formsets import DELETION_FIELD_NAME
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _

Child = TypeVar("Child", bound=Model)
Parent = TypeVar("Parent", bound=Model)


class TabularInline(admin.TabularInline[Child, Parent]):
    """Django's with a name on each control: there, only the head of the column has one."""

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.widget.attrs.setdefault("aria-label", capfirst(str(field.label)))
        return field

    def get_formset(self, request: HttpRequest, obj: Any | None = None, **kwargs: Any) -> Any:
        class NamedFormSet(super().get_formset(request, obj, **kwargs)):  # type: ignore[misc]
            def add_fields(self, form: Form, index: int | None) -> None:
                super().add_fields(form, index)
                if DELETION_FIELD_NAME in form.fields:
                    form.fields[DELETION_FIELD_NAME].widget.attrs["aria-label"] = _("Delete")

        return NamedFormSet
