"""What happens to an article on its way to readers: who wrote, who did what, who may look."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.core.triggers import append_only

from .article import Article
from .versions import ArticleVersion


class Verb(models.TextChoices):
    """What can be done to an article; ``articles.services`` has a function for each."""

    SUBMIT = "submit", _("Submit for medical review")
    RETURN = "return", _("Return to the author")
    APPROVE = "approve", _("Approve")
    SCHEDULE = "schedule", _("Schedule")
    UNSCHEDULE = "unschedule", _("Cancel the schedule")
    FAIL_SCHEDULE = "fail_schedule", _("Could not be published as scheduled")
    PUBLISH = "publish", _("Publish")
    REVISE = "revise", _("Change")
    WITHDRAW = "withdraw", _("Withdraw")
    REINSTATE = "reinstate", _("Take up again")


class ArticleEditor(models.Model):
    """Somebody has changed an article's draft since it was last published."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="editors")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    edited_at = models.DateTimeField(_("changed at"))

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["article", "user"], name="articles_editor_once")
        ]

    def __str__(self) -> str:
        return f"{self.article_id}: {self.user_id}"


class ArticleTransition(models.Model):
    """A row of the log: only ever added."""

    article = models.ForeignKey(Article, on_delete=models.PROTECT, related_name="transitions")
    verb = models.CharField(_("what"), max_length=20, choices=Verb.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("who"),
        help_text=_("Empty: the portal itself."),
    )
    at = models.DateTimeField(_("when"), default=timezone.now)
    from_status = models.CharField(_("from"), max_length=20, choices=Article.Status.choices)
    to_status = models.CharField(_("to"), max_length=20, choices=Article.Status.choices)
    version = models.ForeignKey(
        ArticleVersion,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("version"),
        help_text=_("The one that was published, or that readers saw."),
    )
    comment = models.TextField(_("comment"), blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name = _("step of an article")
        verbose_name_plural = _("steps of articles")
        default_permissions = ()
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.article_id}: {self.verb}"


class PreviewLinkQuerySet(models.QuerySet["PreviewLink"]):
    def usable(self) -> "PreviewLinkQuerySet":
        """Links that open their preview now."""
        return self.filter(revoked_at=None, expires_at__gt=timezone.now())


class PreviewLink(models.Model):
    """Lets somebody without an account see a draft, for a while. The token itself is not stored."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="preview_links")
    token_sha256 = models.CharField(max_length=64, unique=True)
    note = models.CharField(_("for whom"), max_length=200, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("made by"),
    )
    created_at = models.DateTimeField(_("made at"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires at"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True)

    objects = PreviewLinkQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = _("preview link")
        verbose_name_plural = _("preview links")
        default_permissions = ("view", "add", "change")
        constraints = [
            models.CheckConstraint(
                name="articles_preview_link_expires",
                condition=Q(expires_at__gt=F("created_at")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.article_id}: {self.expires_at}"

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and self.expires_at > timezone.now()
