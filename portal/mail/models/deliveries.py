"""The outbox: one row for each message that is to go out, and where it stands."""

from datetime import date, datetime
from typing import Any

import pgtrigger
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .counting import CountDeliveries
from .mailings import Mailing
from .subscribers import ADDRESS_PATTERN, Subscriber, Suppression


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due_at(self, moment: datetime) -> "DeliveryQuerySet":
        """What a worker may claim now, transactional mail first."""
        return self.filter(
            state__in=[Delivery.State.PENDING, Delivery.State.DEFERRED],
            next_attempt_at__lte=moment,
            mailing__approved_at__isnull=False,
            mailing__paused_at=None,
            mailing__cancelled_at=None,
        ).order_by("priority", "next_attempt_at", "pk")

    def whose_mailing(self, *where: Q, **conditions: Any) -> "DeliveryQuerySet":
        """Filter by the mailing's fields, fit for UPDATE.

        By EXISTS and not by a join: with a join Django moves *all* conditions into a sub-query,
        and PostgreSQL does not check those again after it has waited for another worker's change.
        """
        mailings = Mailing.objects.filter(*where, pk=OuterRef("mailing"), **conditions)
        return self.filter(Exists(mailings))

    def without_consent(self, stream: str) -> "DeliveryQuerySet":
        """Whose recipients do not, or no longer, consent to ``stream``."""
        consenting = Subscriber.objects.consenting_to(stream).filter(pk=OuterRef("subscriber"))
        return self.filter(~Exists(consenting))

    def to_suppressed_addresses(self, moment: datetime) -> "DeliveryQuerySet":
        suppressions = Suppression.objects.active_at(moment).of_address(OuterRef("address"))
        return self.filter(Exists(suppressions))

    def to_paused_subscribers(self, day: date) -> "DeliveryQuerySet":
        """Whose recipients want no updates on ``day``."""
        paused = Subscriber.objects.filter(pk=OuterRef("subscriber"), paused_until__gt=day)
        return self.filter(Exists(paused))


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
        PAUSED = "paused", _("Paused by the recipient")
        BOUNCED = "bounced", _("Came back")
        NOT_DELIVERED = "not_delivered", _("Did not arrive, as was found out later")

    class Resolution(models.TextChoices):
        PROVIDER = "provider", _("Report of the provider")
        RELAY_LOG = "relay_log", _("Log of the mail server")
        HAND = "hand", _("A person’s word")

    # Other indexes begin with these two; each costs every change of a row's state.
    mailing = models.ForeignKey(
        Mailing,
        on_delete=models.PROTECT,
        related_name="deliveries",
        db_index=False,
        verbose_name=_("mailing"),
    )
    subscriber = models.ForeignKey(
        Subscriber,
        on_delete=models.PROTECT,
        related_name="deliveries",
        db_index=False,
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
    # What a provider calls the message; its reports may name nothing else.
    provider_id = models.CharField(max_length=100, blank=True, editable=False)
    # How it became known what became of an unknown one.
    resolution = models.CharField(
        _("found out by"), max_length=10, choices=Resolution.choices, blank=True
    )
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
                # In this order it finds a subscriber's deliveries, too.
                fields=["subscriber", "mailing"],
                name="mail_delivery_once_per_mailing",
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
            # With the key: a worker's next row is found without reading all that it has claimed.
            models.Index(
                fields=["worker", "id"],
                name="mail_delivery_taken",
                condition=Q(state__in=["claimed", "in_flight"]),
            ),
            models.Index(fields=["mailing", "state"], name="mail_delivery_progress"),
            # How fast a mailing goes out of late.
            models.Index(
                fields=["mailing", "-finished_at"],
                name="mail_delivery_lately",
                condition=Q(state="sent"),
            ),
            models.Index(
                fields=["mailing"], name="mail_delivery_unknown", condition=Q(state="unknown")
            ),
            # Whether, and since when, nothing of a kind goes out.
            models.Index(
                fields=["priority", "finished_at"],
                name="mail_delivery_sent",
                condition=Q(state="sent"),
            ),
            models.Index(
                fields=["provider_id"],
                name="mail_delivery_provider",
                condition=~Q(provider_id=""),
            ),
        ]
        triggers = [
            CountDeliveries(pgtrigger.Insert, new="added"),
            CountDeliveries(pgtrigger.Update, old="before", new="after"),
            CountDeliveries(pgtrigger.Delete, old="gone"),
        ]

    def __str__(self) -> str:
        return f"{self.mailing_id}/{self.pk}: {self.get_state_display()}"
