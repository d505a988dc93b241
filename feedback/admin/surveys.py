"""The desk's pages about surveys: the list, and a survey with its versions, word for word."""

import re
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback.models import (
    DraftStatement,
    Level,
    Outcome,
    Response,
    Survey,
    SurveyItem,
    SurveyVersion,
)
from feedback.surveys import KEY_PATTERN, suggest_key
from feedback.surveys.articles import DEFAULT

from .article_survey import article_survey_urls
from .drafts import EDIT, draft_urls
from .exports import export_urls
from .results import results_urls

ARTICLES_SHOWN = 50


class SurveyForm(forms.ModelForm[Survey]):
    class Meta:
        model = Survey
        fields = ["name", "key"]
        help_texts = {
            "name": gettext_lazy("For the desk only: readers do not see it."),
            "key": gettext_lazy(
                "Names columns in exports: small letters, digits and underscores. Left empty, it "
                "is made of the name. It can never be changed."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "key" in self.fields:
            self.fields["key"].required = False

    def clean_name(self) -> str:
        """Refuse a second survey of one name: a double click must not make two."""
        name: str = self.cleaned_data["name"]
        if Survey.objects.filter(name__iexact=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("There is a survey of this name."))
        return name

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"]
        if not key:
            taken = set(Survey.objects.values_list("key", flat=True))
            return suggest_key(self.cleaned_data.get("name", ""), taken)
        if not re.match(KEY_PATTERN, key):
            raise forms.ValidationError(
                _("Use small letters, digits and underscores, beginning with a letter.")
            )
        return key


@dataclass(frozen=True, slots=True)
class ShownStatement:
    """A statement of a version as the desk shows it."""

    text: str
    key: str
    outcome: Outcome
    speaks_of_objectives: bool
    allows_not_applicable: bool
    note: str


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """A version as the desk shows it. How many answered, the results say, where they show it."""

    version: SurveyVersion
    statements: list[ShownStatement]
    labels: list[str]
    has_answers: bool
    is_current: bool


@admin.register(Survey)
class SurveyAdmin(admin.ModelAdmin[Survey]):
    """Surveys, and the pages that hang from them."""

    change_list_template = "admin/feedback/survey/change_list.html"
    change_form_template = "admin/feedback/survey/change_form.html"
    form = SurveyForm
    list_display = ["name", "key", "readers_see", "draft"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("versions")

    def get_readonly_fields(self, request: HttpRequest, obj: Survey | None = None) -> list[str]:
        return ["key"] if obj else []

    def get_form(
        self, request: HttpRequest, obj: Survey | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj:
            kwargs["help_texts"] = {"key": _("Names columns in exports. It can never be changed.")}
        return super().get_form(request, obj, change, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Survey | None = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("readers see"))
    def readers_see(self, survey: Survey) -> str:
        numbers = [v.number for v in survey.versions.all() if v.published_at]
        return _("version %d") % max(numbers) if numbers else _("nothing")

    @admin.display(description=gettext_lazy("draft"))
    def draft(self, survey: Survey) -> str:
        numbers = [v.number for v in survey.versions.all() if not v.published_at]
        return _("version %d") % numbers[0] if numbers else ""

    def response_add(
        self, request: HttpRequest, obj: Survey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Go on to the survey itself, where its first version is begun."""
        self.message_user(request, _("The survey is made. Now begin its first version."))
        return redirect("admin:feedback_survey_change", obj.pk)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        survey: Survey | None = kwargs.get("obj")
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        if survey is not None:
            versions = shown_versions(survey)
            articles = survey.articles.select_related("article").order_by("article__title")
            context |= {
                "title": survey.name,
                "subtitle": None,
                "draft": next((v for v in versions if not v.version.published_at), None),
                "versions": [v for v in versions if v.version.published_at],
                "may_edit": request.user.has_perm(EDIT),
                "is_default": survey.key == DEFAULT,
                "articles": [choice.article for choice in articles[:ARTICLES_SHOWN]],
                "article_count": articles.count(),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        return [
            *results_urls(),
            *export_urls(),
            *article_survey_urls(),
            *draft_urls(),
            *super().get_urls(),
        ]


def shown_versions(survey: Survey) -> list[ShownVersion]:
    """Return the survey's versions, newest first, word for word (4 queries at most)."""
    answers = Response.objects.filter(survey_version=OuterRef("pk"))
    versions = list(
        survey.versions.annotate(has_answers=Exists(answers)).prefetch_related(
            "items__wording__statement", "draft_statements__statement__wordings"
        )
    )
    current = next((version for version in versions if version.published_at), None)
    return [
        ShownVersion(
            version=version,
            statements=[_published(item) for item in version.items.all()]
            if version.published_at
            else [_drafted(row) for row in version.draft_statements.all()],
            labels=version.labels or [str(level.label) for level in Level],
            has_answers=version.has_answers,
            is_current=version == current,
        )
        for version in versions
    ]


def _published(item: SurveyItem) -> ShownStatement:
    wording = item.wording
    note = ""
    if wording.number > 1:
        note = (
            _("Wording %d, comparable with the previous one.")
            if wording.follows_id
            else _("Wording %d, not comparable with the previous one.")
        ) % wording.number
    return ShownStatement(
        text=wording.text,
        key=wording.statement.key,
        outcome=Outcome(wording.statement.outcome),
        speaks_of_objectives=item.speaks_of_objectives,
        allows_not_applicable=item.allows_not_applicable,
        note=note,
    )


def _drafted(row: DraftStatement) -> ShownStatement:
    if row.statement is None:
        note = _("New statement.")
    elif row.is_comparable is not None:
        note = (
            _("New wording, comparable with the previous one.")
            if row.is_comparable
            else _("New wording, not comparable with the previous one.")
        )
    else:
        note = ""
    return ShownStatement(
        text=row.text,
        key=row.key,
        outcome=Outcome(row.outcome),
        speaks_of_objectives=row.speaks_of_objectives,
        allows_not_applicable=row.allows_not_applicable,
        note=note,
    )
