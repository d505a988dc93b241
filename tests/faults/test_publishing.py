"""Publishing an article plans its mails: a crash leaves both, or neither."""

import pytest

from .publishing import PUBLISHING_FAULTS


@pytest.mark.parametrize(
    "fault", PUBLISHING_FAULTS, ids=[fault.__name__ for fault in PUBLISHING_FAULTS]
)
def test_whoever_publishes_is_killed(fault, world):
    fault(world)
