import pytest

from portal.attestation.models import current_statement
from tests.factories import UserFactory

from .reference_server import reference_server


@pytest.fixture
def attested(db, client):
    """A browser whose reader attested at the gate."""
    response = client.post(
        "/healthcare-professionals/",
        {"is_healthcare_professional": "on", "statement": current_statement().number},
    )
    assert response.status_code == 302
    return client


@pytest.fixture
def editor(db):
    return UserFactory(group="Editors")


@pytest.fixture
def desk(client, editor):
    """A browser in which an editor is signed in."""
    client.force_login(editor)
    return client


@pytest.fixture
def references_online(settings):
    """A local server that answers as Crossref and PubMed do."""
    with reference_server() as server:
        settings.CROSSREF_URL = settings.NCBI_URL = server.url
        settings.REFERENCE_MAILTO = "editors@portal.example"
        yield server
