"""Who pays, by which kind of agreement, at which level, and when."""

import secrets
from datetime import date
from typing import Any

import pghistory
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Case, F, Func, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Cast, Coalesce, Concat, Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

from portal.core.storage import private_storage
from portal.core.triggers import BumpContentStamp

FAR_FUTURE = date(9999, 12, 31)
# Without btree_gist a plain equality is not in GiST's reach: a range of one number stands for the
# funder, kind and scope. (Two that differ and have the same number: once in 10^19.)
_HASH = Func(
    Concat(
        Cast("funder", models.TextField()),
        Value("|"),
        "kind",
        Value("|"),
        Case(When(is_site_wide=True, then=Value("")), default=F("purpose")),
        output_field=models.TextField(),
    ),
    Value(0),
    function="hashtextextended",
    output_field=models.BigIntegerField(),
)
ONE_FUNDER_KIND_AND_SCOPE = Func(_HASH, _HASH, Value("[]"), function="int8range")


def with_history(exclude: list[str] | None = None) -> Any:
    """Return a decorator: every change of a row leaves another one that nobody can change."""
    events = (pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
    return pghistory.track(*events, exclude=exclude, context_field=None)  # type: ignore[arg-type]


@with_history()
class Funder(models.Model):
    """A company or foundation that pays for the portal and may not influence it."""

    name = models.CharField(_("legal name"), max_length=200, unique=True)
    country = CountryField(verbose_name=_("country"), blank=True)
    website = models.URLField(_("website"), blank=True)
    ror_id = models.CharField(
        _("ROR id"),
        max_length=9,
        blank=True,
        validators=[RegexValidator(r"^0[a-hj-km-np-tv-z0-9]{6}[0-9]{2}$", _("Like 03yrm5c26."))],
        help_text=_("Of the Research Organization Registry: the last part of its address."),
    )

    class Meta:
        ordering = ["name"]
        verbose_name = _("funder")
        verbose_name_plural = _("funders")
        triggers = [BumpContentStamp()]

    def __str__(self) -> str:
        return self.name

    def name_on(self, day: date) -> str:
        """Return the legal name on ``day`` (1 query, or none with ``former_names`` prefetched)."""
        former = [name for name in self.former_names.all() if name.last_day >= day]
        return min(former, key=lambda name: name.last_day).name if former else self.name


@with_history()
class FormerName(models.Model):
    """What a funder was called up to a day; renaming never changes history."""

    funder = models.ForeignKey(
        Funder, on_delete=models.CASCADE, related_name="former_names", verbose_name=_("funder")
    )
    name = models.CharField(_("former legal name"), max_length=200)
    last_day = models.DateField(_("last day of this name"))

    class Meta:
        ordering = ["last_day"]
        verbose_name = _("former name")
        verbose_name_plural = _("former names")
        constraints = [
            models.UniqueConstraint(
                fields=["funder", "last_day"],
                name="funders_one_name_at_a_time",
                violation_error_message=_("Another name of this funder ended on this day."),
            )
        ]
        triggers = [BumpContentStamp()]

    def __str__(self) -> str:
        return self.name


class TradeName(models.Model):
    """The name of a funder's product: it stands in no article, caption, survey or e-mail."""

    funder = models.ForeignKey(
        Funder, on_delete=models.CASCADE, related_name="trade_names", verbose_name=_("funder")
    )
    name = models.CharField(_("trade name"), max_length=100)

    class Meta:
        ordering = ["name"]
        verbose_name = _("trade name")
        verbose_name_plural = _("trade names")
        constraints = [
            models.UniqueConstraint(
                "funder",
                Lower("name"),
                name="funders_trade_name_once",
                violation_error_message=_("This trade name stands in another row."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class ProductSite(models.Model):
    """A host of a funder that advertises: no article links to it or to a host below it."""

    funder = models.ForeignKey(
        Funder, on_delete=models.CASCADE, related_name="product_sites", verbose_name=_("funder")
    )
    host = models.CharField(
        _("host"),
        max_length=253,
        validators=[
            RegexValidator(
                r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}$",
                _("A host in small letters, without https: www.product.example"),
            )
        ],
    )

    class Meta:
        ordering = ["host"]
        verbose_name = _("product site")
        verbose_name_plural = _("product sites")
        constraints = [
            models.UniqueConstraint(
                fields=["funder", "host"],
                name="funders_product_site_once",
                violation_error_message=_("This host stands in another row."),
            )
        ]

    def __str__(self) -> str:
        return self.host


@with_history()
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

    def named_on(self, day: date) -> "AgreementQuerySet":
        """Each with ``name_on_day``: what its funder was called on ``day``."""
        former = FormerName.objects.filter(funder=OuterRef("funder"), last_day__gte=day)
        name = Subquery(former.order_by("last_day").values("name")[:1])
        return self.annotate(name_on_day=Coalesce(name, "funder__name"))

    def in_order(self, day: date) -> "AgreementQuerySet":
        """By level, then by name on ``day``: the order that the disclosure sentence promises."""
        return (
            self.named_on(day)
            .select_related("funder", "level")
            .order_by("level__rank", Lower("name_on_day"), "pk")
        )


def document_name(agreement: "Agreement", file_name: str) -> str:
    """Return a name that cannot be guessed; ``file_name`` gives nothing, not even its ending."""
    return f"agreements/{secrets.token_hex(16)}.pdf"


@with_history(exclude=["document"])
class Agreement(models.Model):
    """A funder's support for a period, for the whole site or for named articles."""

    class Kind(models.TextChoices):
        SPONSORSHIP = "sponsorship", _("Sponsorship")
        EDUCATIONAL_GRANT = "educational_grant", _("Educational grant")
        IN_KIND = "in_kind", _("Support in kind")

    funder = models.ForeignKey(
        Funder, on_delete=models.PROTECT, related_name="agreements", verbose_name=_("funder")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    nature = models.CharField(
        _("what is given in kind"),
        max_length=100,
        blank=True,
        help_text=_("As the sentence on every page says it: “translation services”."),
    )
    level = models.ForeignKey(
        SupportLevel, on_delete=models.PROTECT, related_name="agreements", verbose_name=_("level")
    )
    amount = models.DecimalField(
        _("amount"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("Public only if the site's settings say so."),
    )
    currency = models.CharField(
        _("currency"),
        max_length=3,
        blank=True,
        validators=[RegexValidator(r"^[A-Z]{3}$", _("Three letters, like EUR."))],
    )
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    is_site_wide = models.BooleanField(
        _("for the whole site"),
        default=True,
        help_text=_("Otherwise the articles that it pays for name it."),
    )
    purpose = models.CharField(
        _("for what"),
        max_length=200,
        blank=True,
        help_text=_("Public. Required for what is not for the whole site."),
    )
    reference = models.CharField(_("reference of the agreement"), max_length=100, blank=True)
    document = models.FileField(
        _("signed document"),
        upload_to=document_name,
        storage=private_storage,
        blank=True,
        help_text=_("PDF, at most 10 MB. Only who may see agreements can open it."),
    )

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
                condition=Q(kind="in_kind") & ~Q(nature="")
                | Q(kind__in=["sponsorship", "educational_grant"], nature=""),
                violation_error_message=_("Support in kind, and only that, says what is given."),
            ),
            models.CheckConstraint(
                name="funders_agreement_amount",
                condition=Q(amount=None, currency="") | Q(amount__gt=0) & ~Q(currency=""),
                violation_error_message=_("An amount is more than zero and has a currency."),
            ),
            models.CheckConstraint(
                name="funders_agreement_purpose",
                condition=Q(is_site_wide=True) | ~Q(purpose=""),
                violation_error_message=_("Say for what it is, if not for the whole site."),
            ),
            ExclusionConstraint(
                name="funders_one_at_a_time",
                expressions=[
                    (ONE_FUNDER_KIND_AND_SCOPE, RangeOperators.OVERLAPS),
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
                violation_error_message=_(
                    "This funder has an agreement of this kind and scope in this period."
                ),
            ),
        ]
        triggers = [BumpContentStamp()]

    def __str__(self) -> str:
        return f"{self.funder}: {self.get_kind_display()}"

    def is_active(self, on: date | None = None) -> bool:
        """Whether the agreement is in force on ``on`` (default: today in the site's time zone)."""
        on = on or timezone.localdate()
        return self.starts_on <= on <= (self.ends_on or FAR_FUTURE)
