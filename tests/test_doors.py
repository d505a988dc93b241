"""Every address as every kind of visitor, compared with the table in ``doors.txt``.

An address that is not in the table fails: whoever adds one decides who may come in. The lines
that differ stand in the failure's output, ready for the table.
"""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from feedback.models import Survey
from feedback.surveys import start_draft
from portal.accounts.models import User
from portal.attestation.models import current_statement
from portal.mail.models import Subscriber
from tests.addresses import address_of, all_patterns

TABLE = Path(__file__).with_name("doors.txt")
VISITORS = ("visitor", "attested", "editor", "staff")

pytestmark = pytest.mark.django_db


def _outcome(client: Client, address: str) -> str:
    response = client.get(address)
    if response.status_code in (301, 302, 303):
        to = response["Location"]
        for start, word in (
            (reverse("gate"), "gate"),
            (reverse("account_login"), "sign-in"),
            (reverse("admin:login"), "sign-in"),
            (reverse("account_reauthenticate"), "reauthenticate"),
        ):
            if to.startswith(start):
                return word
        return f"to {to.split('?')[0]}"
    # Not by its template: a page that is remembered is not rendered again.
    if b'class="teaser-summary"' in response.getvalue():
        return "teaser"
    return str(response.status_code)


@pytest.fixture
def clients(settings) -> dict[str, Client]:
    settings.CONTENT_STAMP_SECONDS = 60
    call_command("load_demo", verbosity=0)
    Subscriber.objects.create(email="reader@example.org")
    start_draft(Survey.objects.get(key="default"))
    clients = {name: Client(raise_request_exception=False) for name in VISITORS}
    clients["attested"].post(
        reverse("gate"),
        {"is_healthcare_professional": "on", "statement": current_statement().number},
    )
    for name in ("editor", "staff"):
        clients[name].force_login(User.objects.get(email=f"{name}@demo.example"))
    return clients


def test_every_address_as_every_visitor(clients):
    expected = {}
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            name, *outcomes = (cell.strip() for cell in line.split("|"))
            expected[name] = tuple(outcomes)
    actual = {}
    for name, pattern in all_patterns():
        address = address_of(name, pattern)
        actual[name] = tuple(_outcome(clients[visitor], address) for visitor in VISITORS)
    different = "\n".join(_lines(actual, but=expected))
    assert not different, f"not as in {TABLE.name}:\n{different}"
    assert sorted(expected) == sorted(actual)


def _lines(actual: dict[str, tuple[str, ...]], but: dict[str, tuple[str, ...]]) -> list[str]:
    """Return the table's lines for what is not as expected."""
    return [
        f"{name:<50}" + "".join(f" | {outcome:<14}" for outcome in outcomes).rstrip()
        for name, outcomes in sorted(actual.items())
        if but.get(name) != outcomes
    ]
