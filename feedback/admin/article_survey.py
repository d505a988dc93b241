"""The desk's page on which an article gets another survey."""

from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from articles.models import Article
from feedback.models import ArticleSurvey, Survey, SurveyVersion
from feedback.surveys import choose_survey, published_surveys
from feedback.surveys.articles import DEFAULT
from portal.core.desk_pages import guarded_path

from .pages import desk_page


class SurveyField(forms.ModelChoiceField[Survey]):
    def label_from_instance(self, survey: Survey) -> str:
        if survey.key == DEFAULT:
            return _("%(name)s (default)") % {"name": survey.name}
        return str(survey)


class ArticleSurveyForm(forms.Form):
    survey = SurveyField(
        queryset=Survey.objects.none(),
        label=gettext_lazy("Survey under this article"),
        empty_label=None,
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("Choose a survey."),
            "invalid_choice": gettext_lazy("Choose one of the surveys that are published."),
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["survey"]
        assert isinstance(field, SurveyField)  # noqa: S101 - for the type checker
        field.queryset = published_surveys()


@require_http_methods(["GET", "HEAD", "POST"])
def article_survey_view(request: HttpRequest, article_id: int) -> HttpResponse:
    """Show which survey stands under an article; POST by who may change it chooses another."""
    article = get_object_or_404(Article, pk=article_id)
    chosen = ArticleSurvey.objects.filter(article=article).select_related("survey").first()
    may_choose = request.user.has_perm("feedback.change_articlesurvey")
    current = chosen.survey if chosen else Survey.objects.filter(key=DEFAULT).first()
    is_sent = request.method == "POST"
    if is_sent and not may_choose:
        raise PermissionDenied
    form = ArticleSurveyForm(
        request.POST if is_sent else None, initial={"survey": current.pk if current else None}
    )
    if is_sent and form.is_valid():
        survey: Survey = form.cleaned_data["survey"]
        if survey != current:
            choose_survey(article=article, survey=survey)
            admin.site.get_model_admin(Article).log_change(
                request, article, _("Chose the survey “%(name)s”.") % {"name": survey.name}
            )
        messages.success(
            request,
            _("“%(name)s” stands under this article from now on.") % {"name": survey.name},
        )
        return redirect("admin:feedback_article_survey", article.pk)
    newest = SurveyVersion.objects.filter(published_at__isnull=False).order_by(
        "survey_id", "-number"
    )
    surveys = published_surveys().prefetch_related(
        Prefetch(
            "versions", newest.distinct("survey_id").prefetch_related("items__wording"), "published"
        )
    )
    return desk_page(
        request,
        "survey/article.html",
        HTTPStatus.BAD_REQUEST if is_sent else HTTPStatus.OK,
        title=_("Survey of “%(title)s”") % {"title": article.title},
        article=article,
        current=current,
        may_choose=may_choose,
        form=form,
        surveys=surveys,
    )


def article_survey_urls() -> list[URLPattern]:
    """Return the address of an article's survey; ``SurveyAdmin`` puts it under its own."""
    return [
        guarded_path(
            "articles/<int:article_id>/",
            article_survey_view,
            "feedback.view_articlesurvey",
            "feedback_article_survey",
        )
    ]
