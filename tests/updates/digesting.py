"""What tests of digests share: readers, articles, a clock and what was told."""

import datetime

from portal.updates.digests import plan_due_digests
from portal.updates.models import TopicSubscription, UpdateFrequency
from tests.factories import (
    PublishableArticleFactory,
    SubscriberFactory,
    publish,
)

# A Thursday.
DAY = datetime.datetime(2026, 3, 12, tzinfo=datetime.UTC)
NOON = DAY.replace(hour=12)


def reader(frequency="daily", *, topics=(), weekday=1, digest_on=None, **fields):
    subscriber = SubscriberFactory(**fields)
    for topic in topics:
        TopicSubscription.objects.create(subscriber=subscriber, topic=topic)
    if frequency:
        UpdateFrequency.objects.create(
            subscriber=subscriber, frequency=frequency, weekday=weekday, digest_on=digest_on
        )
    return subscriber


def new_article(*topics, **fields):
    article = PublishableArticleFactory(**fields)
    if topics:
        article.topics.set(topics)
    publish(article)
    return article


def told(subscriber):
    """Return the titles of which the planned mails tell, a list for each mail."""
    texts = subscriber.deliveries.exclude(state="skipped").order_by("pk")
    return [
        [line for line in text.splitlines() if line.startswith("Article ")]
        for text in texts.values_list("mailing__text", flat=True)
    ]


def tick(clock, moment):
    clock.move_to(moment)
    return plan_due_digests()
