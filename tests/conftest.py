"""Fixtures that every test may use."""

from collections.abc import Iterator

import pytest

from portal.core.content_cache import memory


@pytest.fixture(autouse=True)
def cold_memory() -> Iterator[None]:
    """Start each test as a new process would: nothing remembered from another test's database."""
    memory.forget()
    yield
    memory.forget()


# --- mail: smtp_sink, celery_worker, start_celery_worker ------------------------------------------
from tests.fixtures_mail import celery_worker, smtp_sink, start_celery_worker  # noqa: E402, F401
