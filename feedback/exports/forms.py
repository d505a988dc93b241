"""What is asked before an export."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from feedback.results import MIN_PEOPLE
from feedback.results.forms import SelectionForm
from portal.accounts.models import User

from .orders import Format, Order, Shape
from .small_groups import is_large_enough


class ExportForm(SelectionForm):
    """Why, of what and in which form responses are exported by ``user``.

    Queries: those of ``SelectionForm``, and one to check a chosen part of the readers.
    """

    purpose = forms.CharField(
        label=_("Purpose"),
        max_length=500,
        error_messages={"required": _("Enter the purpose.")},
        help_text=_("What the file is for. It is kept in the log of exports under your name."),
    )
    format = forms.ChoiceField(
        label=_("Format"),
        choices=Format.choices,
        initial=Format.ANALYSIS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the format.")},
    )
    shape = forms.ChoiceField(
        label=_("Shape"),
        choices=Shape.choices,
        initial=Shape.WIDE,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the shape.")},
    )
    packed = forms.TypedChoiceField(
        label=_("Comes as"),
        choices=[
            ("yes", _("ZIP with the codebook, a README and a manifest (recommended)")),
            ("no", _("The data file alone")),
        ],
        coerce=lambda answer: answer == "yes",
        initial="yes",
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what comes with the data.")},
    )
    comments = forms.BooleanField(
        label=_("With readers’ free text"),
        required=False,
        help_text=_("It may name patients or readers: pass it on to nobody who need not read it."),
    )

    field_order = ("purpose", "article", "topic", "author", "month", "readers")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not user.has_perm("feedback.export_comments"):
            del self.fields["comments"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors and not is_large_enough(self.selection()):
            self.add_error(
                "readers",
                forms.ValidationError(
                    _(
                        "Fewer than %(number)d people are in this part of the readers, or in the "
                        "rest: a file about it could show who they are. Choose all readers, or "
                        "more articles or months."
                    ),
                    code="too_few",
                    params={"number": MIN_PEOPLE},
                ),
            )
        return cleaned

    def order(self) -> Order:
        """Return what was ordered; only after ``is_valid()``."""
        chosen = self.cleaned_data
        return Order(
            selection=self.selection(),
            format=Format(chosen["format"]),
            shape=Shape(chosen["shape"]),
            is_packed=chosen["packed"],
            has_comments=chosen.get("comments", False),
        )
