"""Disclosures and how long they speak."""

import datetime

import pytest
from django.db import IntegrityError

from portal.people.models import Person
from tests.factories import DisclosureFactory, PersonFactory

pytestmark = pytest.mark.django_db

TODAY = datetime.date(2026, 6, 1)


def days(number: int) -> datetime.timedelta:
    return datetime.timedelta(days=number)


@pytest.mark.parametrize(("age", "is_current"), [(0, True), (364, True), (365, False), (-1, False)])
def test_a_disclosure_goes_stale_after_a_year_and_does_not_come_from_the_future(age, is_current):
    disclosure = DisclosureFactory(declared_on=TODAY - days(age))
    assert (disclosure.person.current_disclosure(TODAY) == disclosure) is is_current


def test_the_latest_disclosure_counts():
    person = PersonFactory()
    DisclosureFactory(person=person, declared_on=TODAY - days(100))
    latest = DisclosureFactory(person=person, declared_on=TODAY - days(5), has_none=False)
    assert person.current_disclosure(TODAY) == latest


def test_given_names_are_not_cited_alone():
    with pytest.raises(IntegrityError, match="people_person_cited_name"):
        PersonFactory(given_names="Ada")


@pytest.mark.parametrize("count", [1, 3])
def test_prefetched_disclosures_cost_no_query(django_assert_num_queries, count):
    for _ in range(count):
        DisclosureFactory(declared_on=TODAY)
    with django_assert_num_queries(2):
        people = Person.objects.prefetch_related("disclosures")
        assert all(person.current_disclosure(TODAY) for person in people)
