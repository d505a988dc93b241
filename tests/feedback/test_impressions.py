"""What is kept of impressions, and what results read of it."""

from datetime import date

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from feedback.impressions import impressions_of
from feedback.models import Impressions
from feedback.results.selection import Dimension, Selection
from tests.factories import PersonFactory, TopicFactory, published_article

pytestmark = pytest.mark.django_db

JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)


def keep(article, month, shown, started=0, submitted=0):
    return Impressions.objects.create(
        article=article, month=month, shown=shown, started=started, submitted=submitted
    )


# --- what results read ----------------------------------------------------------------------------


def test_sums_are_over_the_selections_articles_and_closed_months(django_assert_num_queries):
    one, other = published_article(), published_article()
    keep(one, JANUARY, 30, 20, 10)
    keep(one, FEBRUARY, 5, 4, 3)
    keep(other, JANUARY, 100, 50, 25)
    keep(one, timezone.localdate().replace(day=1), 1000, 1000, 1000)
    with django_assert_num_queries(1):
        assert impressions_of(Selection()) == (135, 74)
    assert impressions_of(Selection(article=one.pk)) == (35, 24)
    assert impressions_of(Selection(article=one.pk, month=FEBRUARY)) == (5, 4)
    assert impressions_of(Selection(month=JANUARY)) == (130, 70)
    assert impressions_of(Selection(article=one.pk, month=date(2025, 12, 1))) == (0, 0)


def test_topics_and_authors_choose_their_articles():
    broad, author = TopicFactory(), PersonFactory()
    narrow = TopicFactory(parent=broad)
    one, other = published_article(), published_article()
    keep(one, JANUARY, 30, 20)
    keep(other, JANUARY, 100, 50)
    type(one).objects.filter(pk=one.pk).update(search_topics=[narrow.pk])
    assert impressions_of(Selection(topic=broad.pk)) == (30, 20)
    assert impressions_of(Selection(topic=narrow.pk)) == (30, 20)
    assert impressions_of(Selection(author=author.pk)) == (0, 0)


def test_a_part_of_the_profile_has_no_impressions():
    keep(published_article(), JANUARY, 30, 20)
    assert impressions_of(Selection(dimension=Dimension.COUNTRY, value="GB")) is None


# --- what the database keeps ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("month", "numbers"),
    [
        (JANUARY, (1, 0, 0)),  # a second row of the same month
        (date(2026, 3, 2), (1, 0, 0)),
        (FEBRUARY, (1, 2, 0)),
        (FEBRUARY, (2, 1, 2)),
        (FEBRUARY, (-1, -1, -1)),
    ],
    ids=str,
)
def test_the_database_refuses_what_cannot_be(month, numbers):
    article = published_article()
    keep(article, JANUARY, 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        keep(article, month, *numbers)
    assert Impressions.objects.count() == 1
