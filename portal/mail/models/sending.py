"""What all workers share: whether anything may be sent at all, how fast, and how much is done."""

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .mailings import Mailing


class Sending(models.Model):
    """One row: whether mail goes out at all, and from which database it last did.

    A database that does not know itself in ``database`` was restored, or copied: what it believes
    unsent may have been sent. Then nothing goes out until a person says so. ``batches`` only grows;
    Redis remembers it under ``identity``, so a database that went back is behind (``sending.py``).
    """

    class PauseReason(models.TextChoices):
        RESTORED = "restored", _("The database was restored or copied")
        OPERATOR = "operator", _("Paused by an operator")

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    database = models.CharField(_("database"), max_length=200, blank=True)
    identity = models.UUIDField(default=uuid.uuid4, editable=False)
    batches = models.BigIntegerField(_("batches begun"), default=0)
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    pause_reason = models.CharField(
        _("reason"), max_length=20, choices=PauseReason.choices, blank=True
    )

    class Meta:
        verbose_name = _("state of sending")
        verbose_name_plural = _("states of sending")
        default_permissions = ()
        constraints = [
            models.CheckConstraint(name="mail_one_state_of_sending", condition=Q(id=1)),
            models.CheckConstraint(
                name="mail_sending_paused_for_a_reason",
                condition=Q(paused_at=None, pause_reason="")
                | Q(paused_at__isnull=False, pause_reason__in=["restored", "operator"]),
            ),
        ]

    def __str__(self) -> str:
        return self.get_pause_reason_display() or "-"


class RelayPace(models.Model):
    """How many messages a minute one relay may be given, by all workers together.

    ``next_at``: when the next message may be begun; workers take their turns by moving it on.
    """

    # A message every 60 microseconds: what is faster needs no limit.
    MOST_PER_MINUTE = 1_000_000

    relay = models.CharField(_("mail server"), max_length=200, unique=True)
    per_minute = models.PositiveIntegerField(
        _("messages a minute"),
        null=True,
        blank=True,
        help_text=_("Empty: as fast as it takes them."),
        validators=[MinValueValidator(1), MaxValueValidator(MOST_PER_MINUTE)],
    )
    next_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("pace of a mail server")
        verbose_name_plural = _("paces of mail servers")
        default_permissions = ("view", "change")
        constraints = [
            models.CheckConstraint(
                name="mail_pace_above_zero", condition=Q(per_minute=None) | Q(per_minute__gt=0)
            )
        ]

    def __str__(self) -> str:
        return self.relay


class DeliveryCount(models.Model):
    """How many deliveries of a mailing are open, sent, failed, skipped or unknown.

    Written by a trigger on the deliveries alone. In shards, each a row of its own, so that workers
    do not wait for each other; a shard may be below zero, their sum is true.
    """

    class Outcome(models.TextChoices):
        OPEN = "open", _("open")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        SKIPPED = "skipped", _("no longer wanted")
        UNKNOWN = "unknown", _("unknown")

    mailing = models.ForeignKey(
        Mailing, on_delete=models.CASCADE, related_name="counts", db_index=False
    )
    shard = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    n = models.IntegerField()

    class Meta:
        verbose_name = _("count of deliveries")
        verbose_name_plural = _("counts of deliveries")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["mailing", "outcome", "shard"], name="mail_count_once_per_shard"
            ),
            models.CheckConstraint(
                name="mail_count_outcome",
                condition=Q(outcome__in=["open", "sent", "failed", "skipped", "unknown"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mailing_id} {self.outcome}: {self.n}"
