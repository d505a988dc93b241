"""The log of requests: which address and with what result, never whose or with which token."""

import logging
import os
import subprocess
import sys

import pytest
from django.conf import settings

from portal.core.logs import PrivateFormatter

ACCESS_LOG = "portal.core.middleware.AccessLogMiddleware"


@pytest.fixture
def access_log(settings, caplog):
    """The middleware in the place that ACCESS_LOG gives it, and what it writes."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:2], ACCESS_LOG, *settings.MIDDLEWARE[2:]]
    caplog.set_level(logging.INFO, logger="portal.access")

    def lines() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.name == "portal.access"]

    return lines


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("/livez?q=lymphoma", "GET /livez 200"),
        ("/updates/unsubscribe/a-token/", "GET /updates/unsubscribe/<str:token>/ 404"),
        (
            "/updates/unsubscribe/a%0AGET%20fake%1B%5B31m%C2%9B/",
            "GET /updates/unsubscribe/<str:token>/ 404",
        ),
        ("/no/such/Jane%20Roe/", "GET (no such address) 404"),
        ("/updates/%00/", "GET (no such address) 400"),
        (
            "/accounts/confirm-email/a-key/",
            r"GET /accounts/confirm-email/(?P<key>[-:\w]+)/$ 200",
        ),
    ],
)
def test_a_line_names_the_route(client, access_log, address, line):
    client.get(address)
    assert access_log() == [line]


def test_a_method_that_is_none_is_not_repeated(client, access_log):
    client.generic("JANE.ROE", "/livez")
    client.post("/livez")
    assert access_log() == ["(other) /livez 405", "POST /livez 405"]


@pytest.mark.django_db
def test_a_line_costs_no_query(client, access_log, django_assert_num_queries):
    with django_assert_num_queries(0):
        client.get("/livez")
    assert access_log() == ["GET /livez 200"]


def test_only_who_asks_for_it_has_it():
    assert settings.ACCESS_LOG is False
    assert ACCESS_LOG not in settings.MIDDLEWARE
    said = subprocess.run(
        [sys.executable, "-c", "from portal import settings; print(settings.MIDDLEWARE[2])"],
        env={**os.environ, "ACCESS_LOG": "true"},
        capture_output=True,
        text=True,
        check=True,
        cwd=settings.BASE_DIR,
    )
    assert said.stdout == f"{ACCESS_LOG}\n"


@pytest.mark.django_db
def test_what_django_escapes_is_left_out_too(client, caplog):
    client.get("/updates/unsubscribe/a%0Asecret/")
    formatter = PrivateFormatter("%(message)s")
    written = [formatter.format(record) for record in caplog.records]
    assert written == ["Not Found: /updates/unsubscribe/<str:token>/"]
