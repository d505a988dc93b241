"""The page on which a person declares, opened by the link in a mail."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal.core.token_pages import token_page

from .declarations import MAX_RELATIONSHIPS, first_day_that_counts
from .forms import Declaration
from .models import Disclosure, DisclosureRequest
from .requests import LinkExpiredError, read_token, record_disclosure


@token_page
def disclose(request: HttpRequest, token: str) -> HttpResponse:
    """Show the form; POST records a declaration, once (GET: 2 queries).

    Sending the form again shows what was recorded. A used or expired link is gone (410), a guessed
    one unknown (404).
    """
    link = read_token(token)
    is_sent = request.method == "POST"
    if link is None:
        return _closed(request, None, HTTPStatus.NOT_FOUND)
    if link.disclosure and is_sent:
        return _thanks(request, link.disclosure)
    if link.disclosure or link.has_expired:
        return _closed(request, link, HTTPStatus.GONE)
    if is_sent:
        return _receive(request, link)
    return _form(request, link, Declaration())


def _receive(request: HttpRequest, link: DisclosureRequest) -> HttpResponse:
    if "add" in request.POST or "remove" in request.POST:
        return _form(request, link, Declaration.with_changed_rows(request.POST))
    declaration = Declaration(request.POST)
    if not declaration.is_valid():
        return _form(request, link, declaration, HTTPStatus.BAD_REQUEST)
    try:
        recorded = record_disclosure(request=link, relationships=declaration.relationships)
    except LinkExpiredError:
        return _closed(request, link, HTTPStatus.GONE)
    return _thanks(request, recorded)


def _form(
    request: HttpRequest,
    link: DisclosureRequest,
    declaration: Declaration,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        "link": link,
        "person": link.person,
        "declaration": declaration,
        "problems": list(declaration.problems()),
        "first_day": first_day_that_counts(timezone.localdate()),
        "may_add_rows": len(declaration.rows.forms) < MAX_RELATIONSHIPS,
    }
    return render(request, "people/disclose.html", context, status=status)


def _thanks(request: HttpRequest, disclosure: Disclosure) -> HttpResponse:
    return render(request, "people/thanks.html", {"disclosure": disclosure})


def _closed(
    request: HttpRequest, link: DisclosureRequest | None, status: HTTPStatus
) -> HttpResponse:
    return render(request, "people/closed.html", {"link": link}, status=status)
