"""Who may be written to, and the outbox: one row for each message that is to go out.

The outbox knows no article. A higher room freezes a ``Mailing`` and names the recipients; from
then on PostgreSQL alone says what is to be sent, and Redis only carries "wake up".
"""

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.core.triggers import append_only

from .streams import language_choices, stream_choices

# Printable ASCII without spaces around one "@": no address can end a header line. Domains in
# other scripts are stored in their ASCII form (``addresses.py``).
ADDRESS_PATTERN = r"^[!-?A-~]+@[!-?A-~]+$"


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    def with_address(self, email: str) -> "SubscriberQuerySet":
        """Whatever the case of the address."""
        return self.alias(lowered=Lower("email")).filter(lowered=email.lower())

    def consenting_to(self, stream: str) -> "SubscriberQuerySet":
        """Confirmed subscribers whose latest word on ``stream`` is a consent."""
        latest = Consent.objects.latest_word(OuterRef("pk"), stream)
        return self.filter(confirmed_at__isnull=False).alias(word=latest).filter(word=True)


class Subscriber(models.Model):
    """An address that a person gave us, with or without an account."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.EmailField(_("e-mail address"), max_length=254)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="subscribers",
        verbose_name=_("account"),
    )
    language = models.CharField(
        _("language"), max_length=10, choices=language_choices, default=settings.LANGUAGE_CODE
    )
    time_zone = models.CharField(
        _("time zone"), max_length=50, blank=True, help_text=_("Empty: the site’s own.")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    confirmed_at = models.DateTimeField(_("address confirmed"), null=True, blank=True)

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("subscriber")
        verbose_name_plural = _("subscribers")
        constraints = [
            models.UniqueConstraint(Lower("email"), name="mail_subscriber_email_unique"),
            models.CheckConstraint(
                name="mail_subscriber_email_ascii", condition=Q(email__regex=ADDRESS_PATTERN)
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def consents_to(self, stream: str) -> bool:
        """Whether this subscriber may be sent ``stream`` as far as it is their own choice."""
        return Subscriber.objects.consenting_to(stream).filter(pk=self.pk).exists()


class ConsentQuerySet(models.QuerySet["Consent"]):
    def latest_word(self, subscriber: OuterRef, stream: str) -> Subquery:
        """For use in a query on subscribers or deliveries: the latest ``is_granted``, or NULL."""
        words = self.filter(subscriber=subscriber, stream=stream).order_by("-pk")
        return Subquery(words.values("is_granted")[:1])


class Consent(models.Model):
    """Evidence of one consent or withdrawal, word for word. Append-only, by the database."""

    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.PROTECT, related_name="consents", verbose_name=_("subscriber")
    )
    stream = models.CharField(_("stream"), max_length=50, choices=stream_choices)
    is_granted = models.BooleanField(_("granted"))
    wording = models.TextField(_("wording"), help_text=_("What the person agreed to or did."))
    wording_hash = models.CharField(_("SHA-256 of the wording"), max_length=64)
    recorded_at = models.DateTimeField(_("recorded at"), default=timezone.now)

    objects = ConsentQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        default_permissions = ("view",)
        indexes = [
            models.Index(
                fields=["subscriber", "stream", "-id"],
                include=["is_granted"],
                name="mail_consent_latest",
            )
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.get_stream_display()}: {self.word} ({self.recorded_at:%Y-%m-%d})"

    @property
    def word(self) -> str:
        """What the person said, as the desk puts it."""
        return str(_("Wanted") if self.is_granted else _("No longer wanted"))


class SuppressionQuerySet(models.QuerySet["Suppression"]):
    def active_at(self, moment: datetime) -> "SuppressionQuerySet":
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=moment))

    def of_address(self, address: str | OuterRef) -> "SuppressionQuerySet":
        """Whatever the case of the address."""
        value = Value(address) if isinstance(address, str) else address
        return self.alias(lowered=Lower("address")).filter(lowered=Lower(value))


class Suppression(models.Model):
    """An address that gets no subscribed mail, whoever holds it. Account mail is not affected."""

    class Reason(models.TextChoices):
        BOUNCE = "bounce", _("The mailbox does not exist")
        COMPLAINT = "complaint", _("The recipient complained of spam")
        REQUEST = "request", _("Asked not to be written to")

    address = models.EmailField(_("e-mail address"), max_length=254)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason.choices)
    created_at = models.DateTimeField(_("since"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("until"), null=True, blank=True)

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("suppressed address")
        verbose_name_plural = _("suppressed addresses")
        constraints = [
            models.UniqueConstraint(
                Lower("address"),
                name="mail_suppression_address_unique",
                violation_error_message=_("This address is suppressed already."),
            ),
            models.CheckConstraint(
                name="mail_suppression_reason",
                condition=Q(reason__in=["bounce", "complaint", "request"]),
            ),
        ]

    def __str__(self) -> str:
        return self.address


class Mailing(models.Model):
    """What is sent: content frozen when it was planned, for one or for many recipients.

    ``[[unsubscribe_url]]`` and the other names of the stream's links and texts stand for what
    differs between recipients, or must be true when it is sent. At all times,
    candidates = sent + failed + skipped + unknown + open.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    key = models.CharField(
        _("key"), max_length=100, unique=True, help_text=_("The same thing is never sent twice.")
    )
    stream = models.CharField(_("stream"), max_length=50, choices=stream_choices)
    language = models.CharField(_("language"), max_length=10, choices=language_choices)
    subject = models.CharField(_("subject"), max_length=300)
    html = models.TextField("HTML")
    text = models.TextField(_("plain text"))
    candidate_count = models.PositiveIntegerField(_("recipients"), default=0)
    excluded_count = models.PositiveIntegerField(
        _("left out"), default=0, help_text=_("Suppressed, or told of the same thing before.")
    )
    created_at = models.DateTimeField(_("planned at"), default=timezone.now, editable=False)
    deadline_at = models.DateTimeField(_("not after"))
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("mailing")
        verbose_name_plural = _("mailings")
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                name="mail_mailing_subject_one_line", condition=Q(subject__regex=r"^[^\r\n]+$")
            )
        ]

    def __str__(self) -> str:
        return self.subject


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due_at(self, moment: datetime) -> "DeliveryQuerySet":
        """What a worker may claim now, transactional mail first."""
        return self.filter(
            state__in=[Delivery.State.PENDING, Delivery.State.DEFERRED],
            next_attempt_at__lte=moment,
            mailing__paused_at=None,
            mailing__cancelled_at=None,
        ).order_by("priority", "next_attempt_at", "pk")

    def whose_mailing(self, **conditions: Any) -> "DeliveryQuerySet":
        """Filter by the mailing's fields, fit for UPDATE.

        By EXISTS and not by a join: with a join Django moves *all* conditions into a sub-query,
        and PostgreSQL does not check those again after it has waited for another worker's change.
        """
        mailings = Mailing.objects.filter(pk=OuterRef("mailing"), **conditions)
        return self.filter(Exists(mailings))

    def still_wanted(self, stream: str, moment: datetime) -> "DeliveryQuerySet":
        """Whose recipients consent to ``stream`` and whose addresses are not suppressed."""
        suppressions = Suppression.objects.active_at(moment).of_address(OuterRef("address"))
        return self.with_consent(stream).filter(~Exists(suppressions))

    def with_consent(self, stream: str) -> "DeliveryQuerySet":
        """Whose recipients consent to ``stream``."""
        consenting = Subscriber.objects.consenting_to(stream).filter(pk=OuterRef("subscriber"))
        return self.filter(Exists(consenting))


