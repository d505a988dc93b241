"""The people in control of content, and what they disclose about money from companies."""

from datetime import date, datetime, timedelta

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.core.triggers import BumpContentStamp, append_only
from portal.mail.models import Delivery, DeliveryQuerySet

# A disclosure speaks for this long; then it must be given anew (ACCME practice).
DISCLOSURE_VALIDITY = timedelta(days=365)


class Person(models.Model):
    """An author or reviewer, with or without an account on the desk."""

    name = models.CharField(_("name"), max_length=200, help_text=_("As it stands in the byline."))
    family_name = models.CharField(
        _("family name"),
        max_length=100,
        blank=True,
        help_text=_("For citations, without titles and degrees. Empty for a group."),
    )
    given_names = models.CharField(_("given names"), max_length=100, blank=True)
    slug = models.SlugField(_("address"), max_length=200, unique=True)
    role = models.CharField(
        _("role"), max_length=200, blank=True, help_text=_("For example: medical writer.")
    )
    affiliation = models.CharField(_("affiliation"), max_length=300, blank=True)
    orcid = models.CharField(
        "ORCID",
        max_length=19,
        blank=True,
        validators=[
            RegexValidator(r"^\d{4}-\d{4}-\d{4}-\d{3}[\dX]$", _("Like 0000-0000-0000-0000."))
        ],
    )
    email = models.EmailField(
        _("e-mail"),
        blank=True,
        help_text=_("Not public: where the link to declare financial relationships is sent."),
    )
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="person",
        verbose_name=_("account on the desk"),
    )

    class Meta:
        ordering = ["name"]
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.CheckConstraint(
                name="people_person_cited_name",
                condition=models.Q(given_names="") | ~models.Q(family_name=""),
                violation_error_message=_("Given names are cited behind a family name."),
            )
        ]
        # The page of an author shows who they are today.
        triggers = [BumpContentStamp()]

    def __str__(self) -> str:
        return self.name

    def current_disclosure(self, on: date | None = None) -> "Disclosure | None":
        """Return the latest disclosure that is not stale on ``on`` (default: today), or None."""
        on = on or timezone.localdate()
        # In Python, so that a prefetch answers for a whole list of people.
        valid = [
            disclosure
            for disclosure in self.disclosures.all()
            if on - DISCLOSURE_VALIDITY < disclosure.declared_on <= on
        ]
        return max(
            valid, key=lambda disclosure: (disclosure.declared_on, disclosure.pk), default=None
        )


class Disclosure(models.Model):
    """What a person declared on one day: financial relationships, or explicitly none."""

    person = models.ForeignKey(
        Person, on_delete=models.CASCADE, related_name="disclosures", verbose_name=_("person")
    )
    declared_on = models.DateField(_("declared on"), default=timezone.localdate)
    declared_at = models.DateTimeField(_("recorded at"), default=timezone.now, editable=False)
    has_none = models.BooleanField(
        _("declares no relevant financial relationships"),
        default=False,
        help_text=_("With companies, in the last 24 months."),
    )

    class Meta:
        ordering = ["-declared_on", "-pk"]
        verbose_name = _("disclosure")
        verbose_name_plural = _("disclosures")
        triggers = [append_only(), BumpContentStamp()]

    def __str__(self) -> str:
        return f"{self.person} {self.declared_on}"

    @property
    def stale_on(self) -> date:
        """The first day on which it does not speak any more."""
        return self.declared_on + DISCLOSURE_VALIDITY


# What comes before a request's key in the key of its mail.
MAIL_KEY_PREFIX = "disclosure-request:"


def mails_of_requests() -> DeliveryQuerySet:
    """Return, for use in a query on requests, the mail that carries the link."""
    key = Concat(Value(MAIL_KEY_PREFIX), Cast(OuterRef("pk"), output_field=models.CharField()))
    return Delivery.objects.filter(mailing__key=key).order_by("pk")


class DisclosureRequestQuerySet(models.QuerySet["DisclosureRequest"]):
    def open_at(self, moment: datetime) -> "DisclosureRequestQuerySet":
        """Links that still work: neither used nor expired."""
        return self.filter(disclosure=None, expires_at__gt=moment)

    def with_mail(self) -> "DisclosureRequestQuerySet":
        """Annotate ``mail_state`` and ``mail_finished_at``: what the outbox says."""
        mails = mails_of_requests()
        return self.annotate(
            mail_state=Subquery(mails.values("state")[:1]),
            mail_finished_at=Subquery(mails.values("finished_at")[:1]),
        )


class DisclosureRequest(models.Model):
    """A link by which a person declares without an account; it works once and expires.

    The link holds the row's key, signed (``portal.people.requests``): nothing in the database
    opens it.
    """

    person = models.ForeignKey(
        Person,
        on_delete=models.CASCADE,
        related_name="disclosure_requests",
        verbose_name=_("person"),
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    created_at = models.DateTimeField(_("requested at"), default=timezone.now)
    expires_at = models.DateTimeField(_("works until"))
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    disclosure = models.OneToOneField(
        Disclosure,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="request",
        verbose_name=_("answer"),
    )

    objects = DisclosureRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("request for a disclosure")
        verbose_name_plural = _("requests for disclosures")
        constraints = [
            models.CheckConstraint(
                name="people_request_expires",
                condition=models.Q(expires_at__gt=models.F("created_at")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.created_at:%Y-%m-%d}"

    @property
    def mail_key(self) -> str:
        """The key of the one mail that carries the link."""
        return f"{MAIL_KEY_PREFIX}{self.pk}"

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()


class FinancialRelationship(models.Model):
    """One relationship with one company."""

    class Nature(models.TextChoices):
        EMPLOYMENT = "employment", _("employment")
        HONORARIA = "honoraria", _("honoraria")
        CONSULTANCY = "consultancy", _("consultancy or advisory board")
        RESEARCH = "research", _("research funding")
        EQUITY = "equity", _("shares or options")
        TRAVEL = "travel", _("travel support")
        OTHER = "other", _("other")

    disclosure = models.ForeignKey(
        Disclosure,
        on_delete=models.CASCADE,
        related_name="relationships",
        verbose_name=_("disclosure"),
    )
    company = models.CharField(_("company"), max_length=200)
    nature = models.CharField(_("nature"), max_length=20, choices=Nature.choices)
    starts_on = models.DateField(_("from"), null=True, blank=True)
    ends_on = models.DateField(
        _("to"), null=True, blank=True, help_text=_("Empty while it goes on.")
    )

    class Meta:
        ordering = ["company", "pk"]
        triggers = [append_only(), BumpContentStamp()]
        verbose_name = _("financial relationship")
        verbose_name_plural = _("financial relationships")
        constraints = [
            models.CheckConstraint(
                name="people_relationship_period",
                condition=models.Q(starts_on=None)
                | models.Q(ends_on=None)
                | models.Q(ends_on__gte=models.F("starts_on")),
                violation_error_message=_("The period ends before it begins."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.company} ({self.get_nature_display()})"
