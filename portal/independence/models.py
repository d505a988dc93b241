"""What reports themselves leave behind: which were made, and what each night's audit found."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.core.triggers import append_only


class Report(models.Model):
    """A report of a period: its content is computed anew, its SHA-256 is what it was that day."""

    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    generated_at = models.DateTimeField(_("made at"), default=timezone.now, editable=False)
    generated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        editable=False,
        related_name="+",
        verbose_name=_("made by"),
    )
    sha256 = models.CharField(_("SHA-256"), max_length=64, editable=False)
    schema = models.PositiveSmallIntegerField(_("schema"), editable=False)

    class Meta:
        ordering = ["-generated_at", "-pk"]
        verbose_name = _("report on independence")
        verbose_name_plural = _("reports on independence")
        default_permissions = ("view", "add")
        constraints = [
            models.CheckConstraint(
                name="independence_report_period",
                condition=Q(ends_on__gte=F("starts_on")),
                violation_error_message=_("The period ends before it begins."),
            )
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return gettext("%(first)s to %(last)s") % {
            "first": date_format(self.starts_on, "j M Y"),
            "last": date_format(self.ends_on, "j M Y"),
        }


class MembershipAudit(models.Model):
    """What one night's look at accounts and approvals found; only added.

    ``findings``: lists of keys. ``both_duties``: accounts that may change agreements and approve
    articles; ``superusers``: accounts that may do everything; ``approved_by_writer``: versions
    whose approver wrote them, which a constraint forbids.
    """

    day = models.DateField(_("day"), unique=True)
    findings = models.JSONField(_("findings"))
    audited_at = models.DateTimeField(_("audited at"), default=timezone.now)

    class Meta:
        ordering = ["-day"]
        verbose_name = _("audit of memberships")
        verbose_name_plural = _("audits of memberships")
        default_permissions = ()
        triggers = [append_only()]

    def __str__(self) -> str:
        return str(self.day)
