"""What will go out when."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.core.desk_pages import guarded_path
from portal.mail.models import Delivery, Mailing
from portal.mail.progress import Progress, progress_of
from portal.mail.streams import subscribed_streams
from portal.mail.upcoming import upcoming_tables

from .base import PREVIEW, mail_page
from .figures import Standing, standing_of, time_left_in_words

# There are never that many; should there be, the list of mailings has them all.
MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Row:
    """A mailing that is not over."""

    mailing: Mailing
    progress: Progress
    time_left: str


@require_safe
def upcoming_view(request: HttpRequest) -> HttpResponse:
    """List what is planned by state, then what the higher rooms are going to plan.

    3 queries for the mailings, however many, and those of the other rooms.
    """
    still_open = Delivery.objects.filter(mailing=OuterRef("pk"), state__in=Delivery.OPEN)
    mailings = list(
        Mailing.objects.filter(
            Exists(still_open), stream__in=subscribed_streams(), cancelled_at=None
        ).defer("html", "text")[:MOST_SHOWN]
    )
    progress = progress_of([mailing.pk for mailing in mailings])
    rows = [
        (
            standing_of(mailing, progress[mailing.pk]),
            Row(mailing, progress[mailing.pk], time_left_in_words(progress[mailing.pk])),
        )
        for mailing in mailings
    ]
    empty = {
        Standing.WAITING: _("No mailing waits for approval."),
        Standing.RUNNING: _("Nothing is being sent."),
        Standing.PAUSED: _("No mailing is paused."),
    }
    groups = [
        (standing, [row for own, row in rows if own == standing], text)
        for standing, text in empty.items()
    ]
    return mail_page(
        request,
        "mailing/upcoming.html",
        title=_("Upcoming e-mails"),
        groups=groups,
        tables=upcoming_tables(request),
    )


def upcoming_urls() -> list[URLPattern]:
    return [guarded_path("upcoming/", upcoming_view, PREVIEW, "mail_mailing_upcoming")]
