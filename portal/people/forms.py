"""The declaration as a form: one question, rows of relationships, one confirmation."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.db import models
from django.forms.formsets import TOTAL_FORM_COUNT, BaseFormSet, formset_factory
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .declarations import MAX_RELATIONSHIPS, answer_error, period_errors
from .models import FinancialRelationship

PREFIX = "relationships"
FIELDS = ("company", "nature", "starts_on", "ends_on", "is_ongoing")


class Answer(models.TextChoices):
    NONE = "none", gettext_lazy("I have nothing to disclose")
    SOME = "some", gettext_lazy("I have relationships to disclose")


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class AnswerForm(forms.Form):
    answer = forms.ChoiceField(
        label=gettext_lazy("Your declaration"),
        choices=Answer.choices,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose one of the two.")},
    )
    is_confirmed = forms.BooleanField(
        label=gettext_lazy(
            "This is complete to the best of my knowledge. I know that it is published with my "
            "name and the date."
        ),
        error_messages={"required": gettext_lazy("Confirm your declaration with this box.")},
    )


class RelationshipForm(forms.Form):
    """One relationship. A row that is left empty counts for nothing."""

    company = forms.CharField(
        label=gettext_lazy("Company"),
        max_length=200,
        error_messages={"required": gettext_lazy("Enter the company.")},
    )
    nature = forms.ChoiceField(
        label=gettext_lazy("Nature of the relationship"),
        choices=[("", gettext_lazy("Choose…")), *FinancialRelationship.Nature.choices],
        error_messages={"required": gettext_lazy("Choose the nature of the relationship.")},
    )
    starts_on = forms.DateField(
        label=gettext_lazy("From"),
        widget=DayInput,
        error_messages={"required": gettext_lazy("Enter the day on which it began.")},
    )
    ends_on = forms.DateField(
        label=gettext_lazy("To"),
        widget=DayInput,
        error_messages={"required": gettext_lazy("Enter a day, or say that it is still going on.")},
    )
    is_ongoing = forms.BooleanField(label=gettext_lazy("Still going on"), required=False)

    def clean_company(self) -> str:
        # On one line: the same company must read the same.
        return " ".join(self.cleaned_data["company"].split())

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.has_changed():
            return cleaned
        ends_on = cleaned.get("ends_on")
        if ends_on and cleaned.get("is_ongoing"):
            self.add_error("ends_on", _("Either enter a day, or say that it is still going on."))
        elif cleaned.get("is_ongoing") and self.has_error("ends_on", "required"):
            del self.errors["ends_on"]
            cleaned["ends_on"] = None
        days = period_errors(cleaned.get("starts_on"), ends_on, timezone.localdate())
        for field, message in days.items():
            self.add_error(field, message)
        return cleaned

    @property
    def relationship(self) -> dict[str, Any]:
        """The cleaned row as ``record_disclosure`` takes it."""
        return {name: self.cleaned_data[name] for name in FIELDS if name != "is_ongoing"}


class RelationshipRows(BaseFormSet[RelationshipForm]):
    def initial_form_count(self) -> int:
        """No row was there before, whatever the request says: each may be left empty."""
        return 0


_rows = formset_factory(
    RelationshipForm,
    formset=RelationshipRows,
    extra=1,
    max_num=MAX_RELATIONSHIPS,
    absolute_max=MAX_RELATIONSHIPS,
)


class Declaration:
    """The whole page's form. ``data``: what was sent, None for an empty one."""

    def __init__(self, data: QueryDict | None = None) -> None:
        self.answer = AnswerForm(data)
        self.rows = _rows(data, prefix=PREFIX)

    @classmethod
    def with_changed_rows(cls, data: QueryDict) -> "Declaration":
        """Return what was typed, unchecked, with a row more (``add``) or less (``remove``)."""
        rows = [
            {name: data.get(f"{PREFIX}-{number}-{name}", "") for name in FIELDS}
            for number in range(_count(data))
        ]
        removed = data.get("remove", "")
        if "add" in data and len(rows) < MAX_RELATIONSHIPS:
            rows.append({})
        elif removed.isascii() and removed.isdigit() and int(removed[:4]) < len(rows):
            del rows[int(removed[:4])]
        declaration = cls()
        declaration.answer = AnswerForm(
            initial={"answer": data.get("answer"), "is_confirmed": data.get("is_confirmed")}
        )
        declaration.rows = _rows(prefix=PREFIX, initial=rows)
        declaration.rows.extra = max(len(rows), 1)
        if "add" in data:
            declaration.rows.forms[-1].fields["company"].widget.attrs["autofocus"] = True
        return declaration

    def is_valid(self) -> bool:
        is_answered, are_filled = self.answer.is_valid(), self.rows.is_valid()
        if are_filled and "answer" in self.answer.cleaned_data:
            has_none = self.answer.cleaned_data["answer"] == Answer.NONE
            error = answer_error(has_none=has_none, relationship_count=len(self.relationships))
            if error:
                self.answer.add_error("answer", error)
                return False
        return is_answered and are_filled

    @property
    def relationships(self) -> list[dict[str, Any]]:
        """What valid rows say, as ``record_disclosure`` takes it."""
        return [row.relationship for row in self.rows.forms if row.has_changed()]

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield the anchor and the text of each error, in the page's order."""
        for message in self.rows.non_form_errors() if self.rows.is_bound else ():
            yield "relationships", str(message)
        for name in ("answer", "is_confirmed"):
            field = self.answer[name]
            if name == "is_confirmed":
                yield from self._row_problems()
            anchor = field.auto_id if name == "is_confirmed" else f"{field.auto_id}_0"
            yield from ((anchor, str(message)) for message in field.errors)

    def _row_problems(self) -> Iterator[tuple[str, str]]:
        for number, row in enumerate(self.rows.forms, start=1):
            for field in row:
                for message in field.errors:
                    place = _("Relationship %(number)d, %(field)s:") % {
                        "number": number,
                        "field": field.label,
                    }
                    yield field.auto_id, f"{place} {message}"


def _count(data: QueryDict) -> int:
    number = data.get(f"{PREFIX}-{TOTAL_FORM_COUNT}", "")
    if not (number.isascii() and number.isdigit()):
        return 1
    return min(int(number[:4]), MAX_RELATIONSHIPS)
