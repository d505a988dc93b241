"""This room knows no other: here everybody's disclosure is needed, whoever else says so."""

import pytest

from portal.people import needs


@pytest.fixture(autouse=True)
def everybody_is_needed(monkeypatch):
    monkeypatch.setattr(needs, "_conditions", [])
