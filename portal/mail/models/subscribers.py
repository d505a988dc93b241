"""Who may be written to: addresses, consents word for word, and addresses that get nothing."""

import uuid
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery, Value
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.core.triggers import append_only
from portal.mail.streams import language_choices, stream_choices

# Printable ASCII without spaces around one "@": no address can end a header line. Domains in
# other scripts are stored in their ASCII form (``portal.core.addresses``).
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
    paused_until = models.DateField(
        _("paused until"),
        null=True,
        blank=True,
        help_text=_("No updates before this day, in the subscriber’s own time zone."),
    )

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

    def local_date(self, moment: datetime) -> date:
        """Return the day that it is for the subscriber; the site's where the zone is unknown."""
        try:
            zone = ZoneInfo(self.time_zone or settings.TIME_ZONE)
        except (ZoneInfoNotFoundError, ValueError):
            zone = ZoneInfo(settings.TIME_ZONE)
        return moment.astimezone(zone).date()

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
        UNREACHABLE = "unreachable", _("Mail came back again and again")

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
                condition=Q(reason__in=["bounce", "complaint", "request", "unreachable"]),
            ),
        ]

    def __str__(self) -> str:
        return self.address
