"""What a subscriber wants to be told of."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from articles.models import Topic
from portal.mail.models import Mailing, Subscriber


class TopicSubscription(models.Model):
    """A topic that a subscriber has chosen. Who has chosen none is told of all articles."""

    subscriber = models.ForeignKey(
        Subscriber,
        on_delete=models.CASCADE,
        related_name="topic_subscriptions",
        verbose_name=_("subscriber"),
    )
    # Whose only topic went with the topic itself would be told of all articles.
    topic = models.ForeignKey(
        Topic, on_delete=models.PROTECT, related_name="+", verbose_name=_("topic")
    )

    class Meta:
        verbose_name = _("chosen topic")
        verbose_name_plural = _("chosen topics")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "topic"], name="updates_topic_once")
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_id}: {self.topic_id}"


class UpdateFrequency(models.Model):
    """How often a subscriber is written to; who has no row is told at once.

    Days and hours are those of the subscriber's time zone. ``digest_on``: the day whose digest was
    planned last, or found to have nothing new; with it a digest is made once a day.
    ``outdated_digest``: one with an article that turned out to be wrong, until another is planned.
    """

    class Frequency(models.TextChoices):
        AT_ONCE = "at_once", _("At once: one e-mail for each article")
        DAILY = "daily", _("Daily: one e-mail for all articles of a day")
        WEEKLY = "weekly", _("Weekly: one e-mail for all articles of a week")

    class Weekday(models.IntegerChoices):
        MONDAY = 1, _("Monday")
        TUESDAY = 2, _("Tuesday")
        WEDNESDAY = 3, _("Wednesday")
        THURSDAY = 4, _("Thursday")
        FRIDAY = 5, _("Friday")
        SATURDAY = 6, _("Saturday")
        SUNDAY = 7, _("Sunday")

    subscriber = models.OneToOneField(
        Subscriber,
        on_delete=models.CASCADE,
        related_name="update_frequency",
        verbose_name=_("subscriber"),
    )
    frequency = models.CharField(
        _("how often"), max_length=10, choices=Frequency.choices, default=Frequency.AT_ONCE
    )
    weekday = models.PositiveSmallIntegerField(
        _("day of the weekly e-mail"), choices=Weekday.choices, default=Weekday.MONDAY
    )
    digest_on = models.DateField(_("day of the last digest"), null=True, editable=False)
    outdated_digest = models.ForeignKey(
        Mailing, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )

    class Meta:
        verbose_name = _("frequency of updates")
        verbose_name_plural = _("frequencies of updates")
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                name="updates_frequency",
                condition=Q(frequency__in=["at_once", "daily", "weekly"]),
            ),
            models.CheckConstraint(
                name="updates_weekday", condition=Q(weekday__gte=1, weekday__lte=7)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_id}: {self.frequency}"
