"""Who pays, by which kind of agreement, at which level, and when."""

from datetime import date

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

from portal.core.triggers import BumpContentStamp

FAR_FUTURE = date(9999, 12, 31)


class Funder(models.Model):
    """A company or foundation that pays for the portal and may not influence it."""

    name = models.CharField(_("legal name"), max_length=200, unique=True)
    country = CountryField(verbose_name=_("country"), blank=True)
    website = models.URLField(_("website"), blank=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("funder")
        verbose_name_plural = _("funders")
        triggers = [BumpContentStamp()]

    def __str__(self) -> str:
        return self.name


class SupportLevel(models.Model):
    """A band of funding; rank 1 pays most and stands first."""

    rank = models.PositiveSmallIntegerField(_("rank"), unique=True)
    label = models.CharField(_("label"), max_length=50)

    class Meta:
        ordering = ["rank"]
        verbose_name = _("level of support")
        verbose_name_plural = _("levels of support")
        triggers = [BumpContentStamp()]

    def __str__(self) -> str:
        return self.label


class AgreementQuerySet(models.QuerySet["Agreement"]):
    def active_on(self, day: date) -> "AgreementQuerySet":
        """Agreements in force on ``day``, first and last day included."""
        return self.filter(Q(ends_on=None) | Q(ends_on__gte=day), starts_on__lte=day)

    def site_wide(self) -> "AgreementQuerySet":
        return self.filter(is_site_wide=True)

    def in_order(self) -> "AgreementQuerySet":
        """By level, then by name: the order that the disclosure sentence promises."""
        return self.select_related("funder", "level").order_by("level__rank", "funder__name", "pk")


def _one_at_a_time(kind: str) -> ExclusionConstraint:
    """Refuse two site-wide agreements of one kind with one funder at the same time.

    Without btree_gist a plain equality is not in GiST's reach, so the funder is written as a
    range of one number.
    """
    return ExclusionConstraint(
        name=f"funders_one_{kind}_at_a_time",
        expressions=[
            (
                Func(F("funder"), F("funder"), Value("[]"), function="int8range"),
                RangeOperators.OVERLAPS,
            ),
            (
                Func(
                    F("starts_on"),
                    Coalesce(F("ends_on"), Value(FAR_FUTURE)),
                    Value("[]"),
                    function="daterange",
                    output_field=DateRangeField(),
                ),
                RangeOperators.OVERLAPS,
            ),
        ],
        condition=Q(kind=kind, is_site_wide=True),
        violation_error_message=_("This funder has an agreement of this kind in this period."),
    )


class Agreement(models.Model):
    """A funder's support for a period, for the whole site or for named articles."""

    class Kind(models.TextChoices):
        SPONSORSHIP = "sponsorship", _("Sponsorship")
        EDUCATIONAL_GRANT = "educational_grant", _("Educational grant")

    funder = models.ForeignKey(
        Funder, on_delete=models.PROTECT, related_name="agreements", verbose_name=_("funder")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    level = models.ForeignKey(
        SupportLevel, on_delete=models.PROTECT, related_name="agreements", verbose_name=_("level")
    )
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    is_site_wide = models.BooleanField(
        _("for the whole site"),
        default=True,
        help_text=_("Otherwise the articles that it pays for name it."),
    )
    reference = models.CharField(_("reference of the agreement"), max_length=100, blank=True)

    objects = AgreementQuerySet.as_manager()

    class Meta:
        ordering = ["level__rank", "funder__name"]
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")
        constraints = [
            models.CheckConstraint(
                name="funders_agreement_period",
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")),
                violation_error_message=_("The agreement ends before it begins."),
            ),
            models.CheckConstraint(
                name="funders_agreement_kind",
                condition=Q(kind__in=["sponsorship", "educational_grant"]),
            ),
            _one_at_a_time("sponsorship"),
            _one_at_a_time("educational_grant"),
        ]
        triggers = [BumpContentStamp()]

    def __str__(self) -> str:
        return f"{self.funder}: {self.get_kind_display()}"

    def is_active(self, on: date | None = None) -> bool:
        """Whether the agreement is in force on ``on`` (default: today in the site's time zone)."""
        on = on or timezone.localdate()
        return self.starts_on <= on <= (self.ends_on or FAR_FUTURE)
