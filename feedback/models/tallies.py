"""The roll-up: counted answers, by which pages are fast, and the marks that keep them true."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from articles.models import Article

from .surveys import NOT_APPLICABLE, Level, SurveyVersion

# Per statement: how many chose "not applicable", then each level from 1 to 5.
COUNTS_PER_STATEMENT = len([NOT_APPLICABLE, *Level.values])
# ``Tally.dimension`` of the row that counts all readers.
ALL_READERS = ""


class Tally(models.Model):
    """How the responses of one cell answered.

    A cell: an article, a survey version, the month of the first answer in the time of the house,
    and either all readers (``dimension`` and ``value`` empty) or those with one value of one part
    of the profile. ``counts``: for each item of the survey version in its order, how many chose
    "not applicable", then each level from 1 to 5. Written by ``feedback.tallies`` alone.
    """

    # The unique index begins with the article; nobody asks for one survey version.
    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="+", db_index=False)
    survey_version = models.ForeignKey(
        SurveyVersion, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    month = models.DateField()
    dimension = models.CharField(max_length=20, default=ALL_READERS, blank=True)
    value = models.CharField(max_length=30, default="", blank=True)
    n = models.PositiveIntegerField()
    counts = ArrayField(models.PositiveIntegerField())

    class Meta:
        verbose_name = _("tally")
        verbose_name_plural = _("tallies")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["article", "dimension", "value", "month", "survey_version"],
                name="feedback_one_tally_per_cell",
            ),
            models.CheckConstraint(name="feedback_tally_of_somebody", condition=Q(n__gt=0)),
            models.CheckConstraint(name="feedback_tally_of_a_month", condition=Q(month__day=1)),
            models.CheckConstraint(
                name="feedback_tally_dimension",
                condition=Q(dimension=ALL_READERS, value="")
                | Q(dimension__in=["profession", "specialty", "country"]),
            ),
            # Who answers a survey answers its first statement, and all others.
            models.CheckConstraint(
                name="feedback_tally_counts_everybody",
                condition=Q(
                    n=F("counts__0")
                    + F("counts__1")
                    + F("counts__2")
                    + F("counts__3")
                    + F("counts__4")
                    + F("counts__5")
                ),
            ),
        ]
        indexes = [
            # What small groups are found by, read from the index alone.
            models.Index(
                fields=["dimension", "value"],
                include=["article", "month", "survey_version", "n"],
                name="feedback_tally_cells",
            )
        ]

    def __str__(self) -> str:
        return f"{self.article_id} {self.month:%Y-%m} {self.dimension} {self.value}: {self.n}"


class TallyChange(models.Model):
    """A mark, made by a trigger: responses about the article have changed since it was tallied.

    Only ever added by those who answer, so that none of them waits for another. No foreign key:
    its check would be paid by every answer.
    """

    article_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("change to tally")
        verbose_name_plural = _("changes to tally")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.article_id)


class TallyState(models.Model):
    """One row: up to when answers are in the tallies, and a stamp.

    The stamp changes with any tally of a closed month, and when two who answered in one turn out to
    be one person, so that what is computed from closed months can be remembered. ``most_of_one``:
    the most responses that one person gave in each closed month ("2026-10-01" → 4) and in all of
    them (""); as on ``most_on``, the first day of the month that was open then. By it, many
    responses are known to be of many people.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    as_of = models.DateTimeField(default=timezone.now)
    stamp = models.UUIDField(default=uuid.uuid4)
    most_of_one = models.JSONField(default=dict, blank=True)
    most_on = models.DateField(null=True, blank=True)

    class Meta:
        verbose_name = _("state of the tallies")
        verbose_name_plural = _("states of the tallies")
        default_permissions = ()
        constraints = [models.CheckConstraint(name="feedback_one_tally_state", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"{self.as_of:%Y-%m-%d %H:%M}"
