"""The desk's list of scheduled articles: what it costs, and how long it becomes."""

import datetime
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from articles.services import schedule_article
from portal.mail.models import Subscriber
from portal.updates import desk
from portal.updates.models import TopicSubscription, UpdateFrequency
from tests.factories import (
    PublishableArticleFactory,
    SubscriberFactory,
    TopicFactory,
    approve,
)

from .upcoming import UPCOMING, words

pytestmark = pytest.mark.django_db


def scheduled(*topics, **fields):
    article = PublishableArticleFactory(**fields)
    if topics:
        article.topics.set(topics)
    approve(article)
    at = timezone.now() + datetime.timedelta(hours=2)
    schedule_article(article=article, user=None, scheduled_for=at)
    return article


def test_ten_articles_on_the_same_topic_cost_as_much_as_one(editor):
    lymphoma = TopicFactory()
    topic = TopicFactory(parent=lymphoma)
    SubscriberFactory(paused_until="2099-01-01")
    counts = []
    for number in (1, 9):
        for _ in range(number):
            scheduled(topic)
        editor.get(UPCOMING)
        with CaptureQueriesContext(connection) as queries:
            editor.get(UPCOMING)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_each_article_counts_the_readers_of_its_own_topics(editor):
    lymphoma, other = TopicFactory(), TopicFactory()
    narrow = TopicFactory(parent=lymphoma)
    readers = SubscriberFactory.create_batch(4)
    for subscriber, topic in zip(readers, [lymphoma, narrow, other], strict=False):
        TopicSubscription.objects.create(subscriber=subscriber, topic=topic)
    UpdateFrequency.objects.create(subscriber=readers[1], frequency="daily")
    # Paused: not told at once, and later by a digest.
    Subscriber.objects.filter(pk=readers[2].pk).update(paused_until="2099-01-01")
    scheduled(narrow, title="On the narrow one")
    scheduled(other, title="On another")
    page = words(editor.get(UPCOMING))
    assert re.search(r"On the narrow one [^A-Z]+ [A-Z]\w+ \d+, \d\d:\d\d 2 1 ", page)
    assert re.search(r"On another [^A-Z]+ [A-Z]\w+ \d+, \d\d:\d\d 1 0 ", page)


def test_a_list_that_is_cut_off_says_so(editor, monkeypatch):
    monkeypatch.setattr(desk, "MOST_ARTICLES", 2)
    scheduled(), scheduled()
    assert "are shown" not in words(editor.get(UPCOMING))
    scheduled()
    assert "Only the next 2 articles are shown." in words(editor.get(UPCOMING))
