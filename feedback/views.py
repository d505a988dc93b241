"""The survey about an article, for the readers whom the gate let in."""

from http import HTTPStatus
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from articles.addresses import led_on
from articles.models import Article
from portal.attestation.models import Reader
from portal.core.http import private

from .forms import SurveyForm, other_version, posted_answers
from .models import (
    Level,
    Response,
    current_survey_version,
    items_by_version,
    load_survey_version,
)
from .readers import responding_reader
from .services import save_response


@private
@require_http_methods(["GET", "HEAD", "POST"])
@led_on
def respond(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the survey with the reader's earlier answers; keep what is sent, once."""
    article = get_object_or_404(Article.objects.published(), slug=slug)
    reader_id = responding_reader(request)
    if reader_id is None:
        return _to_gate(slug)
    if request.method == "POST":
        return _save(request, article, reader_id)
    response = Response.objects.filter(reader=reader_id, article=article).first()
    form = SurveyForm(
        survey=current_survey_version(),
        article_id=article.pk,
        article_version_id=_version(article),
        answers=_answers(response) if response else None,
    )
    return _form_page(request, article, form, is_change=response is not None)


def _save(request: HttpRequest, article: Article, reader_id: UUID) -> HttpResponse:
    survey = current_survey_version()
    if request.POST.get("survey_version") != str(survey.version_id):
        # What this process remembers may be a moment old: let the database say which is newest.
        survey = load_survey_version()
        answered = other_version(request.POST, survey)
        if answered is not None:
            form = SurveyForm(
                survey=survey,
                article_id=article.pk,
                article_version_id=_version(article),
                answers=posted_answers(request.POST, answered),
            )
            return _form_page(request, article, form, is_stale=True, status=HTTPStatus.CONFLICT)
    form = SurveyForm(
        request.POST,
        survey=survey,
        article_id=article.pk,
        article_version_id=_version(article),
    )
    if not form.is_valid():
        return _form_page(request, article, form, status=HTTPStatus.BAD_REQUEST)
    try:
        save_response(
            reader_id=reader_id,
            article=article,
            article_version_id=form.cleaned_data["article_version"],
            survey_version_id=survey.version_id,
            levels=form.levels(),
        )
    except Reader.DoesNotExist:
        return _to_gate(article.slug)
    return _see_other(reverse("feedback_thanks", args=[article.slug]))


@private
@require_safe
@led_on
def thanks(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a reader what was kept, and the way to change it."""
    article = get_object_or_404(Article.objects.published(), slug=slug)
    reader_id = responding_reader(request)
    if reader_id is None:
        return _to_gate(slug)
    response = Response.objects.filter(reader=reader_id, article=article).first()
    if response is None:
        return redirect("respond", slug=slug)
    items = items_by_version([response.survey_version_id])[response.survey_version_id]
    answers = [
        (item.wording.text, Level(level).label)
        for item, level in zip(items, response.levels, strict=True)
    ]
    return render(request, "feedback/thanks.html", {"article": article, "answers": answers})


def _form_page(
    request: HttpRequest,
    article: Article,
    form: SurveyForm,
    *,
    is_change: bool = False,
    is_stale: bool = False,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    context = {"article": article, "form": form, "is_change": is_change, "is_stale": is_stale}
    return render(request, "feedback/respond.html", context, status=status)


def _version(article: Article) -> int:
    """Return the version that readers see; a published article has one, by constraint."""
    if article.published_version_id is None:
        raise ValueError(f"Article {article.pk} is published without a version")
    return article.published_version_id


def _answers(response: Response) -> dict[int, int]:
    """Return the levels of ``response`` per wording (1 query)."""
    items = items_by_version([response.survey_version_id])[response.survey_version_id]
    return {item.wording_id: level for item, level in zip(items, response.levels, strict=True)}


def _to_gate(slug: str) -> HttpResponse:
    query = urlencode({"next": reverse("respond", args=[slug])})
    return _see_other(f"{reverse('gate')}?{query}")


def _see_other(address: str) -> HttpResponse:
    """Answer 303: the browser goes on with a GET, and "reload" sends nothing again."""
    response = redirect(address)
    response.status_code = HTTPStatus.SEE_OTHER
    return response
