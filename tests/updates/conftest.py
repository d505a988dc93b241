from typing import Any

import pytest


@pytest.fixture(autouse=True)
def patient_memory(settings: Any) -> None:
    """No query for the content stamp between two that a test counts, however slow the machine."""
    settings.CONTENT_STAMP_SECONDS = 3600
