"""How many readers were shown the survey, began it and sent it: numbers, and nobody's name."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from articles.models import Article


class Impressions(models.Model):
    """The readers of one article in one month (the house's time), as far as they were counted.

    Each number counts a reader once a month, with the error of a HyperLogLog (0.81 %, one standard
    error). Numbers only grow: what counts them may be emptied at any time.
    """

    article = models.ForeignKey(
        Article, on_delete=models.CASCADE, related_name="impressions", verbose_name=_("article")
    )
    month = models.DateField(_("month"), help_text=_("Its first day."))
    shown = models.PositiveIntegerField(_("were shown the survey"), default=0)
    started = models.PositiveIntegerField(_("began to answer"), default=0)
    submitted = models.PositiveIntegerField(_("sent their answers"), default=0)

    class Meta:
        ordering = ["article", "month"]
        verbose_name = _("impressions")
        verbose_name_plural = _("impressions")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["article", "month"], name="feedback_impressions_per_month"
            ),
            models.CheckConstraint(
                name="feedback_impressions_of_a_month", condition=Q(month__day=1)
            ),
            # Whoever sends has begun, and whoever begins has seen.
            models.CheckConstraint(
                name="feedback_impressions_narrow",
                condition=Q(submitted__lte=F("started"), started__lte=F("shown")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.article_id} {self.month:%Y-%m}"
