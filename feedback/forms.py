"""The survey as a form."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.forms import BoundField
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from articles.models import ArticleVersion

from .models import Level, PublishedSurvey, SurveyItem, SurveyVersion

PREFIX = "level-"
# A number of more digits fits no column.
MAX_ID_DIGITS = 18


def field_name(item: SurveyItem) -> str:
    """Return the name of the form field that answers ``item``."""
    return f"{PREFIX}{item.wording.statement.key}"


class SurveyForm(forms.Form):
    """One group of five radio buttons per statement, nothing preselected.

    ``survey`` and ``article`` say what is asked about what. ``answers``: earlier levels per
    wording, for "change my answers"; statements worded otherwise stay empty.
    """

    # Text, because a wrong one is answered in a sentence of its own.
    survey_version = forms.CharField(widget=forms.HiddenInput, required=False)
    # Which version of the article was on the screen: another may have been published since.
    article_version = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        survey: PublishedSurvey,
        article_id: int,
        article_version_id: int,
        answers: Mapping[int, int] | None = None,
    ) -> None:
        answers = answers or {}
        initial = {"survey_version": survey.version_id, "article_version": article_version_id}
        for item in survey.items:
            if item.wording_id in answers:
                initial[field_name(item)] = answers[item.wording_id]
        super().__init__(data, initial=initial, auto_id="feedback-%s")
        self.posted = data or QueryDict()
        self.survey = survey
        self.article_id = article_id
        self.article_version_id = article_version_id
        for item in survey.items:
            message = gettext("Choose how far you agree with “%(statement)s”.") % {
                "statement": item.wording.text.rstrip(".")
            }
            self.fields[field_name(item)] = forms.TypedChoiceField(
                label=item.wording.text,
                choices=Level.choices,
                coerce=int,
                widget=forms.RadioSelect,
                error_messages={"required": message, "invalid_choice": message},
            )

    def statements(self) -> Iterator[BoundField]:
        """Yield the fields to answer, in the survey's order."""
        for item in self.survey.items:
            yield self[field_name(item)]

    def levels(self) -> list[int]:
        """Return the chosen levels (1 to 5) in the survey's order; the form must be valid."""
        return [self.cleaned_data[field_name(item)] for item in self.survey.items]

    def shown_article_version(self) -> int:
        """Return which version of the article the form is about, also when it is shown again."""
        number: int = getattr(self, "cleaned_data", {}).get(
            "article_version", self.article_version_id
        )
        return number

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if as_id(cleaned.get("survey_version")) != self.survey.version_id:
            self.add_error(None, _("These answers belong to another survey."))
        number = as_id(cleaned.pop("article_version", None))
        if number is not None and self._is_of_this_article(number):
            cleaned["article_version"] = number
        else:
            self.add_error(None, _("These answers are about another article."))
        for name, values in self.posted.lists():
            if name.startswith(PREFIX) and name not in self.fields:
                self.add_error(None, _("These answers belong to another survey."))
            elif name in self.fields and len(values) > 1:
                self.add_error(
                    name if name.startswith(PREFIX) else None, _("Choose one level only.")
                )
        return cleaned

    def _is_of_this_article(self, number: int) -> bool:
        return (
            number == self.article_version_id
            or ArticleVersion.objects.filter(pk=number, article=self.article_id).exists()
        )


def as_id(text: str | None) -> int | None:
    """Return the row number that ``text`` is, None where it cannot be one."""
    if text and text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS:
        return int(text)
    return None


def other_version(data: QueryDict, survey: PublishedSurvey) -> SurveyVersion | None:
    """Return the other published version of the same survey that ``data`` answers, if it does."""
    number = as_id(data.get("survey_version"))
    if number is None or number == survey.version_id:
        return None
    return SurveyVersion.objects.filter(
        pk=number, survey=survey.survey_id, published_at__isnull=False
    ).first()


def posted_answers(data: QueryDict, version: SurveyVersion) -> dict[int, int]:
    """Return the levels per wording that ``data`` holds for the items of ``version``."""
    levels = {str(level): int(level) for level in Level}
    answers = {}
    for item in version.items.select_related("wording__statement"):
        level = levels.get(data.get(field_name(item), ""))
        if level is not None:
            answers[item.wording_id] = level
    return answers
