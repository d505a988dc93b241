from django import forms
from django.utils.translation import gettext_lazy as _


class SearchForm(forms.Form):
    """The search. Longer texts than this are no search but a paste."""

    q = forms.CharField(label=_("Search"), max_length=200, required=False)