class Delivery(models.Model):
    """One message to one address, and where it stands."""

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting")
        CLAIMED = "claimed", _("Next to be sent")
        IN_FLIGHT = "in_flight", _("Being sent")
        DEFERRED = "deferred", _("To be tried again")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        SKIPPED = "skipped", _("No longer wanted")
        UNKNOWN = "unknown", _("Unknown: may have arrived")

    OPEN = (State.PENDING, State.CLAIMED, State.IN_FLIGHT, State.DEFERRED)
    FINAL = (State.SENT, State.FAILED, State.SKIPPED, State.UNKNOWN)

    class Reason(models.TextChoices):
        REFUSED = "refused", _("Refused by the mail server")
        TOO_LATE = "too_late", _("Not sent before its deadline")
        UNSENDABLE = "unsendable", _("The message could not be built")
        OPTED_OUT = "opted_out", _("Unsubscribed")
        SUPPRESSED = "suppressed", _("Address suppressed")
        CANCELLED = "cancelled", _("Mailing cancelled")

    mailing = models.ForeignKey(
        Mailing, on_delete=models.PROTECT, related_name="deliveries", verbose_name=_("mailing")
    )
    subscriber = models.ForeignKey(
        Subscriber,
        on_delete=models.PROTECT,
        related_name="deliveries",
        verbose_name=_("subscriber"),
    )
    address = models.EmailField(_("address"), max_length=254)
    priority = models.PositiveSmallIntegerField(_("priority"), default=1)
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.PENDING
    )
    reason = models.CharField(_("reason"), max_length=20, choices=Reason.choices, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), default=timezone.now)
    # The advisory lock that the worker which took the row holds while it lives.
    worker = models.BigIntegerField(_("worker"), null=True)
    smtp_code = models.PositiveSmallIntegerField(_("last SMTP code"), null=True)
    created_at = models.DateTimeField(_("planned at"), default=timezone.now)
    started_at = models.DateTimeField(_("last attempt"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["mailing", "subscriber"], name="mail_delivery_once_per_mailing"
            ),
            models.CheckConstraint(
                name="mail_delivery_address_ascii", condition=Q(address__regex=ADDRESS_PATTERN)
            ),
            models.CheckConstraint(
                name="mail_delivery_state",
                condition=Q(
                    state__in=["pending", "claimed", "in_flight", "deferred"],
                    finished_at__isnull=True,
                )
                | Q(state__in=["sent", "failed", "skipped", "unknown"], finished_at__isnull=False),
            ),
            models.CheckConstraint(
                name="mail_delivery_worker",
                condition=~Q(state__in=["claimed", "in_flight"]) | Q(worker__isnull=False),
            ),
            models.CheckConstraint(
                name="mail_delivery_started",
                condition=~Q(state__in=["in_flight", "sent", "unknown"])
                | Q(started_at__isnull=False, attempts__gt=0),
            ),
        ]
        indexes = [
            models.Index(
                fields=["priority", "next_attempt_at", "id"],
                name="mail_delivery_due",
                condition=Q(state__in=["pending", "deferred"]),
            ),
            models.Index(
                fields=["worker"],
                name="mail_delivery_taken",
                condition=Q(state__in=["claimed", "in_flight"]),
            ),
            models.Index(fields=["mailing", "state"], name="mail_delivery_progress"),
        ]

    def __str__(self) -> str:
        return f"{self.mailing_id}/{self.pk}: {self.get_state_display()}"


class MailedItem(models.Model):
    """That a subscriber is told of a thing once, whether at once or in a digest."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="+")
    item_key = models.CharField(_("item"), max_length=100)
    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="items")

    class Meta:
        verbose_name = _("mailed item")
        verbose_name_plural = _("mailed items")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["subscriber", "item_key"], name="mail_item_once_per_subscriber"
            )
        ]

    def __str__(self) -> str:
        return f"{self.item_key} → {self.subscriber_id}"
