"""What the desk's forms of funders check beyond their fields."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminDateWidget
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.forms.models import BaseInlineFormSet
from django.utils.translation import gettext_lazy as _

from .models import Agreement, Funder, TradeName

MAX_DOCUMENT_BYTES = 10 * 1024 * 1024
PDF_MAGIC = b"%PDF-"


class FunderForm(forms.ModelForm[Funder]):
    """A new name keeps the old one for the days on which it was the name."""

    last_day_of_old_name = forms.DateField(
        label=_("Last day of the old name"),
        required=False,
        widget=AdminDateWidget,
        help_text=_(
            "If the funder has renamed itself: pages go on showing the old name for days up to "
            "this one. Empty: the spelling is corrected, for all days."
        ),
    )

    class Meta:
        model = Funder
        fields = ["name", "country", "website", "ror_id"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        last_day = data.get("last_day_of_old_name")
        if last_day is None or "name" in self.errors:
            return data
        if "name" not in self.changed_data:
            self.add_error("last_day_of_old_name", _("The name above is still the old one."))
        elif self.instance.former_names.filter(last_day__gte=last_day).exists():
            message = _("An earlier name lasted until this day or longer: see the former names.")
            self.add_error("last_day_of_old_name", message)
        return data


class TradeNameFormSet(BaseInlineFormSet[TradeName, Funder, forms.ModelForm[TradeName]]):
    """Refuses a trade name that stands twice in the form: neither row is stored to compare with."""

    def clean(self) -> None:
        super().clean()
        seen: set[str] = set()
        for form in self.forms:
            name = form.cleaned_data.get("name", "").lower()
            if not name or form.cleaned_data.get("DELETE"):
                continue
            if name in seen:
                form.add_error("name", _("This trade name stands in another row."))
            seen.add(name)


class AgreementForm(forms.ModelForm[Agreement]):
    class Meta:
        model = Agreement
        fields = [
            *("funder", "kind", "nature", "level", "starts_on", "ends_on"),
            *("is_site_wide", "purpose", "amount", "currency", "reference", "document"),
        ]
        # Django's own would link to an address that does not exist.
        widgets = {"document": forms.FileInput(attrs={"accept": "application/pdf"})}

    def clean(self) -> dict[str, Any]:
        """Say at its field what is wrong with the period; then it is compared with no other.

        Within a transaction, as the admin's: two that are saved at once wait for each other here,
        so that the second is compared with the first.
        """
        data = super().clean() or {}
        if funder := data.get("funder"):
            Funder.objects.select_for_update().get(pk=funder.pk)
        first, last = data.get("starts_on"), data.get("ends_on")
        if first and last and last < first:
            self.add_error("ends_on", _("The agreement ends before it begins."))
        return data

    def clean_document(self) -> Any:
        """Return the file that was uploaded if it is a PDF, else the one that is there."""
        document = self.cleaned_data["document"]
        if isinstance(document, UploadedFile):
            _check_pdf(document)
        return document


def _check_pdf(upload: UploadedFile[Any]) -> None:
    """Raise ``ValidationError`` for what is too large or no PDF; its name does not count."""
    if (upload.size or 0) > MAX_DOCUMENT_BYTES:
        raise ValidationError(
            _("The file has %(size)d MB; at most %(limit)d MB are accepted.")
            % {"size": -(-(upload.size or 0) // 2**20), "limit": MAX_DOCUMENT_BYTES // 2**20}
        )
    upload.seek(0)
    beginning = upload.read(len(PDF_MAGIC))
    upload.seek(0)
    if beginning != PDF_MAGIC:
        raise ValidationError(_("This is no PDF document."))
