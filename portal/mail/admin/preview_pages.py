"""A mail before it is sent: HTML in a frame of its own, text, phone width; a test to oneself."""

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace, csp_update
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from portal.core.desk_pages import SeeOther, guarded_path
from portal.mail.previews import MOST_BYTES, Preview, find_preview, preview_url
from portal.mail.trial import TrialRefusedError, send_trial

from .base import PREVIEW, mail_page


def _preview_or_404(request: HttpRequest, source: str, pk: int) -> Preview:
    preview = find_preview(request, source, pk)
    if preview is None:
        raise Http404
    return preview


# The page itself stays as strict as all others; it may only hold the frames.
@never_cache
@require_safe
@csp_update({"frame-src": [SELF]})  # type: ignore[arg-type] # views may have arguments
def preview_view(request: HttpRequest, source: str, pk: int) -> HttpResponse:
    """Show the mail beside its text part, wide and as on a phone."""
    preview = _preview_or_404(request, source, pk)
    return mail_page(
        request,
        "mailing/preview.html",
        title=_("Preview: %(subject)s") % {"subject": preview.subject},
        preview=preview,
        source=source,
        pk=pk,
        kilobytes=preview.size / 1024,
        most_kilobytes=MOST_BYTES // 1024,
    )


# What the mail may do, whoever opens it: bring its own styles, and nothing else. "sandbox" holds
# even if somebody opens the address by itself.
@never_cache
@xframe_options_sameorigin
@require_safe
@csp_replace(  # type: ignore[arg-type] # views may have arguments
    {
        "default-src": [NONE],
        "script-src": [NONE],
        "style-src": [UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "form-action": [NONE],
        "frame-ancestors": [SELF],
        "base-uri": [NONE],
        "sandbox": True,
    }
)
def frame_view(request: HttpRequest, source: str, pk: int) -> HttpResponse:
    """Answer with the mail's HTML part alone."""
    preview = _preview_or_404(request, source, pk)
    response = HttpResponse(preview.filled_html())
    response["Content-Language"] = preview.language
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_POST
def trial_view(request: HttpRequest, source: str, pk: int) -> HttpResponseBase:
    """Send one test to the user's own address."""
    preview = _preview_or_404(request, source, pk)
    user = request.user
    try:
        send_trial(preview=preview, user=user)  # type: ignore[arg-type] # the door is closed
    except TrialRefusedError as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, _("One test is on its way to the address of your account."))
    return SeeOther(preview_url(source, pk))


def preview_urls() -> list[URLPattern]:
    route = "preview/<slug:source>/<int:pk>/"
    return [
        guarded_path(route, preview_view, PREVIEW, "mail_mailing_preview"),
        guarded_path(f"{route}frame/", frame_view, PREVIEW, "mail_mailing_frame"),
        guarded_path(f"{route}test/", trial_view, PREVIEW, "mail_mailing_trial"),
    ]
