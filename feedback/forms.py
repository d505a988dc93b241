"""The survey as a form."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.http import QueryDict
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from articles.models import ArticleVersion
from portal.core.content_cache import content_cached

from .models import (
    MAX_COMMENT_LENGTH,
    NOT_APPLICABLE,
    Level,
    PublishedSurvey,
    SurveyItem,
    SurveyVersion,
    items_by_version,
    level_labels,
)

PREFIX = "level-"
# A number of more digits fits no column.
MAX_ID_DIGITS = 18
# Line breaks and tabs are text; other control characters are seen by nobody.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def field_name(item: SurveyItem) -> str:
    """Return the name of the form field that answers ``item``."""
    return f"{PREFIX}{item.wording.statement.key}"


@dataclass(frozen=True, slots=True)
class Answers:
    """What a reader has answered or typed: levels by wording (0: not applicable), free text."""

    levels: Mapping[int, int] = field(default_factory=dict)
    comment: str = ""


class LevelField(forms.TypedChoiceField):
    """How far a reader agrees with the statement of ``item``."""

    widget = forms.RadioSelect

    def __init__(self, item: SurveyItem, labels: Sequence[str]) -> None:
        text = item.wording.text
        message = gettext("Choose how far you agree with “%(statement)s”.") % {
            "statement": text.rstrip(".")
        }
        names = level_labels(labels)
        if not item.allows_not_applicable:
            del names[NOT_APPLICABLE]
        self.item = item
        super().__init__(
            label=text,
            choices=[(level, str(name)) for level, name in names.items()],
            coerce=int,
            error_messages={"required": message, "invalid_choice": message},
        )


class CommentField(forms.CharField):
    """Free text with the line breaks that were typed, and no other control characters.

    A browser that cut the text off at the limit would lose what was pasted: only the server counts.
    """

    widget = forms.Textarea(attrs={"rows": 6, "dir": "auto"})

    def to_python(self, value: Any) -> str:
        text = (super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n")
        if CONTROL.search(text):
            raise ValidationError(
                _(
                    "Your text had characters in it that cannot be seen. They have been taken out: "
                    "please look at the text and send the form again."
                ),
                code="control",
            )
        if (excess := len(text) - MAX_COMMENT_LENGTH) > 0:
            message = ngettext(
                "Your text is %(count)d character too long. At most %(limit)d can be saved.",
                "Your text is %(count)d characters too long. At most %(limit)d can be saved.",
                excess,
            )
            raise ValidationError(message % {"count": excess, "limit": MAX_COMMENT_LENGTH})
        return text

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what is shown again: all that was typed and can be seen."""
        return CONTROL.sub("", data or "")


@content_cached
def answer_fields(survey: PublishedSurvey) -> dict[str, forms.Field]:
    """Return what is asked in ``survey``, by name. Shared by all forms: fields keep no answers."""
    fields: dict[str, forms.Field] = {
        field_name(item): LevelField(item, survey.labels) for item in survey.items
    }
    if survey.comment_question:
        fields["comment"] = CommentField(
            label=survey.comment_question,
            required=False,
            help_text=format_html(
                "<strong>{}</strong> {}",
                gettext(
                    "Please do not write anything about a patient, or anything else that tells "
                    "who somebody is."
                ),
                gettext("At most %(limit)d characters.") % {"limit": MAX_COMMENT_LENGTH},
            ),
        )
    return fields


class SurveyForm(forms.Form):
    """One group of radio buttons per statement, nothing preselected; free text where it is asked.

    ``survey`` and ``article_id`` say what is asked about what. ``answers``: what the reader
    answered before or has typed; statements worded otherwise stay empty. ``objectives``: the
    article's, shown beside the statement that speaks of them.
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
        answers: Answers | None = None,
        objectives: Sequence[str] = (),
    ) -> None:
        answers = answers or Answers()
        initial = {
            "survey_version": survey.version_id,
            "article_version": article_version_id,
            "comment": answers.comment,
        }
        for item in survey.items:
            if item.wording_id in answers.levels:
                initial[field_name(item)] = answers.levels[item.wording_id]
        super().__init__(data, initial=initial, auto_id="feedback-%s")
        self.posted = data or QueryDict()
        self.survey = survey
        self.article_id = article_id
        self.article_version_id = article_version_id
        self.objectives = objectives
        # Typed for a question that is not asked any more: shown, so that it is not lost.
        self.unasked_comment = "" if survey.comment_question else answers.comment
        self.fields |= answer_fields(survey)

    def statements(self) -> Iterator[BoundField]:
        """Yield the fields to answer, in the survey's order."""
        for item in self.survey.items:
            yield self[field_name(item)]

    def levels(self) -> list[int]:
        """Return the chosen levels (0 to 5) in the survey's order; the form must be valid."""
        return [self.cleaned_data[field_name(item)] for item in self.survey.items]

    def comment(self) -> str:
        """Return the free text, "" where none is asked for; the form must be valid."""
        text: str = self.cleaned_data.get("comment", "")
        return text

    def has_started(self) -> bool:
        """Whether anything was chosen in a form that has been validated, whole or not."""
        return any(field_name(item) in self.cleaned_data for item in self.survey.items)

    def shown_article_version(self) -> int:
        """Return which version of the article the form is about, also when it is shown again."""
        number: int = getattr(self, "cleaned_data", {}).get(
            "article_version", self.article_version_id
        )
        return number

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        is_of_another = any(
            name.startswith(PREFIX) and name not in self.fields for name in self.posted
        )
        if is_of_another or as_id(cleaned.get("survey_version")) != self.survey.version_id:
            self.add_error(None, _("These answers belong to another survey."))
        number = as_id(cleaned.pop("article_version", None))
        if number is not None and is_version_of(
            number, self.article_id, newest=self.article_version_id
        ):
            cleaned["article_version"] = number
        else:
            self.add_error(None, _("These answers are about another article."))
        for name, values in self.posted.lists():
            if name in self.fields and len(values) > 1:
                self.add_error(
                    name if name.startswith(PREFIX) else None, _("Choose one level only.")
                )
        return cleaned


def as_id(text: str | None) -> int | None:
    """Return the row number that ``text`` is, None where it cannot be one."""
    if text and text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS:
        return int(text)
    return None


def is_version_of(number: int, article_id: int, *, newest: int) -> bool:
    """Whether ``number`` is a version of the article (1 query for another than its ``newest``)."""
    return number == newest or ArticleVersion.objects.filter(pk=number, article=article_id).exists()


def answered_items(data: QueryDict, survey: PublishedSurvey) -> Sequence[SurveyItem]:
    """Return the items of the published version that ``data`` answers, of whichever survey.

    Those of ``survey`` where it is that one (0 queries, else 1); none where there is no such one.
    """
    number = as_id(data.get("survey_version"))
    if number is None or number == survey.version_id:
        return survey.items
    versions = SurveyVersion.objects.filter(pk=number, published_at__isnull=False)
    return items_by_version(versions.values("pk")).get(number, ())


def typed_answers(data: QueryDict, items: Sequence[SurveyItem]) -> Answers:
    """Return what ``data`` holds of answers to ``items``, and its free text as it was typed."""
    levels = {str(level): int(level) for level in (NOT_APPLICABLE, *Level)}
    chosen = {}
    for item in items:
        level = levels.get(data.get(field_name(item), ""))
        if level is not None:
            chosen[item.wording_id] = level
    return Answers(levels=chosen, comment=CONTROL.sub("", data.get("comment", "")))
