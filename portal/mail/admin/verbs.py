"""The buttons of a mailing: approve, pause, resume, cancel. Each is in the log of its changes."""

from collections.abc import Callable
from typing import cast

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.models import User
from portal.core.desk_pages import SeeOther, guarded_path
from portal.mail.control import approve_mailing, cancel_mailing, pause_mailing, resume_mailing
from portal.mail.models import Mailing
from portal.mail.progress import progress_of

from .base import MANAGE, mail_page, visible_mailings


def page_of(mailing: Mailing) -> str:
    return reverse("admin:mail_mailing_change", args=[mailing.pk])


def log(request: HttpRequest, mailing: Mailing, message: str) -> None:
    """Write ``message`` into the history of ``mailing``."""
    LogEntry.objects.log_actions(
        user_id=cast("User", request.user).pk,
        queryset=[mailing],
        action_flag=CHANGE,
        change_message=message,
        single_object=True,
    )


@transaction.atomic
def _do(
    request: HttpRequest,
    mailing_id: int,
    verb: Callable[[Mailing], bool],
    done: str,
    not_done: str,
) -> HttpResponseBase:
    mailing = get_object_or_404(visible_mailings(request), pk=mailing_id)
    if verb(mailing):
        log(request, mailing, done)
        messages.success(request, done)
    else:
        messages.warning(request, not_done)
    return SeeOther(page_of(mailing))


@require_POST
def approve_view(request: HttpRequest, mailing_id: int) -> HttpResponseBase:
    return _do(
        request,
        mailing_id,
        lambda mailing: approve_mailing(mailing, user=cast("User", request.user)),
        _("Approved: it is being sent."),
        _("Nothing was done: it is not waiting for approval any more."),
    )


@require_POST
def pause_view(request: HttpRequest, mailing_id: int) -> HttpResponseBase:
    return _do(
        request,
        mailing_id,
        pause_mailing,
        _("Paused: no further message is begun."),
        _("Nothing was done: it is paused or cancelled already."),
    )


@require_POST
def resume_view(request: HttpRequest, mailing_id: int) -> HttpResponseBase:
    return _do(
        request,
        mailing_id,
        resume_mailing,
        _("Resumed: what is open is being sent. Nobody gets it twice."),
        _("Nothing was done: it is not paused."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def cancel_view(request: HttpRequest, mailing_id: int) -> HttpResponseBase:
    """Say what cancelling means; POST does it."""
    if request.method == "POST":
        return _do(
            request,
            mailing_id,
            cancel_mailing,
            _("Cancelled: what is open will not be sent."),
            _("Nothing was done: it is cancelled already."),
        )
    mailing = get_object_or_404(visible_mailings(request), pk=mailing_id)
    return mail_page(
        request,
        "mailing/cancel.html",
        title=_("Cancel: %(subject)s") % {"subject": mailing.subject},
        mailing=mailing,
        progress=progress_of([mailing.pk])[mailing.pk],
    )


def verb_urls() -> list[URLPattern]:
    views = {
        "approve": approve_view,
        "pause": pause_view,
        "resume": resume_view,
        "cancel": cancel_view,
    }
    return [
        guarded_path(f"<int:mailing_id>/{verb}/", view, MANAGE, f"mail_mailing_{verb}")
        for verb, view in views.items()
    ]
