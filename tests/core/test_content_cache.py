"""What a process remembers, and when it stops believing it."""

import pytest
from django.db import connection, transaction

from portal.core.content_cache import content_cached, memory
from portal.core.models import ContentStamp, SiteSettings, site_settings
from portal.funders.models import Funder

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def long_interval(settings):
    settings.CONTENT_STAMP_SECONDS = 60


def check_again() -> None:
    memory.checked_at = float("-inf")


def test_a_result_is_remembered_per_arguments(django_assert_num_queries):
    calls = []

    @content_cached
    def double(number: int) -> int:
        calls.append(number)
        return number * 2

    with django_assert_num_queries(1):  # the stamp
        assert [double(1), double(1), double(2)] == [2, 2, 4]
    assert calls == [1, 2]


def test_a_change_by_any_path_is_seen_at_the_next_check():
    SiteSettings.objects.create(name="First")
    assert site_settings().name == "First"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE core_sitesettings SET name = 'Second'")
    assert site_settings().name == "First"
    check_again()
    assert site_settings().name == "Second"


def test_a_rolled_back_change_is_not_mistaken_for_a_later_one():
    check_again()
    before = ContentStamp.objects.get().value
    try:
        with transaction.atomic():
            Funder.objects.create(name="Never")
            in_between = ContentStamp.objects.get().value
            raise RuntimeError
    except RuntimeError:
        pass
    Funder.objects.create(name="Ever")
    assert ContentStamp.objects.get().value not in (before, in_between)


def test_midnight_drops_what_was_remembered(time_machine, settings):
    settings.TIME_ZONE = "Europe/London"
    calls = []

    @content_cached
    def count() -> int:
        calls.append(1)
        return len(calls)

    time_machine.move_to("2026-03-01T23:59:59Z")
    assert (count(), count()) == (1, 1)
    time_machine.move_to("2026-03-02T00:00:00Z")
    assert count() == 2


def test_languages_do_not_share_results():
    from django.utils.translation import get_language, override

    @content_cached
    def language() -> str | None:
        return get_language()

    with override("en-gb"):
        assert language() == "en-gb"
    with override("de"):
        assert language() == "de"
