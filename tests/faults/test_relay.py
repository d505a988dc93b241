"""A mail server that is down, slow, refuses, stalls, or breaks off before or after its 250."""

import pytest

from portal.mail.models import Delivery

from .scenarios import RELAY_FAULTS


@pytest.mark.parametrize("fault", RELAY_FAULTS, ids=[fault.__name__ for fault in RELAY_FAULTS])
def test_relay(fault, world):
    fault(world)
    assert not Delivery.objects.filter(state__in=Delivery.OPEN).exists()
