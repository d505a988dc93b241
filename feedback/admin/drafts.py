"""The desk's pages about a survey's draft: writing, looking, publishing, throwing away."""

from http import HTTPStatus

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedback.forms import SurveyForm
from feedback.models import DraftStatement, Survey, SurveyVersion
from feedback.surveys import (
    DraftHasChanged,
    DraftIsGone,
    DraftIsIncomplete,
    changes_of,
    discard_draft,
    draft_token,
    preview_survey,
    problems_of,
    publish_draft,
    save_draft,
    start_draft,
)
from feedback.surveys.articles import DEFAULT
from portal.core.desk_pages import guarded_path
from portal.core.http import private

from .draft_form import DraftForm
from .pages import desk_page

ROW_BUTTONS = ("move_up", "move_down", "take_out", "put_back", "add")
EDIT = "feedback.change_surveyversion"


def draft_of(survey: Survey) -> tuple[SurveyVersion, list[DraftStatement]] | None:
    """Return the survey's draft with its statements (2 queries), None where there is none."""
    draft = survey.versions.filter(published_at__isnull=True).first()
    if draft is None:
        return None
    draft.survey = survey
    return draft, list(draft.draft_statements.select_related("statement"))


def _to_survey(
    request: HttpRequest, survey: Survey, said: str, level: int = messages.WARNING
) -> HttpResponse:
    messages.add_message(request, level, said)
    return redirect("admin:feedback_survey_change", survey.pk)


def _no_draft(request: HttpRequest, survey: Survey) -> HttpResponse:
    return _to_survey(
        request,
        survey,
        _("There is no draft: it was published or thrown away, or nobody has begun one."),
    )


def _log(request: HttpRequest, survey: Survey, said: str) -> None:
    admin.site.get_model_admin(Survey).log_change(request, survey, said)


