"""The desk's start page: a warning while mail does not go out."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from .metrics import ALARM_AGE, is_late
from .models import Sending


def mail_that_waits(request: HttpRequest) -> dict[str, Any] | None:
    """Say that all mail is paused, or that it is late; nothing otherwise (2 queries)."""
    if not request.user.has_perm("mail.manage_mailings"):
        return None
    items = []
    pause = Sending.objects.filter(paused_at__isnull=False).first()
    if pause is not None and pause.paused_at is not None:
        since = formats.date_format(timezone.localtime(pause.paused_at), "j F Y, H:i")
        items.append(
            {
                "label": _("No e-mail is sent: %(reason)s") % {"reason": pause},
                "url": reverse("admin:mail_mailing_changelist"),
                "note": _("since %(moment)s; an operator lets it go on") % {"moment": since},
            }
        )
    elif is_late():
        items.append(
            {
                "label": _("E-mail has been waiting for more than %(minutes)d minutes")
                % {"minutes": ALARM_AGE.total_seconds() // 60},
                "url": reverse("admin:mail_mailing_changelist"),
                "note": _(
                    "tell an operator: no worker runs, or the mail server is away or puts off "
                    "what it is given"
                ),
            }
        )
    return {"title": _("E-mail"), "items": items, "empty": ""} if items else None
