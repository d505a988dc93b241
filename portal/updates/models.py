"""What a subscriber wants to be told of."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from articles.models import Topic
from portal.mail.models import Subscriber


class TopicSubscription(models.Model):
    """A topic that a subscriber has chosen. Who has chosen none is told of all articles."""

    subscriber = models.ForeignKey(
        Subscriber,
        on_delete=models.CASCADE,
        related_name="topic_subscriptions",
        verbose_name=_("subscriber"),
    )
    topic = models.ForeignKey(
        Topic, on_delete=models.CASCADE, related_name="+", verbose_name=_("topic")
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
