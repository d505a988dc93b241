"""What staff choose: which responses a page of results or a file is about."""

from datetime import date
from typing import Any

from django import forms
from django.db.models import Min
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from articles.authors import published_authors
from articles.models import Article
from articles.models.topics import topic_tree
from feedback.models import Response
from portal.attestation.models import Profession, Specialty
from portal.people.models import Person

from .selection import Dimension, Selection, open_month

NOT_STATED = _("not stated")


class SelectionForm(forms.Form):
    """Fields of a ``Selection``; used by GET on results pages and by POST for exports.

    Queries: the articles, the authors and the first month, one each.
    """

    article = forms.ModelChoiceField(
        Article.objects.none(), label=_("Article"), required=False, empty_label=_("All articles")
    )
    topic = forms.TypedChoiceField(label=_("Topic"), required=False, coerce=int, empty_value=None)
    author = forms.ModelChoiceField(
        Person.objects.none(), label=_("Author"), required=False, empty_label=_("All authors")
    )
    month = forms.TypedChoiceField(
        label=_("Month"),
        required=False,
        coerce=lambda text: date.fromisoformat(f"{text}-01"),
        empty_value=None,
    )
    # At most one part of the profile at a time: one field for all of them.
    readers = forms.ChoiceField(label=_("Readers"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["article"].queryset = Article.objects.filter(  # type: ignore[attr-defined]
            first_published_at__isnull=False
        ).order_by("title")
        self.fields["author"].queryset = published_authors().order_by("name")  # type: ignore[attr-defined]
        tree = topic_tree()
        self.fields["topic"].choices = [  # type: ignore[attr-defined]
            ("", _("All topics")),
            *(
                (topic.pk, " / ".join(t.name for t in (*tree.path(topic), topic)))
                for topic in tree.in_use
            ),
        ]
        self.fields["month"].choices = [  # type: ignore[attr-defined]
            ("", _("All closed months")),
            *((f"{month:%Y-%m}", date_format(month, "F Y")) for month in closed_months()),
        ]
        self.fields["readers"].choices = [  # type: ignore[attr-defined]
            ("", _("All readers")),
            *(
                (
                    dimension.label,
                    [(f"{dimension.value}:{value}", label) for value, label in values],
                )
                for dimension, values in _values().items()
            ),
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if sum(cleaned.get(name) is not None for name in ("article", "topic", "author")) > 1:
            raise forms.ValidationError(
                _("Choose an article, a topic or an author: one of the three."), code="scope"
            )
        return cleaned

    def selection(self) -> Selection:
        """Return what was chosen; only after ``is_valid()``."""
        chosen = self.cleaned_data
        dimension, _colon, value = chosen["readers"].partition(":")
        return Selection(
            article=chosen["article"].pk if chosen["article"] else None,
            topic=chosen["topic"],
            author=chosen["author"].pk if chosen["author"] else None,
            month=chosen["month"],
            dimension=Dimension(dimension) if dimension else None,
            value=value,
        )


def closed_months() -> list[date]:
    """Return the first days of the closed months since the first response, newest first."""
    first = Response.objects.aggregate(first=Min("submitted_at"))["first"]
    months: list[date] = []
    if first is None:
        return months
    month = open_month()
    start = first.date().replace(day=1)
    while month > start:
        month = date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)
        months.append(month)
    return months


def _values() -> dict[Dimension, list[tuple[str, Any]]]:
    return {
        Dimension.PROFESSION: [*Profession.choices, ("", NOT_STATED)],
        Dimension.SPECIALTY: [*Specialty.choices, ("", NOT_STATED)],
        Dimension.COUNTRY: [*countries, ("", NOT_STATED)],
    }
