"""Requests that break before Django has made a request of them: through the real entry point."""

import io
import sys

import pytest
from django.core.signals import request_started
from django.db import close_old_connections

from portal.wsgi import application

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def one_connection():
    """Keep the connection whose transaction the test runs in, as Django's test client does."""
    request_started.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)


def status_of(path="/livez", method="GET", body=b"", query="", **headers):
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        **headers,
    }
    statuses = []
    response = application(environ, lambda status, headers, error=None: statuses.append(status))
    b"".join(response)
    # Not response.close(): it would close the connection whose transaction the test runs in.
    return int(statuses[0].split()[0])


CHARSETS = [
    "charset=undefined",
    "charset=hex",
    "charset=idna",
    "charset=punycode",
    "charset=utf-7",
    "charset=utf-16",
    'CharSet="utf-7"',
    "charset*=foo''x",
    "charset*=utf-8''%00",
    "x*=foo''y",
    "charset=a\x00b",
    "charset=" + "x" * 20_000,
    "charset=\xe9\xff",
]


@pytest.mark.parametrize("charset", CHARSETS, ids=lambda value: value[:20])
@pytest.mark.parametrize(
    "media_type", ["text/html", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_a_declared_character_set_changes_nothing(charset, media_type):
    content_type = f"{media_type}; boundary=b; {charset}"
    # +AAA- is NUL and +2AA- a lone surrogate in UTF-7.
    for method in ("GET", "POST"):
        status = status_of(
            "/search/", method, b"q=+AAA-", "q=+AAA-+2AA-&x=%ff", CONTENT_TYPE=content_type
        )
        assert status == (200 if method == "GET" else 403)


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", ""])
def test_too_many_parameters_are_refused(content_type):
    query = "&".join(["q=1"] * 10_001)
    assert status_of("/search/", query=query, CONTENT_TYPE=content_type) == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_COOKIE": "session=\x00"},
        {"HTTP_COOKIE": "\x00=1"},
        {"HTTP_COOKIE": 'messages="\\000"'},
        {"HTTP_HOST": "a\x00b"},
        {"HTTP_HOST": "[::1"},
        {"HTTP_HOST": "a b"},
    ],
)
def test_malformed_headers_are_refused(headers):
    assert status_of("/healthcare-professionals/", **headers) == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_COOKIE": "attestation=" + "x" * 9000},
        {"HTTP_COOKIE": "csrf=" + "x" * 8000},
        {"HTTP_COOKIE": "messages=x:y:z; attestation=.eJx:1:x; session=" + "z" * 8000},
        {"HTTP_COOKIE": 'session="\\355\\240\\200"; =;;=; ' + "a" * 8000},
        {"HTTP_COOKIE": "session=\xff\xfe"},
        {"HTTP_ACCEPT_LANGUAGE": "a\x00, en;q=" + "9" * 5000},
        {"HTTP_X_FORWARDED_FOR": "\x00, 1", "HTTP_REFERER": "\x00"},
        {
            "HTTP_IF_MODIFIED_SINCE": "9" * 5000,
            "HTTP_IF_NONE_MATCH": '"',
            "HTTP_RANGE": "bytes=9-1",
        },
        {"CONTENT_LENGTH": "-5"},
        {"CONTENT_LENGTH": "x" * 100},
    ],
)
def test_garbage_in_headers_is_ignored(headers):
    assert status_of("/healthcare-professionals/", **headers) == 200


@pytest.mark.parametrize(
    "path",
    [
        "/\xff\xfe",
        "/\xed\xa0\x80",
        "//evil.example/x",
        "/\\evil.example",
        "/../../etc/passwd",
        "/static/../portal/settings.py",
        "/static/%2e%2e/portal/settings.py",
        "/static/x\\..\\y",
        "/" + "a" * 100_000,
        "/;a=b",
        "*",
        "//",
    ],
    ids=lambda value: value[:20],
)
def test_odd_paths_lead_nowhere(path):
    assert status_of(path) == 404


def test_nul_in_a_path_is_refused_also_where_files_are():
    assert status_of("/static/\x00") == 400
