"""How far a mailing is: the page, and the part of it that its script asks for again."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.core.desk_pages import guarded_path
from portal.mail.models import Mailing
from portal.mail.previews import is_previewed
from portal.mail.progress import progress_of

from .base import MANAGE, PREVIEW, SEE_ADDRESSES, mail_page, visible_mailings
from .figures import (
    BAR_LENGTH,
    MOST_READ,
    Standing,
    parts_of,
    reasons_of,
    standing_of,
    time_left_in_words,
)


def _context(request: HttpRequest, mailing: Mailing) -> dict[str, Any]:
    """Return what the page shows (2 queries, and 2 at most for the reasons)."""
    progress = progress_of([mailing.pk])[mailing.pk]
    standing = standing_of(mailing, progress)
    return {
        "mailing": mailing,
        "progress": progress,
        "standing": standing,
        "is_live": standing == Standing.RUNNING,
        "parts": parts_of(progress),
        "bar_length": BAR_LENGTH,
        "reasons": reasons_of(mailing, progress),
        "most_read": MOST_READ,
        "per_minute": round(progress.per_minute),
        "time_left": time_left_in_words(progress),
        "announcement": _in_one_sentence(standing, int(progress.percent)),
        "may_manage": request.user.has_perm(MANAGE),
        "may_see_addresses": request.user.has_perm(SEE_ADDRESSES),
    }


def _in_one_sentence(standing: Standing, percent: int) -> str:
    """Return what a screen reader says: not of every message, but of every tenth of them all."""
    if standing != Standing.RUNNING:
        return _("The mailing: %(state)s") % {"state": standing.label}
    return _("%(percent)d%% done or more") % {"percent": percent // 10 * 10}


def progress_page(request: HttpRequest, mailing: Mailing) -> HttpResponse:
    """Show ``mailing``: state, numbers, buttons."""
    return mail_page(
        request,
        "mailing/progress.html",
        title=mailing.subject,
        is_previewed=is_previewed(mailing),
        original=mailing,
        **_context(request, mailing),
    )


@never_cache
@require_safe
def fragment_view(request: HttpRequest, mailing_id: int) -> HttpResponse:
    """Answer with the part of the page that changes, for its script."""
    mailing = get_object_or_404(visible_mailings(request), pk=mailing_id)
    return render(request, "admin/mail/mailing/_progress.html", _context(request, mailing))


def progress_urls() -> list[URLPattern]:
    return [
        guarded_path("<int:mailing_id>/progress/", fragment_view, PREVIEW, "mail_mailing_progress")
    ]
