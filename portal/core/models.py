"""What belongs to the whole site: settings, plain pages, the content stamp, the log of exports."""

import uuid
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .content_cache import content_cached
from .page_rows import on_every_page
from .rich_text import RichTextField
from .triggers import BumpContentStamp, append_only


class ContentStamp(models.Model):
    """One row whose value changes with every commit that changes what readers see.

    Database triggers write it (see ``triggers.BumpContentStamp``), so no path can forget it;
    processes compare it to know whether what they remember is still true.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    # Random rather than counted: a rolled-back change must not reuse the value of a later one.
    value = models.UUIDField(default=uuid.uuid4)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="core_one_stamp")]

    def __str__(self) -> str:
        return str(self.value)


def make_content_stamp(sender: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Create the one stamp after migrating, so that a flush cannot lose it; idempotent."""
    ContentStamp.objects.using(using).get_or_create(pk=1)


class SiteSettings(models.Model):
    """The one row of settings that the publisher edits in the admin."""

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(_("name of the site"), max_length=100, default="Lymphoma Education Hub")
    tagline = models.CharField(
        _("tagline"),
        max_length=200,
        blank=True,
        default="Short expert articles on lymphoma and leukaemia for healthcare professionals",
    )
    introduction = models.TextField(
        _("introduction on the home page"),
        blank=True,
        default=(
            "We select new clinical findings, check them against the primary source and explain "
            "what they mean for practice, with learning objectives and references throughout."
        ),
    )
    publisher_name = models.CharField(_("publisher"), max_length=200, blank=True)
    postal_address = models.TextField(
        _("postal address"), blank=True, help_text=_("Stands at the foot of every update e-mail.")
    )
    contact_email = models.EmailField(_("contact e-mail"), blank=True)
    patient_organisation_name = models.CharField(
        _("patient organisation"),
        max_length=200,
        default="Lymphoma Coalition",
        help_text=_("Where patients and carers are pointed to from the declaration page."),
    )
    patient_organisation_url = models.URLField(
        _("address of the patient organisation"), default="https://lymphomacoalition.org/"
    )

    shows_amounts = models.BooleanField(
        _("publish the amounts of agreements"),
        default=False,
        help_text=_("Otherwise the funders page shows levels alone."),
    )
    mailings_need_approval = models.BooleanField(
        _("somebody approves each update e-mail before it is sent"),
        default=False,
        help_text=_(
            "Otherwise update e-mails go out as soon as they are planned. Account e-mails, such as "
            "confirmations, never wait."
        ),
    )

    class Meta:
        verbose_name = _("site settings")
        verbose_name_plural = _("site settings")
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="core_one_settings")]
        triggers = [BumpContentStamp()]

    def __str__(self) -> str:
        return self.name


@on_every_page(*(field.attname for field in SiteSettings._meta.concrete_fields))  # noqa: SLF001
def _settings_rows() -> models.QuerySet[SiteSettings]:
    return SiteSettings.objects.all()


@content_cached
def site_settings() -> SiteSettings:
    """Return the settings (0 queries once remembered), the defaults before they are saved."""
    rows = _settings_rows()
    return SiteSettings(**rows[0]) if rows else SiteSettings()


class Page(models.Model):
    """A plain public page: about, privacy, accessibility, contact."""

    slug = models.SlugField(_("address"), unique=True)
    title = models.CharField(_("title"), max_length=200)
    body = RichTextField(_("text"))
    position = models.PositiveSmallIntegerField(_("position in the footer"), default=0)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        ordering = ["position", "title"]
        verbose_name = _("page")
        verbose_name_plural = _("pages")
        triggers = [BumpContentStamp()]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("page", args=[self.slug])


@on_every_page("slug", "title")
def _page_rows() -> models.QuerySet[Page]:
    return Page.objects.all()


@content_cached
def footer_pages() -> list[Page]:
    """Return all pages in the footer's order (0 queries once remembered): address and title."""
    return [Page(**row) for row in _page_rows()]


class ExportLog(models.Model):
    """Who exported what, why and when. Append-only, enforced by the database."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    exported_at = models.DateTimeField(_("exported at"), auto_now_add=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, verbose_name=_("user")
    )
    kind = models.CharField(_("export"), max_length=50)
    purpose = models.CharField(_("purpose"), max_length=500)
    filters = models.JSONField(_("filters"), default=dict)
    columns = models.JSONField(_("columns"), default=list)
    row_count = models.BigIntegerField(_("rows"))
    sha256 = models.CharField(_("SHA-256 of the file"), max_length=64)

    class Meta:
        ordering = ["-exported_at"]
        verbose_name = _("export")
        verbose_name_plural = _("log of exports")
        default_permissions = ("view",)
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.kind} {self.exported_at:%Y-%m-%d %H:%M}"
