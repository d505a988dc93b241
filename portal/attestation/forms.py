from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from .models import AttestationStatement, Profession, Reader, Specialty


class AttestationForm(forms.ModelForm[Reader]):
    """The declaration, unticked, and three optional questions."""

    is_healthcare_professional = forms.BooleanField(
        error_messages={
            "required": _(
                "Tick the declaration to continue, or choose the way for patients and carers."
            )
        },
    )
    # Which text was on the screen: another version may have come into force since.
    statement = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Reader
        fields = ["profession", "specialty", "country"]

    def __init__(self, *args: Any, statement: AttestationStatement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["is_healthcare_professional"].label = statement.text
        self.fields["statement"].initial = statement.number
        unsaid = ("", _("Prefer not to say"))
        for name, choices in {
            "profession": Profession.choices,
            "specialty": Specialty.choices,
            "country": list(countries),
        }.items():
            self.fields[name].choices = [unsaid, *choices]  # type: ignore[attr-defined]

    field_order = ["is_healthcare_professional", "profession", "specialty", "country"]
