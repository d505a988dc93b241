"""What is sent: content, frozen when it was planned, and to whom it was told."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.mail.streams import language_choices, stream_choices

from .subscribers import Subscriber


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
    # Nothing is sent before: the default of a mailing that nobody has to look at first.
    approved_at = models.DateTimeField(
        _("approved at"), default=timezone.now, null=True, blank=True
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("approved by"),
    )
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    # A pause is from news, not from learning that what one has read is wrong.
    is_sent_despite_pause = models.BooleanField(
        _("also to recipients who have paused"), default=False, editable=False
    )
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("mailing")
        verbose_name_plural = _("mailings")
        default_permissions = ("view",)
        permissions = [("manage_mailings", _("Can approve, pause and cancel mailings"))]
        constraints = [
            models.CheckConstraint(
                name="mail_mailing_subject_one_line", condition=Q(subject__regex=r"^[^\r\n]+$")
            )
        ]

    def __str__(self) -> str:
        return self.subject

    def is_over(self, moment: datetime) -> bool:
        """Whether nothing of it is sent any more, whoever has not got it."""
        return self.cancelled_at is not None or self.deadline_at <= moment


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
        # Who was told of an article that turns out to be wrong.
        indexes = [models.Index(fields=["item_key"], name="mail_item_key")]

    def __str__(self) -> str:
        return f"{self.item_key} → {self.subscriber_id}"
