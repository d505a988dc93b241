"""Files that are made in the background: who ordered which, and what became of it."""

import uuid
from datetime import datetime, timedelta

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.core.storage import private_storage

# A file whose maker dies is begun so often, then given up.
MAX_ATTEMPTS = 3
# How long a finished file can be fetched.
FILE_VALIDITY = timedelta(days=7)


class ExportStatus(models.TextChoices):
    """Where an export stands."""

    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Being made")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
    EXPIRED = "expired", _("Expired")


OPEN = (ExportStatus.WAITING, ExportStatus.RUNNING)
OVER = (
    ExportStatus.READY,
    ExportStatus.FAILED,
    ExportStatus.CANCELLED,
    ExportStatus.EXPIRED,
)
MADE = (ExportStatus.READY, ExportStatus.EXPIRED)


class ExportError(models.TextChoices):
    """Why there is no file; the label is what its requester reads."""

    STORAGE = (
        "storage",
        _("It could not be stored: the disk is full, or the portal may not write to it."),
    )
    STOPPED = "stopped", _("Three attempts to make it were stopped, perhaps by a restart.")
    UNEXPECTED = "unexpected", _("The portal made an error, which stands in its log.")


class ExportJobQuerySet(models.QuerySet["ExportJob"]):
    def open(self) -> "ExportJobQuerySet":
        """Those whose file is still to be made."""
        return self.filter(status__in=OPEN)

    def expired_at(self, now: datetime) -> "ExportJobQuerySet":
        """Those whose file can no longer be fetched and still lies there."""
        return self.filter(status=ExportStatus.READY, expires_at__lte=now)


class ExportJob(models.Model):
    """An order for a file of responses; the row stays when the file has gone.

    ``order``: what ``Order.as_filters`` says of it. Who works on it holds an advisory lock of the
    number ``lock`` on a connection of its own: a running job whose lock is free lost its maker.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("requested by"),
    )
    purpose = models.CharField(_("purpose"), max_length=500)
    order = models.JSONField(_("order"))
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=ExportStatus.choices,
        default=ExportStatus.WAITING,
    )
    error = models.CharField(_("error"), max_length=20, choices=ExportError.choices, blank=True)
    # What is expected when it is ordered; what there is once it is made.
    rows_total = models.PositiveBigIntegerField(_("rows"))
    rows_done = models.PositiveBigIntegerField(_("rows done"), default=0)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    file = models.FileField(
        _("file"), storage=private_storage, upload_to="exports", max_length=200, blank=True
    )
    size = models.PositiveBigIntegerField(_("size in bytes"), null=True, blank=True)
    sha256 = models.CharField(_("SHA-256 of the file"), max_length=64, blank=True)
    columns = models.JSONField(_("columns"), default=list, blank=True)
    snapshot_at = models.DateTimeField(_("state of"), null=True, blank=True)
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)

    objects = ExportJobQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at"]
        verbose_name = _("export of responses")
        verbose_name_plural = _("exports of responses")
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                name="feedback_export_status", condition=Q(status__in=ExportStatus.values)
            ),
            models.CheckConstraint(name="feedback_export_purpose", condition=~Q(purpose="")),
            models.CheckConstraint(
                name="feedback_export_attempts", condition=Q(attempts__lte=MAX_ATTEMPTS)
            ),
            models.CheckConstraint(
                name="feedback_export_runs_since",
                condition=~Q(status=ExportStatus.RUNNING)
                | Q(started_at__isnull=False, attempts__gte=1),
            ),
            models.CheckConstraint(
                name="feedback_export_is_over_since",
                condition=Q(status__in=OVER, finished_at__isnull=False)
                | Q(status__in=OPEN, finished_at__isnull=True),
            ),
            models.CheckConstraint(
                name="feedback_export_failed_why",
                condition=(Q(status=ExportStatus.FAILED) & ~Q(error=""))
                | (~Q(status=ExportStatus.FAILED) & Q(error="")),
            ),
            # A file has a name only while it is whole and may be fetched.
            models.CheckConstraint(
                name="feedback_export_file_when_ready",
                condition=(Q(status=ExportStatus.READY) & ~Q(file=""))
                | (~Q(status=ExportStatus.READY) & Q(file="")),
            ),
            models.CheckConstraint(
                name="feedback_export_made_is_known",
                condition=Q(
                    status__in=MADE,
                    sha256__regex=r"^[0-9a-f]{64}$",
                    size__isnull=False,
                    snapshot_at__isnull=False,
                    expires_at__isnull=False,
                    rows_done=F("rows_total"),
                )
                | (
                    ~Q(status__in=MADE)
                    & Q(
                        sha256="",
                        size__isnull=True,
                        snapshot_at__isnull=True,
                        expires_at__isnull=True,
                    )
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["requested_by", "-requested_at"], name="feedback_export_of_user"),
            models.Index(
                fields=["status"],
                name="feedback_export_to_look_after",
                condition=Q(status__in=[*OPEN, ExportStatus.READY]),
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="order_stands", fields=["requested_by", "purpose", "order", "requested_at"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.requested_at:%Y-%m-%d %H:%M} {self.status}"

    @property
    def lock(self) -> int:
        """The number of the advisory lock of whoever works on it."""
        return self.pk.int & (2**63 - 1)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def state_at(self, now: datetime) -> ExportStatus:
        """Return the status as it is to whoever asks: a file past its time is not given away."""
        if self.status == ExportStatus.READY and self.expires_at and self.expires_at <= now:
            return ExportStatus.EXPIRED
        return ExportStatus(self.status)

    @property
    def percent(self) -> int:
        """How much is done, 0 to 100: rows may have come in since they were counted."""
        return min(100, 100 * self.rows_done // self.rows_total) if self.rows_total else 0
