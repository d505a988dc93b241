"""No address, parameter or filter gives a 500, whatever stands where a number or a date belongs.

Each place gets a few values of the corpus, and the next place the next ones: all places together
meet all values, in a number of requests that a test can afford. An exception in a view would be
raised here, through the client.
"""

from collections.abc import Iterator
from inspect import isclass
from itertools import cycle

import pytest
from django.contrib import admin
from django.db import transaction
from django.urls import reverse

from portal.core.models import SiteSettings
from tests.addresses import address_of, all_patterns, arguments_of

from .corpus import DATES, NUL, NUMBERS, TEXTS

ANSWERS = {200, 301, 302, 400, 403, 404, 405}
VALUES = [value for value in [*NUMBERS, *DATES, *TEXTS] if NUL not in value]

# What the admin and our own views read from the query string.
PARAMETERS = [
    "page", "q", "p", "o", "e", "all", "next", "email", "topics", "person", "title", "article",
    "term", "app_label", "model_name", "field_name", "_popup", "_to_field", "_changelist_filters",
    "a[]", "a[b]", "supported_by",
]  # fmt: skip
LIST_PARAMETERS = [
    "p", "q", "o", "all", "_facets", "_changelist_filters", "_to_field", "id__in", "pk",
    "id__regex", "id__range", "nonsense__deep",
]  # fmt: skip


def status_of(client, address) -> int:
    """Return the answer's status, and undo all that the request did (also a failed query)."""
    before = transaction.savepoint()
    try:
        return client.get(address).status_code
    finally:
        transaction.savepoint_rollback(before)


def wrong(client, addresses: Iterator[str]) -> dict[str, int]:
    statuses = {address: status_of(client, address) for address in addresses}
    assert statuses
    return {address[:300]: status for address, status in statuses.items() if status not in ANSWERS}


def filter_parameters(model_admin) -> list[str]:
    parameters = list(LIST_PARAMETERS)
    for field in model_admin.list_filter:
        if isclass(field):
            parameters.append(field.parameter_name)
            continue
        name = field if isinstance(field, str) else field[0]
        suffixes = ("", "__exact", "__in", "__isnull", "__id__exact", "__isempty", "__gte")
        parameters += [f"{name}{suffix}" for suffix in suffixes]
    if day := model_admin.date_hierarchy:
        parts = ("year", "month", "day", "gte", "lt", "range", "date")
        parameters += [f"{day}__{part}" for part in parts]
    return parameters


IMPOSSIBLE_DAYS = [("2024", "13", "1"), ("2024", "2", "30"), ("0", "0", "0"), ("9999", "12", "31"),
                   ("99999", "1", "1"), ("2024", "x", "1"), ("1", "1", "1")]  # fmt: skip


def test_the_desks_lists(world):
    values = cycle([*VALUES, *NUMBERS, *DATES])

    def addresses() -> Iterator[str]:
        for model, model_admin in admin.site._registry.items():
            address = reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")
            for parameter in filter_parameters(model_admin):
                yield f"{address}?{parameter}={next(values)}"
            if day := model_admin.date_hierarchy:
                for year, month, date in IMPOSSIBLE_DAYS:
                    yield (f"{address}?{day}__year={year}&{day}__month={month}&{day}__day={date}")

    assert wrong(world.all_powerful(), addresses()) == {}


def test_the_desks_lists_take_no_filter_that_they_do_not_offer(world):
    """Neither lookups of extensions that we do without, nor years that no calendar has."""
    client = world.all_powerful()
    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")
        if model is SiteSettings:
            continue  # one row, no list
        for field in model._meta.concrete_fields:
            for lookup in sorted({*field.get_lookups(), "year__gte", "iso_year"}):
                name = f"{field.name}__{lookup}"
                statuses = {status_of(client, f"{address}?{name}={v}") for v in ("-1", "99999")}
                assert statuses <= ANSWERS, name
        assert status_of(client, f"{address}?nonsense__trigram_similar=x") == 400


def test_arguments_in_paths(world):
    values = cycle(value for value in VALUES if value)

    def addresses() -> Iterator[str]:
        for name, pattern in all_patterns():
            if not arguments_of(pattern):
                continue
            path = address_of(name, pattern)
            parts = path.strip("/").split("/")
            for place in range(1 if parts[0] != "admin" else 3, len(parts)):
                yield "/" + "/".join([*parts[:place], next(values), *parts[place + 1 :], ""])

    assert wrong(world.all_powerful(), addresses()) == {}


@pytest.mark.parametrize("who", ["visitor", "attested", "all_powerful"])
def test_parameters_everywhere(world, who):
    values = cycle(VALUES)

    def addresses() -> Iterator[str]:
        for name, pattern in all_patterns():
            address = address_of(name, pattern)
            if who != "all_powerful" and name.startswith("admin:"):
                continue  # the sign-in page, again and again
            for _ in range(1 if name.startswith("admin:") else 4):
                value = next(values)
                yield address + "?" + "&".join(f"{name}={value}" for name in PARAMETERS)

    assert wrong(getattr(world, who)(), addresses()) == {}


def test_the_desk_refuses_a_key_field_without_a_name(world):
    client = world.all_powerful()
    for view in ("change", "delete"):
        address = reverse(f"admin:articles_article_{view}", args=[world.article.pk])
        assert status_of(client, f"{address}?_to_field=") == 400
        assert client.post(address, {"_to_field": ""}).status_code == 400
        assert status_of(client, f"{address}?_to_field=id") == 200


def test_every_public_place_meets_every_value(world):
    client = world.all_powerful()
    places = [
        "/search/?q={}",
        "/articles/?page={}",
        "/articles/late-failure/?page={}",
        "/articles/{}/",
        "/articles/{}/feedback/",
        "/topics/{}/",
        "/pages/{}/",
        "/updates/unsubscribe/{}/",
        "/updates/confirm/{}/",
        "/accounts/confirm-email/{}/",
        "/accounts/password/reset/key/{}/",
        "/admin/feedback/survey/results/{}/",
        "/admin/feedback/survey/results/?page={0}&comments={0}",
        "/admin/feedback/survey/results/?article={0}&topic={0}&author={0}&month={0}&readers={0}",
        "/admin/feedback/survey/results/?article={}",
        "/admin/feedback/survey/results/articles/?q={}",
        "/admin/r/{0}/{0}/",
        "/admin/autocomplete/?term={}&app_label=articles&model_name=articleauthor&field_name=person",
    ]
    assert wrong(client, (place.format(value) for place in places for value in VALUES)) == {}


def test_nul_is_refused_everywhere(world):
    client = world.all_powerful()
    for name, pattern in all_patterns():
        assert status_of(client, f"{address_of(name, pattern)}?anything=a%00b") == 400


def test_an_address_of_100_kilobytes_and_a_flood_of_parameters(world):
    for client in (world.visitor(), world.all_powerful()):
        for address in ("/search/", "/articles/", "/admin/articles/article/"):
            assert status_of(client, f"{address}?q={'x' * 100_000}") in {200, 302, 400}
            assert status_of(client, f"{address}?{'&'.join(['p=1'] * 2999)}") in {200, 302, 400}
            assert status_of(client, f"{address}?{'&'.join(['p=1'] * 10_001)}") == 400
