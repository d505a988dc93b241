"""What staff decided about money and content: does a relationship matter, is a hit really one?"""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.core.triggers import append_only
from portal.people.models import FinancialRelationship, Person

from .article import Article


class RelevanceAssessment(models.Model):
    """Whether a person's relationship with a company is relevant to an article, and what was done.

    It speaks of company and nature, not of one row of a disclosure: a relationship that is declared
    again is assessed already. Assessments are only added; the latest stands.
    """

    class Mitigation(models.TextChoices):
        ENDED = "ended", _("The relationship was ended")
        PEER_REVIEW = "peer_review", _("Independent peer review of the content")
        LIMITED_ROLE = "limited_role", _("The role was limited to parts without relevance")
        REPLACED = "replaced", _("Recommendations were left to somebody without relationships")
        OTHER = "other", _("Other, as described")

    article = models.ForeignKey(
        Article,
        on_delete=models.PROTECT,
        related_name="relevance_assessments",
        verbose_name=_("article"),
    )
    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="+", verbose_name=_("person")
    )
    company = models.CharField(_("company"), max_length=200)
    nature = models.CharField(
        _("nature"), max_length=20, choices=FinancialRelationship.Nature.choices
    )
    is_relevant = models.BooleanField(_("relevant to the article's topic"))
    reason = models.CharField(_("reason"), max_length=500)
    mitigation = models.CharField(
        _("mitigation"), max_length=20, choices=Mitigation.choices, blank=True
    )
    mitigation_details = models.CharField(_("how"), max_length=500, blank=True)
    mitigated_on = models.DateField(_("mitigated on"), null=True, blank=True)
    assessed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("assessed by"),
    )
    assessed_at = models.DateTimeField(_("assessed at"), default=timezone.now)

    class Meta:
        ordering = ["-assessed_at", "-pk"]
        verbose_name = _("assessment of a relationship")
        verbose_name_plural = _("assessments of relationships")
        default_permissions = ("view", "add")
        constraints = [
            models.CheckConstraint(
                name="articles_mitigation_is_whole",
                condition=Q(mitigation="", mitigated_on=None, mitigation_details="")
                | Q(is_relevant=True, mitigated_on__isnull=False) & ~Q(mitigation=""),
                violation_error_message=_("A mitigation has a kind and a date."),
            ),
            models.CheckConstraint(
                name="articles_other_mitigation_is_described",
                condition=~Q(mitigation="other") | ~Q(mitigation_details=""),
                violation_error_message=_("Describe this mitigation."),
            ),
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.person}: {self.company}"


class Overruling(models.Model):
    """An editor's reason why a hit of the rules on trade names and links is none; only added.

    It speaks of one hit (``found``, in small letters) in one article, wherever it stands there.
    """

    class Rule(models.TextChoices):
        TRADE_NAME = "trade_name", _("A funder's trade name")
        LINK = "link", _("A link to a funder's site")

    article = models.ForeignKey(
        Article, on_delete=models.PROTECT, related_name="overrulings", verbose_name=_("article")
    )
    rule = models.CharField(_("rule"), max_length=20, choices=Rule.choices)
    found = models.CharField(_("found"), max_length=500)
    reason = models.CharField(_("reason"), max_length=500)
    overruled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("overruled by"),
    )
    overruled_at = models.DateTimeField(_("overruled at"), default=timezone.now)

    class Meta:
        ordering = ["-overruled_at", "-pk"]
        verbose_name = _("overruled finding")
        verbose_name_plural = _("overruled findings")
        default_permissions = ("view", "add")
        constraints = [
            models.CheckConstraint(name="articles_overruling_reason", condition=~Q(reason="")),
            models.UniqueConstraint(
                fields=["article", "rule", "found"], name="articles_overruled_once"
            ),
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return self.found
