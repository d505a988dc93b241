"""What becomes of messages after they are handed over: bounces, complaints, arrivals.

Each report is written down once (``MailEvent``) and has its effect in the same transaction.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from portal.core.logs import without_addresses

from .models import Delivery, MailEvent, Subscriber, Suppression
from .references import deliveries_named
from .relay import Answer
from .services import record_consent
from .streams import Stream, get_stream
from .suppressions import suppress

logger = logging.getLogger(__name__)

Kind = MailEvent.Kind
State = Delivery.State
Reason = Delivery.Reason

# Mail that came back "for now" on so many days within so long: nobody is written to for a while.
SOFT_BOUNCE_DAYS = 3
SOFT_BOUNCE_PERIOD = timedelta(days=30)
UNREACHABLE_FOR = timedelta(days=90)

COMPLAINT_WORDING = "Reported one of the e-mails as spam; the mail provider passed the report on"

# Postmark's words for what it calls a bounce. Left out, because they say nothing final about the
# message: replies of robots (AutoResponder, AddressChange, ChallengeVerification), and what is
# tried again (Transient, DnsError).
_POSTMARK_BOUNCES = {
    "HardBounce": Kind.BOUNCED,
    "BadEmailAddress": Kind.BOUNCED,
    "SoftBounce": Kind.SOFT_BOUNCED,
    "Unknown": Kind.SOFT_BOUNCED,
    # A filter's verdict more often than the recipient's.
    "SpamNotification": Kind.SOFT_BOUNCED,
    "SpamComplaint": Kind.COMPLAINED,
    # About us or the content, not about the mailbox.
    "Blocked": Kind.NOT_DELIVERED,
    "DMARCPolicy": Kind.NOT_DELIVERED,
    "VirusNotification": Kind.NOT_DELIVERED,
    "ManuallyDeactivated": Kind.NOT_DELIVERED,
    "Unconfirmed": Kind.NOT_DELIVERED,
    "SMTPApiError": Kind.NOT_DELIVERED,
}


def record_refusal(delivery: Delivery, answer: Answer, *, stream: Stream) -> None:
    """Write down that ``delivery`` was refused for good while it was being handed over."""
    is_provider = settings.MAIL_PROVIDER != "smtp"
    kind = Kind.SOFT_BOUNCED if answer.is_soft_bounce else Kind.BOUNCED
    MailEvent.objects.create(
        delivery=delivery,
        kind=kind,
        source=MailEvent.Source.PROVIDER if is_provider else MailEvent.Source.SMTP,
        detail=diagnostic(f"{answer.code or ''} {answer.detail}", delivery.address),
    )
    if stream.needs_consent and (answer.is_hard_bounce or answer.is_soft_bounce):
        _note_bounce(delivery, kind)


@transaction.atomic
def record_provider_report(sender: Any, event: Any, **kwargs: Any) -> None:
    """Take a report of the provider (anymail's ``tracking`` signal); told twice, it counts once.

    One that names no delivery of ours is left out: the provider may send others' mail, too.
    """
    report: Mapping[str, Any] = event.esp_event
    kind = _kind_of(report)
    if kind is None:
        return
    delivery = _delivery_of(event)
    if delivery is None:
        logger.info("A report of the mail provider (%s) names no delivery of ours", kind)
        return
    # Reports of arrivals have no number of their own; a message arrives once.
    number = report.get("ID") or event.message_id
    _event, is_new = MailEvent.objects.get_or_create(
        source=MailEvent.Source.PROVIDER,
        source_id=f"{report['RecordType']}:{number}"[:200],
        defaults={
            "delivery": delivery,
            "kind": kind,
            "detail": diagnostic(event.mta_response or event.description, delivery.address),
            "occurred_at": _moment(event.timestamp),
        },
    )
    if not is_new:
        return
    _settle(delivery, kind, provider_id=str(event.message_id or "")[:100])
    if kind == Kind.COMPLAINED:
        _withdraw_everything(delivery)
    elif kind in (Kind.BOUNCED, Kind.SOFT_BOUNCED) and _needs_consent(delivery):
        _note_bounce(delivery, kind)


def _kind_of(report: Mapping[str, Any]) -> MailEvent.Kind | None:
    record, bounce = report.get("RecordType"), report.get("Type")
    if record == "Delivery":
        return Kind.DELIVERED
    if record == "SpamComplaint":
        return Kind.COMPLAINED
    if record == "Bounce" and isinstance(bounce, str):
        return _POSTMARK_BOUNCES.get(bounce)
    return None


def _delivery_of(event: Any) -> Delivery | None:
    """Return the delivery, locked: by our own reference, else by the provider's id."""
    deliveries = Delivery.objects.select_related("subscriber", "mailing").defer(
        "mailing__html", "mailing__text"
    )
    deliveries = deliveries.select_for_update(of=("self",))
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    named = deliveries_named([str(metadata.get("delivery", ""))])
    if named:
        return deliveries.filter(pk__in=named.values()).first()
    if not event.message_id:
        return None
    return deliveries.filter(provider_id=str(event.message_id)).exclude(provider_id="").first()


def _moment(timestamp: datetime | None) -> datetime:
    if timestamp is None or timezone.is_naive(timestamp):
        return timezone.now()
    return timestamp


def _settle(delivery: Delivery, kind: str, *, provider_id: str) -> None:
    """Set the delivery's state to what the report says, wherever it stood.

    Also of a row that is to be tried again: the provider has it after all, so it must not be.
    """
    begun = Delivery.objects.filter(pk=delivery.pk, attempts__gt=0)
    if provider_id:
        begun.filter(provider_id="").update(provider_id=provider_id)
    # What we believed without knowing.
    doubtful = Q(state__in=[*Delivery.OPEN, State.UNKNOWN]) | Q(
        state=State.FAILED, reason__in=[Reason.NOT_DELIVERED, Reason.TOO_LATE]
    )
    if kind in (Kind.BOUNCED, Kind.NOT_DELIVERED):
        rows = begun.filter(doubtful | Q(state=State.SENT))
        state = State.FAILED
        reason = str(Reason.BOUNCED if kind == Kind.BOUNCED else Reason.NOT_DELIVERED)
    else:
        # It was handed over, which is what "sent" says, even if it came back for now.
        rows, state, reason = begun.filter(doubtful), State.SENT, ""
    rows.update(
        state=state,
        reason=reason,
        resolution=Delivery.Resolution.PROVIDER,
        finished_at=timezone.now(),
    )


def _note_bounce(delivery: Delivery, kind: str) -> None:
    """Suppress an address whose mailbox is gone, or that cannot be reached again and again."""
    if kind == Kind.BOUNCED:
        suppress(address=delivery.address, reason=Suppression.Reason.BOUNCE)
        return
    now = timezone.now()
    soft_bounces = MailEvent.objects.filter(
        kind=Kind.SOFT_BOUNCED,
        occurred_at__gt=now - SOFT_BOUNCE_PERIOD,
        delivery__subscriber=delivery.subscriber_id,
        delivery__address=delivery.address,
    )
    if soft_bounces.datetimes("occurred_at", "day").count() >= SOFT_BOUNCE_DAYS:
        suppress(
            address=delivery.address,
            reason=Suppression.Reason.UNREACHABLE,
            expires_at=now + UNREACHABLE_FOR,
        )


def _needs_consent(delivery: Delivery) -> bool:
    """Whether it is subscribed mail; what a stream was that is no longer there counts as such."""
    try:
        return get_stream(delivery.mailing.stream).needs_consent
    except LookupError:
        return True


def _withdraw_everything(delivery: Delivery) -> None:
    """Take a complaint for what it says: no more subscribed mail of any kind."""
    suppress(address=delivery.address, reason=Suppression.Reason.COMPLAINT)
    subscriber: Subscriber = delivery.subscriber
    streams = subscriber.consents.order_by("stream").values_list("stream", flat=True).distinct()
    for stream in streams:
        record_consent(
            subscriber=subscriber, stream=stream, is_granted=False, wording=COMPLAINT_WORDING
        )


def diagnostic(text: object, address: str) -> str:
    """Return what the other side said, on one line and without ``address`` or any other."""
    line = "".join(char if char.isprintable() else " " for char in str(text or ""))
    line = " ".join(line[:2000].split())
    for secret in (address, address.rpartition("@")[0]):
        line = without_addresses(line, also=secret)
    return line[:300]