@require_POST
def start_view(request: HttpRequest, survey_id: int) -> HttpResponse:
    """Begin a new version, as a copy of what readers see now."""
    survey = get_object_or_404(Survey, pk=survey_id)
    draft, is_new = start_draft(survey)
    if is_new:
        _log(request, survey, _("Began version %d.") % draft.number)
    else:
        messages.info(request, _("There is a draft already: this is it."))
    return redirect("admin:feedback_survey_draft", survey.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def draft_view(request: HttpRequest, survey_id: int) -> HttpResponse:
    """Show the draft as a form; keep what is sent, whole."""
    survey = get_object_or_404(Survey, pk=survey_id)
    found = draft_of(survey)
    if request.method == "POST":
        return _save(request, survey, found)
    if found is None:
        return _no_draft(request, survey)
    return _form_page(request, survey, found[0], DraftForm(*found))


def _save(
    request: HttpRequest,
    survey: Survey,
    found: tuple[SurveyVersion, list[DraftStatement]] | None,
) -> HttpResponse:
    if found is None:
        # Nobody's words are lost: they stand on the page, to be copied.
        return _gone(request, survey)
    draft, stored = found
    if any(name in request.POST for name in ROW_BUTTONS):
        form = DraftForm(draft, stored)
        form.change_rows(request.POST)
        return _form_page(request, survey, draft, form, is_unsaved=True)
    form = DraftForm(draft, stored, request.POST)
    if not form.is_valid():
        return _form_page(request, survey, draft, form, HTTPStatus.BAD_REQUEST)
    version = form.version.cleaned_data
    try:
        save_draft(
            draft_id=draft.pk,
            token=version["token"],
            statements=form.draft_statements(),
            labels=version["labels"],
            comment_question=version["comment_question"],
        )
    except (DraftIsGone, DraftHasChanged):
        return _conflict(request, survey)
    _log(request, survey, _("Changed the draft of version %d.") % draft.number)
    return _go_on(request, survey)


def _go_on(request: HttpRequest, survey: Survey) -> HttpResponse:
    """Go where the pressed button leads once the draft is saved."""
    if "publish" in request.POST:
        return redirect("admin:feedback_survey_publish", survey.pk)
    if "preview" in request.POST:
        return redirect("admin:feedback_survey_preview", survey.pk)
    messages.success(request, _("The draft is saved. Readers do not see it yet."))
    return redirect("admin:feedback_survey_draft", survey.pk)


def _gone(request: HttpRequest, survey: Survey) -> HttpResponse:
    nothing = SurveyVersion(survey=survey)
    form = DraftForm(nothing, [], request.POST)
    return _form_page(request, survey, nothing, form, HTTPStatus.CONFLICT, is_gone=True)


def _conflict(request: HttpRequest, survey: Survey) -> HttpResponse:
    """Show what was typed with the token of what is stored: saving again replaces that."""
    found = draft_of(survey)
    if found is None:
        return _gone(request, survey)
    data = request.POST.copy()
    data["token"] = draft_token(*found)
    form = DraftForm(*found, data)
    return _form_page(request, survey, found[0], form, HTTPStatus.CONFLICT, is_conflict=True)


def _form_page(
    request: HttpRequest,
    survey: Survey,
    draft: SurveyVersion,
    form: DraftForm,
    status: HTTPStatus = HTTPStatus.OK,
    **context: bool,
) -> HttpResponse:
    is_typed = form.version.is_bound and not any(context.values())
    return desk_page(
        request,
        "survey/draft.html",
        status,
        title=_("Draft of version %d") % draft.number if draft.number else _("Draft"),
        subtitle=survey.name,
        survey=survey,
        draft=draft,
        form=form,
        problems=list(form.problems()) if is_typed else [],
        **context,
    )


@private
@require_safe
def preview_view(request: HttpRequest, survey_id: int) -> HttpResponse:
    """Show the draft in the form that readers will see; nothing can be sent."""
    survey = get_object_or_404(Survey, pk=survey_id)
    found = draft_of(survey)
    if found is None:
        return _no_draft(request, survey)
    shown = preview_survey(*found)
    fields = ""
    if shown is not None:
        form = SurveyForm(
            survey=shown,
            article_id=0,
            article_version_id=0,
            objectives=[_("Those of the article stand here.")],
        )
        fields = render_to_string("feedback/_statements.html", {"form": form})
    response = render(
        request,
        "admin/feedback/survey/preview.html",
        {"survey": survey, "draft": found[0], "fields": fields, "is_preview": True},
    )
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def publish_view(request: HttpRequest, survey_id: int) -> HttpResponse:
    """Say what publishing changes; POST publishes, once."""
    survey = get_object_or_404(Survey, pk=survey_id)
    if request.method == "POST":
        return _publish(request, survey)
    return _publish_page(request, survey)


def _publish_page(
    request: HttpRequest, survey: Survey, status: HTTPStatus = HTTPStatus.OK, conflict: str = ""
) -> HttpResponse:
    found = draft_of(survey)
    if found is None:
        return _no_draft(request, survey)
    draft, statements = found
    changes = changes_of(draft, statements)
    return desk_page(
        request,
        "survey/publish.html",
        status,
        title=_("Publish version %d") % draft.number,
        subtitle=survey.name,
        survey=survey,
        draft=draft,
        token=draft_token(draft, statements),
        problems=problems_of(draft, statements, changes),
        changes=changes,
        is_first=draft.number == 1,
        is_default=survey.key == DEFAULT,
        article_count=survey.articles.count(),
        conflict=conflict,
    )


def _publish(request: HttpRequest, survey: Survey) -> HttpResponse:
    draft_id = request.POST.get("draft", "")
    pk = int(draft_id) if draft_id.isascii() and draft_id.isdigit() and len(draft_id) < 18 else 0  # noqa: PLR2004
    draft = get_object_or_404(SurveyVersion, pk=pk, survey=survey)
    try:
        version = publish_draft(draft_id=draft.pk, token=request.POST.get("token", ""))
    except DraftIsGone:
        return _to_survey(
            request,
            survey,
            _("Version %d is published already: nothing was done a second time.") % draft.number,
            messages.INFO,
        )
    except DraftHasChanged:
        return _publish_page(
            request,
            survey,
            HTTPStatus.CONFLICT,
            _("Somebody has changed the draft since you opened this page. Please look again."),
        )
    except DraftIsIncomplete:
        return _publish_page(request, survey, HTTPStatus.BAD_REQUEST)
    _log(request, survey, _("Published version %d.") % version.number)
    return _to_survey(
        request,
        survey,
        _("Version %d is published. Readers see it from now on.") % version.number,
        messages.SUCCESS,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def discard_view(request: HttpRequest, survey_id: int) -> HttpResponse:
    """Ask, then throw the draft away."""
    survey = get_object_or_404(Survey, pk=survey_id)
    found = draft_of(survey)
    if found is None:
        return _no_draft(request, survey)
    draft, statements = found
    conflict, status = "", HTTPStatus.OK
    if request.method == "POST":
        try:
            discard_draft(draft_id=draft.pk, token=request.POST.get("token", ""))
        except DraftIsGone:
            return _no_draft(request, survey)
        except DraftHasChanged:
            status = HTTPStatus.CONFLICT
            conflict = _("Somebody has changed the draft since you opened this page.")
        else:
            _log(request, survey, _("Threw the draft of version %d away.") % draft.number)
            said = _("The draft is thrown away. Readers see what they saw before.")
            return _to_survey(request, survey, said, messages.SUCCESS)
    return desk_page(
        request,
        "survey/discard.html",
        status,
        title=_("Throw the draft away"),
        subtitle=survey.name,
        survey=survey,
        draft=draft,
        statements=statements,
        token=draft_token(draft, statements),
        conflict=conflict,
    )


def draft_urls() -> list[URLPattern]:
    """Return the addresses of a survey's draft; ``SurveyAdmin`` puts them under its own."""
    return [
        guarded_path("<int:survey_id>/draft/", draft_view, EDIT, "feedback_survey_draft"),
        guarded_path("<int:survey_id>/draft/new/", start_view, EDIT, "feedback_survey_start"),
        guarded_path(
            "<int:survey_id>/draft/preview/",
            preview_view,
            "feedback.view_survey",
            "feedback_survey_preview",
        ),
        guarded_path(
            "<int:survey_id>/draft/publish/", publish_view, EDIT, "feedback_survey_publish"
        ),
        guarded_path(
            "<int:survey_id>/draft/discard/", discard_view, EDIT, "feedback_survey_discard"
        ),
    ]
