"""A mail as a page, "view in browser": the same for everybody who got it, and nobody's own links.

Its link is signed and per mailing, so it says nothing of who opens it. The door is public; what the
mail tells of an article's body is left out for whoever has not attested.
"""

import re
from http import HTTPStatus
from uuid import UUID

from csp.constants import NONE, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.html import escape
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.core.doors import public
from portal.funders.disclosure import current_funding_statement
from portal.mail.models import Mailing
from portal.mail.streams import get_stream

from .rendering import CLOSED, GAPS

_GAP = re.compile(rf"\[\[({'|'.join(GAPS)})\]\]")
_web_copy = Signer(salt="portal.updates.web_copy", sep=".")


def web_copy_url(mailing: Mailing) -> str:
    """Return the absolute link to the mail as a page; it does not expire."""
    token = _web_copy.sign(mailing.public_id.hex)
    return settings.SITE_URL + reverse("web_copy", args=[token])


@public
@never_cache
@require_safe
def web_copy(request: HttpRequest, token: str) -> HttpResponse:
    """Show the mail; 410 once it was cancelled: what it tells was corrected or withdrawn."""
    mailing = _mailing_or_404(token)
    if mailing.cancelled_at is None:
        response = _show(request, mailing)
    else:
        response = render(request, "updates/web_copy_gone.html", status=HTTPStatus.GONE)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


# No page of the site: the mail brings its own styles, and nothing else.
@csp_replace(
    {name: [NONE] for name in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]}
    | {"style-src": [UNSAFE_INLINE]}
)
def _show(request: HttpRequest, mailing: Mailing) -> HttpResponse:
    response = HttpResponse(_as_page(mailing, has_attested=_has_attested(request)))
    response["Content-Language"] = mailing.language
    return response


def _mailing_or_404(token: str) -> Mailing:
    try:
        public_id = _web_copy.unsign(token)
    except BadSignature:
        raise Http404 from None
    # A stream that is nobody's subscription holds what is meant for one person.
    mailing = Mailing.objects.filter(public_id=UUID(hex=public_id)).first()
    if mailing is None or "view_url" not in get_stream(mailing.stream).mailing_links:
        raise Http404
    return mailing


def _has_attested(request: HttpRequest) -> bool:
    return getattr(request, "attested_reader", None) is not None


def _as_page(mailing: Mailing, *, has_attested: bool) -> str:
    html = mailing.html if has_attested else CLOSED.sub("", mailing.html)
    with translation.override(mailing.language):
        funding = str(current_funding_statement())
    subscribing = settings.SITE_URL + reverse("subscribe")
    fillings = {
        "funding": funding,
        "preferences_url": subscribing,
        "unsubscribe_url": subscribing,
        "view_url": web_copy_url(mailing),
    }
    return _GAP.sub(lambda gap: escape(fillings[gap[1]]), html)
