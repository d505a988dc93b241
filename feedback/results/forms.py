"""What staff choose: which responses a page of results or a file is about."""

from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import Any

from django import forms
from django.db import connection
from django.forms.utils import flatatt
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from articles.authors import published_authors
from articles.models.topics import topic_tree
from portal.attestation.models import Profession, Specialty
from portal.people.models import Person

from . import counting
from .articles import ArticleField
from .selection import Dimension, Selection

NOT_STATED = _("not stated")


class LongSelect(forms.Select):
    """A list of hundreds of choices: Django makes a dictionary and renders a template for each."""

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        options = _options(self.choices, self.format_value(value))
        own = self.build_attrs(self.attrs, {"name": name, **(attrs or {})})
        return format_html("<select{}>{}</select>", flatatt(own), options)


def _options(choices: Iterable[tuple[Any, Any]], chosen: list[str]) -> SafeString:
    return format_html_join(
        "", "{}", ((_option(value, label, chosen),) for value, label in choices)
    )


def _option(value: Any, label: Any, chosen: list[str]) -> SafeString:
    if isinstance(label, list | tuple):
        return format_html('<optgroup label="{}">{}</optgroup>', value, _options(label, chosen))
    selected = SafeString(" selected") if str(value) in chosen else ""
    return format_html('<option value="{}"{}>{}</option>', value, selected, label)


class SelectionForm(forms.Form):
    """Fields of a ``Selection``; used by GET on results pages and by POST for exports.

    Queries: the authors, the months and the countries, one each; up to three for an article.
    """

    article = ArticleField(
        label=_("Article"),
        required=False,
        help_text=_("A part of its title, its address or its number."),
    )
    topic = forms.TypedChoiceField(
        label=_("Topic"), required=False, coerce=int, empty_value=None, widget=LongSelect
    )
    author = forms.ModelChoiceField(
        Person.objects.none(),
        label=_("Author"),
        required=False,
        empty_label=_("All authors"),
        widget=LongSelect,
    )
    month = forms.TypedChoiceField(
        label=_("Month"),
        required=False,
        coerce=lambda text: date.fromisoformat(f"{text}-01"),
        empty_value=None,
        widget=LongSelect,
    )
    # At most one part of the profile at a time: one field for all of them.
    readers = forms.ChoiceField(label=_("Readers"), required=False, widget=LongSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["author"].queryset = published_authors().order_by("name")  # type: ignore[attr-defined]
        tree = topic_tree()
        topics = [
            (topic.pk, " / ".join(t.name for t in (*tree.path(topic), topic)))
            for topic in tree.in_use
        ]
        self._offer("topic", _("All topics"), sorted(topics, key=lambda choice: choice[1]))
        self._offer(
            "month",
            _("All closed months"),
            [
                (f"{month:%Y-%m}", date_format(month, "F Y"))
                for month in reversed(counting.months())
            ],
        )
        self._offer(
            "readers",
            _("All readers"),
            [
                (
                    dimension.label,
                    [(f"{dimension.value}:{value}", label) for value, label in values],
                )
                for dimension, values in _values().items()
            ],
        )

    def _offer(self, name: str, everything: Any, choices: list[Any]) -> None:
        self.fields[name].choices = [("", everything), *choices]  # type: ignore[attr-defined]

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

    def scope(self) -> str:
        """Return what was chosen as the end of a title; "" for everything."""
        return ", ".join(self._chosen())

    def sentence(self) -> str:
        """Return what was chosen as a sentence, for people who see the figures without the form."""
        chosen = self.cleaned_data
        about = _now("The whole portal")
        if chosen["article"]:
            about = _now("The article “%(title)s”") % {"title": chosen["article"].title}
        elif chosen["topic"]:
            about = _now("Articles on the topic “%(topic)s”") % {"topic": self._label("topic")}
        elif chosen["author"]:
            about = _now("Articles by %(author)s") % {"author": chosen["author"]}
        return _now("%(about)s. Months: %(months)s. Readers: %(readers)s.") % {
            "about": about,
            "months": self._label("month") if chosen["month"] else _now("all closed ones"),
            "readers": self._readers() if chosen["readers"] else _now("all"),
        }

    def _chosen(self) -> list[str]:
        chosen = self.cleaned_data
        parts = [str(chosen[name]) for name in ("article", "author") if chosen[name]]
        parts += [self._label(name) for name in ("topic", "month") if chosen[name]]
        return [*parts, self._readers()] if chosen["readers"] else parts

    def _label(self, name: str) -> str:
        value = str(self[name].value())
        choices: list[Any] = list(self.fields[name].choices)  # type: ignore[attr-defined]
        return next(str(label) for key, label in choices if str(key) == value)

    def _readers(self) -> str:
        code = self.cleaned_data["readers"]
        dimension = Dimension(code.partition(":")[0])
        labels = {f"{dimension.value}:{value}": label for value, label in _labels(dimension)}
        return f"{labels[code]} ({dimension.label.lower()})"


def _values() -> dict[Dimension, list[tuple[str, Any]]]:
    """Return what each part of the profile may be; of 250 countries only those of readers."""
    values = {dimension: _labels(dimension) for dimension in Dimension}
    present = _countries_of_readers()
    values[Dimension.COUNTRY] = [
        (code, name) for code, name in values[Dimension.COUNTRY] if not code or code in present
    ]
    return values


# From one value to the next in the index: there are few of them, in a million rows.
_COUNTRIES = """
    WITH RECURSIVE country AS (
        SELECT min(value) AS value FROM feedback_tally WHERE dimension = 'country'
        UNION ALL
        SELECT (
            SELECT min(value) FROM feedback_tally
            WHERE dimension = 'country' AND value > country.value)
        FROM country WHERE country.value IS NOT NULL
    )
    SELECT value FROM country WHERE value IS NOT NULL
"""


def _countries_of_readers() -> set[str]:
    """Return the countries from which somebody has answered (1 query)."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTRIES)
        return {country for (country,) in cursor.fetchall()}


def _labels(dimension: Dimension) -> list[tuple[str, Any]]:
    labels: dict[Dimension, list[tuple[str, Any]]] = {
        Dimension.PROFESSION: list(Profession.choices),
        Dimension.SPECIALTY: list(Specialty.choices),
        Dimension.COUNTRY: _countries(get_language()),
    }
    return [*labels[dimension], ("", NOT_STATED)]


@cache
def _countries(_language: str | None) -> list[tuple[str, str]]:
    """Return all countries in the active language, which is ``_language``, by name."""
    return [(code, str(name)) for code, name in countries]
