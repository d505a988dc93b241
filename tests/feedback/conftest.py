from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from psycopg import Cursor

from feedback.models import Survey
from feedback.surveys import start_draft
from portal.attestation.cookie import AttestedReader, set_cookie
from portal.attestation.models import Reader, current_statement
from tests.factories import ReaderFactory, UserFactory


def attest(client: Client, reader: Reader) -> Client:
    """Give ``client`` the cookie that ``reader`` got at the gate."""
    response = HttpResponse()
    set_cookie(response, AttestedReader(reader.pk, current_statement().number))
    client.cookies.update(response.cookies)
    return client


@pytest.fixture
def reader(db: None) -> Reader:
    return ReaderFactory(profession="physician", specialty="haematology", country="GB")


@pytest.fixture
def attested(client: Client, reader: Reader) -> Client:
    return attest(client, reader)


@pytest.fixture
def desk(db: None) -> Callable[[str], Client]:
    """Return a function that signs in a new member of a group (or nobody's: "")."""

    def sign_in(group: str) -> Client:
        client = Client()
        client.force_login(UserFactory(group=group or None, is_staff=True))
        return client

    return sign_in


@pytest.fixture
def read_in_the_tests_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare each test the commit and the flush that the export's own connection needs."""

    @contextmanager
    def snapshot() -> Iterator[Cursor]:
        with Cursor(connection.connection) as cursor:
            yield cursor

    monkeypatch.setattr("feedback.exports.writing.open_snapshot", snapshot)


@pytest.fixture
def survey(db) -> Survey:
    return Survey.objects.get(key="default")


@pytest.fixture
def draft(survey):
    return start_draft(survey)[0]


@pytest.fixture
def staff(desk) -> Client:
    return desk("Staff")


@pytest.fixture
def editor(desk) -> Client:
    return desk("Editors")
