"""A mailing in words and numbers, as the desk shows it."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Q, TextChoices
from django.utils import timezone
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from portal.mail.models import Delivery, Mailing
from portal.mail.progress import Progress

# Reasons are counted among so many rows of a state, so that a page never reads a million.
MOST_READ = 10_000
BAR_LENGTH = 1000


class Standing(TextChoices):
    """Where a mailing stands: one word of it."""

    WAITING = "waiting", gettext_lazy("Waiting for approval")
    RUNNING = "running", gettext_lazy("Running")
    PAUSED = "paused", gettext_lazy("Paused")
    CANCELLED = "cancelled", gettext_lazy("Cancelled")
    DONE = "done", pgettext_lazy("mailing", "Done")


def standing_of(mailing: Mailing, progress: Progress) -> Standing:
    """Return where ``mailing`` stands (no query)."""
    if mailing.cancelled_at is not None:
        return Standing.CANCELLED
    if not progress.open:
        return Standing.DONE
    if mailing.approved_at is None:
        return Standing.WAITING
    return Standing.RUNNING if mailing.paused_at is None else Standing.PAUSED


@dataclass(frozen=True, slots=True)
class Part:
    """Deliveries of one outcome, and their piece of the bar (units of ``BAR_LENGTH``)."""

    key: str
    label: str
    explanation: str
    count: int
    percent: float
    x: float
    width: float


def parts_of(progress: Progress) -> list[Part]:
    """Return the five outcomes in the bar's order: together they are all recipients."""
    outcomes = [
        ("sent", _("Sent"), _("The recipient’s mail server or our provider has taken it.")),
        (
            "failed",
            _("Failed"),
            _(
                "Refused for good, came back, did not arrive, could not be built, or was not sent "
                "in time."
            ),
        ),
        (
            "skipped",
            _("No longer wanted"),
            _("Left out: unsubscribed, paused by the recipient, suppressed or cancelled."),
        ),
        ("unknown", _("Unknown"), _("May have arrived. Never sent again by itself.")),
        ("open", _("Open"), _("Still to be sent.")),
    ]
    parts, x = [], 0.0
    for key, label, explanation in outcomes:
        count = getattr(progress, key)
        share = count / progress.candidates if progress.candidates else 0.0
        parts.append(Part(key, label, explanation, count, 100 * share, x, BAR_LENGTH * share))
        x += BAR_LENGTH * share
    return parts


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why deliveries of one state ended so, the most frequent reason first.

    ``is_sample``: only the first ``MOST_READ`` were counted.
    """

    state: str
    label: str
    counts: list[tuple[str, str, int]]
    is_sample: bool


def reasons_of(mailing: Mailing, progress: Progress) -> list[Reasons]:
    """Return the reasons of what failed and what was skipped (a query for each that there is)."""
    found = []
    for state, n in (("failed", progress.failed), ("skipped", progress.skipped)):
        if not n:
            continue
        rows = Delivery.objects.filter(mailing=mailing, state=state).order_by()[:MOST_READ]
        counts = rows.aggregate(
            **{
                reason.name: Count("pk", filter=Q(reason=reason.value))
                for reason in Delivery.Reason
            }
        )
        listed = [
            (reason.value, str(reason.label), counts[reason.name])
            for reason in Delivery.Reason
            if counts[reason.name]
        ]
        listed.sort(key=lambda row: -row[2])
        label = str(Delivery.State(state).label)
        found.append(Reasons(state, label, listed, n > MOST_READ))
    return found


def time_left_in_words(progress: Progress) -> str:
    """Return how long it will take at the rate of the last minutes; empty where nobody knows."""
    left = progress.time_left
    if left is None or not progress.open:
        return ""
    if left < timedelta(minutes=1):
        return _("less than a minute")
    if left > timedelta(days=30):
        return _("more than a month")
    now = timezone.now()
    return timeuntil(now + left, now)
