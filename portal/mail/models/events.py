"""What became of a message after the mail server had taken it. Append-only, by the database."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.core.triggers import append_only

from .deliveries import Delivery


class MailEvent(models.Model):
    """One report about one delivery: by the mail server, the provider, a relay's log or a person.

    ``source_id``: what the source calls the report, so that one that is told twice counts once.
    ``detail``: the diagnostic of the other side, without any address in it.
    """

    class Kind(models.TextChoices):
        DELIVERED = "delivered", _("Arrived")
        BOUNCED = "bounced", _("Returned for good")
        SOFT_BOUNCED = "soft_bounced", _("Returned for now")
        COMPLAINED = "complained", _("Complaint of spam")
        NOT_DELIVERED = "not_delivered", _("Did not arrive")

    class Source(models.TextChoices):
        SMTP = "smtp", _("Mail server")
        PROVIDER = "provider", _("Provider")
        RELAY_LOG = "relay_log", _("Log of the mail server")
        HAND = "hand", _("A person")

    delivery = models.ForeignKey(
        Delivery, on_delete=models.PROTECT, related_name="events", verbose_name=_("delivery")
    )
    kind = models.CharField(_("what happened"), max_length=20, choices=Kind.choices)
    source = models.CharField(_("told by"), max_length=20, choices=Source.choices)
    source_id = models.CharField(max_length=200, null=True, blank=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    occurred_at = models.DateTimeField(_("when"), default=timezone.now)
    recorded_at = models.DateTimeField(_("recorded at"), default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("report about a message")
        verbose_name_plural = _("reports about messages")
        default_permissions = ("view",)
        constraints = [
            # NULLs are distinct: what has no name of its own is never the same twice.
            models.UniqueConstraint(fields=["source", "source_id"], name="mail_event_once"),
            models.CheckConstraint(
                name="mail_event_kind",
                condition=Q(
                    kind__in=[
                        "delivered",
                        "bounced",
                        "soft_bounced",
                        "complained",
                        "not_delivered",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="mail_event_source",
                condition=Q(source__in=["smtp", "provider", "relay_log", "hand"]),
            ),
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.delivery_id}: {self.get_kind_display()}"
