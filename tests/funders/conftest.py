import pytest

from tests.factories import UserFactory


@pytest.fixture
def staff(client):
    client.force_login(UserFactory(group="Staff"))
    return client


@pytest.fixture
def editor(client):
    client.force_login(UserFactory(group="Editors"))
    return client


@pytest.fixture
def chief(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client
