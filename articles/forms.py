from django import forms
from django.utils.translation import gettext_lazy as _

from .models import Article
from .search import Filters, SearchTopic, search_topics


class SearchForm(forms.Form):
    """The search and its filters. A value that a filter does not know is an error and left out."""

    # Longer texts than this are no search but a paste.
    q = forms.CharField(label=_("Search"), max_length=200, required=False)
    topic = forms.CharField(label=_("Topic"), required=False)
    type = forms.ChoiceField(
        label=_("Type"),
        choices=Article.Type.choices,
        required=False,
        error_messages={"invalid_choice": _("There is no such type; it was left out.")},
    )
    year = forms.IntegerField(
        label=_("Year"),
        min_value=1900,
        max_value=2999,
        required=False,
        error_messages={
            key: _("This is no year; it was left out.")
            for key in ("invalid", "min_value", "max_value")
        },
    )

    def clean_topic(self) -> SearchTopic | None:
        """Return the topic whose address was asked for (0 queries when warm)."""
        slug = self.cleaned_data["topic"]
        if not slug:
            return None
        for topic in search_topics().values():
            if topic.slug == slug:
                return topic
        raise forms.ValidationError(_("There is no such topic; it was left out."))

    def searched(self) -> tuple[str, Filters]:
        """Return the text and the filters that are valid; "" for a text that is not."""
        self.full_clean()
        found = self.cleaned_data
        return found.get("q", ""), Filters(
            topic=found.get("topic"), type=found.get("type", ""), year=found.get("year")
        )
