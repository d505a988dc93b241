"""The survey about an article, for the readers whom the gate let in."""

from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from articles.addresses import led_on
from articles.models import Article
from articles.pages import objectives_of, published_article
from portal.attestation.cookie import read_cookie
from portal.attestation.kept import kept_fields
from portal.attestation.middleware import ask_at_the_gate
from portal.attestation.models import Reader
from portal.attestation.views import ask_and_keep
from portal.core.doors import takes_any_text, teaser, without_token
from portal.core.http import private

from .forms import Answers, SurveyForm, answered_items, as_id, is_version_of, typed_answers
from .impressions import Step, count_impression, countable_article, read_countable
from .models import (
    PublishedSurvey,
    Response,
    SurveyItem,
    current_survey_version,
    items_by_version,
    level_labels,
    load_survey_of,
)
from .readers import responding_reader
from .services import save_response


def at_the_gate(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Send whoever has not attested to the declaration, with what they typed."""
    return (ask_and_keep if request.method == "POST" else ask_at_the_gate)(request)


@private
@led_on
def refused(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Show answers again that came without a valid CSRF token: its cookie was lost or is another's.

    Nothing is saved: another site may have sent them.
    """
    request.attested_reader = read_cookie(request)  # type: ignore[attr-defined]
    if request.attested_reader is None or responding_reader(request) is None:  # type: ignore[attr-defined]
        return ask_and_keep(request)
    article = _article(slug)
    return _unsaved_page(request, article, request.POST, HTTPStatus.FORBIDDEN)


@takes_any_text
@without_token(refused)
@teaser(at_the_gate)
@private
@require_http_methods(["GET", "HEAD", "POST"])
@led_on
def respond(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Show the survey with the reader's earlier answers; keep what is sent, once."""
    article = _article(slug)
    reader_id = responding_reader(request)
    if reader_id is None:
        return at_the_gate(request, slug)
    if request.method == "POST":
        kept = kept_fields(request)
        if kept is not None:
            return _unsaved_page(request, article, kept, HTTPStatus.OK)
        return _save(request, article, reader_id)
    response = Response.objects.filter(reader=reader_id, article=article).first()
    form = _form(
        article,
        current_survey_version(article.pk),
        answers=_answers(response) if response else None,
    )
    if request.method == "GET" and not _is_staff(request):
        count_impression(request, article.pk, reader_id, Step.SHOWN)
    return _form_page(request, article, form, is_change=response is not None)


def _save(request: HttpRequest, article: Article, reader_id: UUID) -> HttpResponseBase:
    survey = current_survey_version(article.pk)
    if as_id(request.POST.get("survey_version")) != survey.version_id:
        # What this process remembers may be a moment old: let the database say which is newest.
        survey = load_survey_of(article.pk)
        items = answered_items(request.POST, survey)
        is_stale = bool(items) and items is not survey.items
        # In another article's form nothing has changed: it is the wrong one.
        if is_stale and _read_version(article, request.POST) is not None:
            form = _form(article, survey, typed_in=request.POST, items=items)
            return _form_page(request, article, form, is_stale=True, status=HTTPStatus.CONFLICT)
    form = SurveyForm(
        request.POST,
        survey=survey,
        article_id=article.pk,
        article_version_id=_version(article),
    )
    if not form.is_valid():
        form.objectives = objectives_of(form.shown_article_version())
        if form.has_started() and not _is_staff(request):
            count_impression(request, article.pk, reader_id, Step.STARTED)
        return _form_page(request, article, form, status=HTTPStatus.BAD_REQUEST)
    try:
        save_response(
            reader_id=reader_id,
            article=article,
            article_version_id=form.cleaned_data["article_version"],
            survey_version_id=survey.version_id,
            levels=form.levels(),
            comment=form.comment(),
        )
    except Reader.DoesNotExist:
        return ask_and_keep(request)
    if not _is_staff(request):
        count_impression(request, article.pk, reader_id, Step.SUBMITTED)
    return _see_other(reverse("feedback_thanks", args=[article.slug]))


@private
@require_safe
@led_on
def thanks(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a reader what was kept, and the way to change it."""
    article = _article(slug)
    reader_id = responding_reader(request)
    if reader_id is None:
        return _to_gate(slug)
    response = Response.objects.filter(reader=reader_id, article=article).first()
    if response is None:
        return redirect("respond", slug=slug)
    items = items_by_version([response.survey_version_id])[response.survey_version_id]
    version = items[0].version
    labels = level_labels(version.labels)
    answers = [
        (item.wording.text, labels[level])
        for item, level in zip(items, response.levels, strict=True)
    ]
    context = {
        "article": article,
        "answers": answers,
        "question": version.comment_question,
        "comment": response.comment,
    }
    return render(request, "feedback/thanks.html", context)


@private
@require_POST
def impression(request: HttpRequest) -> HttpResponse:
    """Count what the page's script saw: that the form came into view, or that it was begun.

    0 queries, whoever looks: a page that is made for staff, or a preview, has no article to name.
    """
    try:
        article_id = read_countable(request.POST.get("article", ""))
        step = {"shown": Step.SHOWN, "started": Step.STARTED}[request.POST.get("step", "")]
    except (signing.BadSignature, KeyError):
        return HttpResponse(status=HTTPStatus.BAD_REQUEST)
    reader_id: UUID = request.attested_reader.reader_id  # type: ignore[attr-defined]
    count_impression(request, article_id, reader_id, step)
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def _unsaved_page(
    request: HttpRequest, article: Article, typed_in: QueryDict, status: HTTPStatus
) -> HttpResponse:
    """Show what was typed in a form that could not be taken; one click saves it."""
    survey = load_survey_of(article.pk)
    items = answered_items(typed_in, survey)
    form = _form(article, survey, typed_in=typed_in, items=items)
    is_stale = items is not survey.items
    return _form_page(request, article, form, is_unsaved=True, is_stale=is_stale, status=status)


def _form(
    article: Article,
    survey: PublishedSurvey,
    *,
    answers: Answers | None = None,
    typed_in: QueryDict | None = None,
    items: Sequence[SurveyItem] = (),
) -> SurveyForm:
    """Return the form with earlier answers, or with those to ``items`` that were typed and sent."""
    version_id = _version(article)
    if typed_in is not None:
        answers = typed_answers(typed_in, items)
        version_id = _read_version(article, typed_in) or version_id
    return SurveyForm(
        survey=survey,
        article_id=article.pk,
        article_version_id=version_id,
        answers=answers,
        objectives=objectives_of(version_id),
    )


def _form_page(
    request: HttpRequest,
    article: Article,
    form: SurveyForm,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    **kind: bool,
) -> HttpResponse:
    """Show the form; ``kind``: ``is_change``, ``is_stale``, ``is_unsaved``."""
    context = {
        "article": article,
        "form": form,
        "countable": "" if _is_staff(request) else countable_article(article.pk),
        **kind,
    }
    return render(request, "feedback/respond.html", context, status=status)


def _is_staff(request: HttpRequest) -> bool:
    """Whether somebody of the staff looks, whose steps are not counted.

    Asks nothing more: where there is a session, ``responding_reader`` has looked at its user.
    """
    return settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_staff


def _article(slug: str) -> Article:
    """Return the published article (0 queries once remembered), or answer 404."""
    try:
        return published_article(slug)
    except Article.DoesNotExist as error:
        raise Http404 from error


def _version(article: Article) -> int:
    """Return the version that readers see; a published article has one, by constraint."""
    if article.published_version_id is None:
        raise ValueError(f"Article {article.pk} is published without a version")
    return article.published_version_id


def _read_version(article: Article, data: QueryDict) -> int | None:
    """Return the version that whoever sent ``data`` had read, if it is one of the article's."""
    read = as_id(data.get("article_version"))
    if read is not None and is_version_of(read, article.pk, newest=_version(article)):
        return read
    return None


def _answers(response: Response) -> Answers:
    """Return what ``response`` holds (1 query)."""
    items = items_by_version([response.survey_version_id])[response.survey_version_id]
    levels = {item.wording_id: level for item, level in zip(items, response.levels, strict=True)}
    return Answers(levels, response.comment)


def _to_gate(slug: str) -> HttpResponse:
    query = urlencode({"next": reverse("respond", args=[slug])})
    return _see_other(f"{reverse('gate')}?{query}")


def _see_other(address: str) -> HttpResponse:
    """Answer 303: the browser goes on with a GET, and "reload" sends nothing again."""
    response = redirect(address)
    response.status_code = HTTPStatus.SEE_OTHER
    return response
