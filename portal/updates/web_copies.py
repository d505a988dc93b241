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
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.html import escape, format_html
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from articles.models import Article
from portal.core.doors import public
from portal.funders.disclosure import current_funding_statement
from portal.mail.models import Mailing
from portal.mail.streams import get_stream

from .rendering import CLOSED, GAPS, TOLD

_GAP = re.compile(rf"\[\[({'|'.join(GAPS)})\]\]")
_web_copy = Signer(salt="portal.updates.web_copy", sep=".")


# No page of the site: the mail brings its own styles, and nothing else.
MAIL_POLICY = {name: [NONE] for name in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]} | {
    "style-src": [UNSAFE_INLINE]
}


def web_copy_url(mailing: Mailing) -> str:
    """Return the absolute link to the mail as a page; it does not expire."""
    token = _web_copy.sign(mailing.public_id.hex)
    return settings.SITE_URL + reverse("web_copy", args=[token])


@public
@never_cache
@require_safe
def web_copy(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show the mail; 410 once it was cancelled: what it tells was corrected or withdrawn."""
    mailing = _mailing_or_404(token)
    if mailing.cancelled_at is None:
        page = _page(mailing, has_attested=_has_attested(request))
        response: HttpResponseBase = csp_replace(MAIL_POLICY)(lambda _request: page)(request)
    else:
        response = render(request, "updates/web_copy_gone.html", status=HTTPStatus.GONE)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def _page(mailing: Mailing, *, has_attested: bool) -> HttpResponse:
    response = HttpResponse(_as_page(mailing, has_attested=has_attested))
    response["Content-Language"] = mailing.language
    return response


def _mailing_or_404(token: str) -> Mailing:
    try:
        public_id = _web_copy.unsign(token)
    except BadSignature:
        raise Http404 from None
    # A stream that is nobody's subscription holds what is meant for one person.
    mailing = Mailing.objects.filter(public_id=UUID(hex=public_id)).first()
    if mailing is None:
        raise Http404
    try:
        stream = get_stream(mailing.stream)
    except LookupError:
        # Of a stream that is there no more.
        raise Http404 from None
    if "view_url" not in stream.mailing_links:
        raise Http404
    return mailing


def _has_attested(request: HttpRequest) -> bool:
    return getattr(request, "attested_reader", None) is not None


def _as_page(mailing: Mailing, *, has_attested: bool) -> str:
    html = mailing.html if has_attested else CLOSED.sub("", mailing.html)
    with translation.override(mailing.language):
        funding = str(current_funding_statement())
        html = _without_withdrawn(html)
    subscribing = settings.SITE_URL + reverse("subscribe")
    fillings = {
        "funding": funding,
        "preferences_url": subscribing,
        "unsubscribe_url": subscribing,
        "view_url": web_copy_url(mailing),
    }
    return _GAP.sub(lambda gap: escape(fillings[gap[1]]), html)


def _without_withdrawn(html: str) -> str:
    """Say of an article in a digest that it is withdrawn, in place of what was told of it.

    1 query for a digest, none for others.
    """
    keys = {int(key) for key in TOLD.findall(html)}
    if not keys:
        return html
    withdrawn = dict(
        Article.objects.filter(pk__in=keys, withdrawn_at__isnull=False).values_list(
            "pk", "withdrawn_at"
        )
    )

    def told(block: re.Match[str]) -> str:
        at = withdrawn.get(int(block[1]))
        if at is None:
            return block[0]
        day = date_format(timezone.localtime(at), "DATE_FORMAT")
        words = _("This article was withdrawn on %(day)s. Please do not rely on it.")
        return format_html("<p><strong>{}</strong></p>", words % {"day": day})

    return TOLD.sub(told, html)
