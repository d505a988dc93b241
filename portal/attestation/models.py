"""The HCP gate: what is declared, by which reader (a pseudonym), and when."""

import hashlib
import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

from portal.core.content_cache import content_cached
from portal.core.page_rows import on_every_page
from portal.core.triggers import BumpContentStamp, append_only


class Profession(models.TextChoices):
    PHYSICIAN = "physician", _("Physician")
    NURSE = "nurse", _("Nurse")
    PHARMACIST = "pharmacist", _("Pharmacist")
    PHYSICIAN_ASSOCIATE = "physician_associate", _("Physician associate")
    SCIENTIST = "scientist", _("Clinical or laboratory scientist")
    TRAINEE = "trainee", _("Trainee or student of a health profession")
    OTHER = "other", _("Another health profession")


class Specialty(models.TextChoices):
    HAEMATOLOGY = "haematology", _("Haematology")
    ONCOLOGY = "oncology", _("Oncology")
    RADIOTHERAPY = "radiotherapy", _("Radiation oncology")
    PATHOLOGY = "pathology", _("Pathology")
    INTERNAL_MEDICINE = "internal_medicine", _("Internal medicine")
    GENERAL_PRACTICE = "general_practice", _("General practice")
    OTHER = "other", _("Another specialty")


class AttestationStatement(models.Model):
    """One version of the declaration. A new version asks every reader again."""

    number = models.PositiveIntegerField(_("version"), unique=True, editable=False)
    introduction = models.TextField(_("why we ask"))
    text = models.TextField(_("declaration"), help_text=_("What the reader ticks, word for word."))
    created_at = models.DateTimeField(_("in force since"), default=timezone.now, editable=False)

    class Meta:
        ordering = ["-number"]
        verbose_name = _("declaration")
        verbose_name_plural = _("declarations")
        triggers = [append_only(), BumpContentStamp()]

    def __str__(self) -> str:
        return f"{_('Version')} {self.number}"

    @property
    def text_hash(self) -> str:
        """SHA-256 (hex) of the declaration's text as it was shown."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@on_every_page("id", "number", "introduction", "text")
def _statement_rows() -> models.QuerySet[AttestationStatement]:
    return AttestationStatement.objects.order_by("-number")[:1]


@content_cached
def current_statement() -> AttestationStatement:
    """Return the declaration in force (0 queries once remembered)."""
    return AttestationStatement(**_statement_rows()[0])


class Reader(models.Model):
    """A healthcare professional as far as the portal knows one: a pseudonym."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="reader",
        verbose_name=_("account"),
    )
    profession = models.CharField(
        _("profession"), max_length=30, choices=Profession.choices, blank=True
    )
    specialty = models.CharField(
        _("specialty"), max_length=30, choices=Specialty.choices, blank=True
    )
    country = CountryField(verbose_name=_("country"), blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("reader")
        verbose_name_plural = _("readers")

    def __str__(self) -> str:
        return str(self.id)


class Attestation(models.Model):
    """The evidence that a reader made a declaration. Append-only, enforced by the database."""

    reader = models.ForeignKey(
        Reader, on_delete=models.PROTECT, related_name="attestations", verbose_name=_("reader")
    )
    statement = models.ForeignKey(
        AttestationStatement, on_delete=models.PROTECT, verbose_name=_("declaration")
    )
    text_hash = models.CharField(_("SHA-256 of the text"), max_length=64)
    attested_at = models.DateTimeField(_("attested at"), default=timezone.now)

    class Meta:
        ordering = ["-attested_at"]
        verbose_name = _("attestation")
        verbose_name_plural = _("attestations")
        default_permissions = ("view",)
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.reader_id} {self.attested_at:%Y-%m-%d}"
