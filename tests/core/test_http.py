"""Return addresses, malformed requests, health checks, errors."""

import pytest
from django.test import Client, RequestFactory

from portal.core.http import safe_next


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "\t//evil.example",
        " //evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "///evil.example",
        "https://evil.example/",
        "http:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "articles/",
        "/healthcare-professionals/",
        "/healthcare-professionals/?next=/articles/",
        "/healthcare-professionals",
        "/./healthcare-professionals/",
        "/%68ealthcare-professionals/",
        "/articles/../healthcare-professionals/",
        "",
    ],
)
def test_only_local_addresses_are_returned_to(address):
    request = RequestFactory().get("/", {"next": address})
    assert safe_next(request, forbidden=("/healthcare-professionals/",)) == "/"


@pytest.mark.parametrize(
    "address", ["/articles/", "/search/?q=CAR%20T&page=2", "/articles/a/#cite-1"]
)
def test_local_addresses_are_kept(address):
    assert safe_next(RequestFactory().get("/", {"next": address})) == address


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    ["/?q=%00", "/search/?q=a%00b", "/articles/a%00b/", "/%00", "/admin/?next=%00", "/topics/%00/"],
)
def test_nul_in_an_address_is_a_bad_request(client, address):
    response = client.get(address)
    assert response.status_code == 400
    assert "text/html" in response["Content-Type"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["session", "csrf", "attestation", "anything"])
def test_nul_in_a_cookie_is_a_bad_request(client, name):
    # SimpleCookie reads \\000 inside quotes as the character.
    response = client.get("/", headers={"cookie": f'{name}="abcdefgh\\000x"'})
    assert response.status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["/healthcare-professionals/", "/accounts/login/", "/updates/", "/admin/login/"]
)
def test_nul_in_a_form_field_is_a_bad_request(client, address):
    assert client.post(address, {"email": "a\x00b", "login": "a\x00b"}).status_code == 400
    assert client.post(address, {"a\x00b": "x"}).status_code == 400


@pytest.mark.django_db
def test_health(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/livez").content == b"ok\n"
    with django_assert_num_queries(1):
        response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"database": "ok", "redis": "ok"}


@pytest.mark.django_db
def test_readyz_reports_redis_without_failing_on_it(client, settings):
    settings.CACHES = {
        "default": {
            "BACKEND": "portal.core.cache.ForgivingRedisCache",
            "LOCATION": "redis://127.0.0.1:9/0",
        }
    }
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"database": "ok", "redis": "unavailable"}


@pytest.mark.django_db
def test_an_unknown_address_is_a_404_page(client):
    response = client.get("/no-such-place/")
    assert response.status_code == 404
    assert "<h1" in response.content.decode()


@pytest.mark.django_db
def test_a_missing_csrf_token_gets_a_page_that_says_what_to_do():
    response = Client(enforce_csrf_checks=True).post("/healthcare-professionals/", {})
    assert response.status_code == 403
    assert "<h1" in response.content.decode()


@pytest.mark.django_db
def test_other_hosts_are_refused(client, settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400


def test_an_outage_of_the_database_is_a_503_and_any_other_error_a_500():
    from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError

    from portal.core.views import server_error

    request = RequestFactory().get("/")
    errors = {
        OperationalError("gone"): 503,
        InterfaceError("closed"): 503,
        ProgrammingError("a bug"): 500,
        ValueError("a bug"): 500,
    }
    for error, status in errors.items():
        try:
            raise error
        except (DatabaseError, InterfaceError, ValueError):
            response = server_error(request)
        assert response.status_code == status
        assert "<h1" in response.content.decode()
        assert response.get("Retry-After") == ("10" if status == 503 else None)
