"""People at the desk who make, read and check reports."""

import pytest
from django.test import Client

from tests.factories import UserFactory


@pytest.fixture
def staff(db):
    return UserFactory(group="Staff", name="Stacey Staff")


@pytest.fixture
def desk(staff):
    """The browser of a member of staff."""
    client = Client()
    client.force_login(staff)
    return client
