"""The form of a reference: plain fields for editors, CSL-JSON in the database."""

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from articles.models import Reference
from articles.references import (
    Csl,
    describe_updates,
    is_cited_as_retracted,
    is_retracted,
    set_retraction,
)

TYPES = [
    ("article-journal", _("Journal article")),
    ("book", _("Book")),
    ("chapter", _("Chapter of a book")),
    ("webpage", _("Web page")),
    ("paper-conference", _("Conference paper")),
    ("report", _("Report")),
    ("thesis", _("Thesis")),
    ("article-newspaper", _("Newspaper article")),
    ("article", _("Preprint")),
    ("dataset", _("Data set")),
    ("document", _("Something else")),
]
RETRACTED, CITED_AS_RETRACTED = "retracted", "cited-as-retracted"
RETRACTIONS = [
    ("", _("Not that we know of")),
    (RETRACTED, _("Yes: citing it blocks publication")),
    (CITED_AS_RETRACTED, _("Yes, and the article cites it as a retracted source")),
]
# Form field → CSL field, for what is one line of text in both.
TEXT_FIELDS = {
    "title": "title",
    "container_title": "container-title",
    "volume": "volume",
    "issue": "issue",
    "pages": "page",
    "doi": "DOI",
    "pmid": "PMID",
    "url": "URL",
}


def parse_names(text: str) -> list[dict[str, str]]:
    """Return CSL names from one name a line: "Family, Given", or a group's name without comma."""
    names = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        family, comma, given = (part.strip() for part in line.partition(","))
        names.append({"family": family, "given": given} if comma else {"literal": line})
    return names


def format_names(names: Any) -> str:
    """Return CSL names as one name a line, the reverse of ``parse_names``."""
    lines = []
    for name in names if isinstance(names, list) else []:
        if isinstance(name, dict):
            family, given = str(name.get("family", "")), str(name.get("given", ""))
            lines.append(str(name.get("literal", "")) or f"{family}, {given}".strip())
    return "\n".join(lines)


def issued_year(csl: Csl) -> int | None:
    """Return the year of a CSL date, or None."""
    try:
        return int(csl["issued"]["date-parts"][0][0])
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def accessed_day(csl: Csl) -> date | None:
    """Return the day on which a source was read, if all of it is known."""
    try:
        year, month, day = csl["accessed"]["date-parts"][0]
        return date(int(year), int(month), int(day))
    except (KeyError, IndexError, TypeError, ValueError):
        return None


class ReferenceForm(forms.ModelForm[Reference]):
    """Reads and writes ``csl``; what it has no field for (a month, an edition) stays in there."""

    type = forms.ChoiceField(label=_("Type"), choices=TYPES)
    authors = forms.CharField(
        label=_("Authors"),
        required=False,
        # A consortium may have a thousand.
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One a line: “Family, Given”, or the name of a group."),
    )
    title = forms.CharField(label=_("Title"), max_length=1000, required=False)
    container_title = forms.CharField(
        label=_("Journal, book or site"), max_length=500, required=False
    )
    year = forms.IntegerField(label=_("Year"), min_value=1400, max_value=2200, required=False)
    volume = forms.CharField(label=_("Volume"), max_length=50, required=False)
    issue = forms.CharField(label=_("Issue"), max_length=50, required=False)
    pages = forms.CharField(label=_("Pages"), max_length=50, required=False)
    doi = forms.RegexField(
        label="DOI",
        regex=r"^10\.\d{4,9}/\S+$",
        max_length=300,
        required=False,
        error_messages={"invalid": _("A DOI begins with 10., for example 10.1056/NEJMsb020632.")},
    )
    pmid = forms.RegexField(
        label="PMID",
        regex=r"^\d{1,9}$",
        required=False,
        error_messages={"invalid": _("A PMID is a number.")},
    )
    url = forms.URLField(
        label=_("Web address"), max_length=1000, required=False, assume_scheme="https"
    )
    accessed = forms.DateField(
        label=_("Read on"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Of a web page, which may change: “[cited 2025 Dec 1]”."),
    )
    retraction = forms.ChoiceField(label=_("Retracted"), choices=RETRACTIONS, required=False)

    news_seen = forms.BooleanField(label=_("I have looked at it"), required=False)

    class Meta:
        model = Reference
        fields = ["key"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        csl = self.instance.csl
        news = self.fields["news_seen"]
        if self.instance.updates_seen:
            news.widget = forms.HiddenInput()
        else:
            news.help_text = _(
                "Crossref reports: %(news)s. Until you say so, it blocks publication."
            ) % {"news": describe_updates(self.instance.updates)}
        if not csl:
            return
        kind = csl.get("type", TYPES[0][0])
        if kind not in dict(TYPES):
            # Imported, and not to be changed by merely saving the form.
            self.fields["type"] = forms.ChoiceField(label=_("Type"), choices=[*TYPES, (kind, kind)])
        self.initial.update({field: csl.get(name, "") for field, name in TEXT_FIELDS.items()})
        self.initial.update(
            type=kind,
            authors=format_names(csl.get("author")),
            year=issued_year(csl),
            accessed=accessed_day(csl),
            retraction=_retraction(csl),
        )

    def clean_accessed(self) -> date | None:
        day: date | None = self.cleaned_data["accessed"]
        if day is not None and day > timezone.localdate():
            raise forms.ValidationError(_("This day has not come yet."))
        return day

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not (data.get("title") or data.get("container_title")):
            self.add_error("title", _("Give a title, or at least the journal or site."))
        return data

    def save(self, commit: bool = True) -> Reference:
        self.instance.csl = self._merged()
        if self.cleaned_data["news_seen"]:
            self.instance.updates_seen = True
        return super().save(commit)

    def _merged(self) -> Csl:
        """Return the stored source with what the form says laid over it."""
        csl = dict(self.instance.csl)
        data = self.cleaned_data
        csl["type"] = data["type"]
        for field, name in TEXT_FIELDS.items():
            _set(csl, name, data[field])
        # An untouched list of names keeps what it holds beyond family and given name.
        if data["authors"].split() != format_names(csl.get("author")).split():
            _set(csl, "author", parse_names(data["authors"]))
        if data["year"] != issued_year(csl):
            _set(csl, "issued", {"date-parts": [[data["year"]]]} if data["year"] else None)
        # A day of which only the year or the month is known has no place in the form, and stays.
        if (day := data["accessed"]) != accessed_day(csl):
            _set(csl, "accessed", {"date-parts": [[day.year, day.month, day.day]]} if day else None)
        if data["retraction"] != _retraction(csl):
            set_retraction(
                csl,
                retracted=bool(data["retraction"]),
                cited_as_retracted=data["retraction"] == CITED_AS_RETRACTED,
            )
        return csl


def _retraction(csl: Csl) -> str:
    if is_cited_as_retracted(csl):
        return CITED_AS_RETRACTED
    return RETRACTED if is_retracted(csl) else ""


def _set(csl: Csl, name: str, value: Any) -> None:
    if value:
        csl[name] = value
    else:
        csl.pop(name, None)
