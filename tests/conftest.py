"""Fixtures that every test may use."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches

from portal.core.content_cache import memory

# Walks along all pages run much of the code and check little of each line: what they run counts for
# no coverage, and they run twice as fast without its tracer.
WALKS = ("tests/journeys/", "tests/abuse/", "tests/test_doors.py")


# These take longest: one that began last would keep a single process busy at the end.
LONGEST = ("tests/journeys/test_every_page.py", "tests/core/test_local_run.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
    for item in items:
        if item.nodeid.startswith(WALKS):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(autouse=True)
def cold_memory(settings: Any) -> Iterator[None]:
    """Start each test as a new process would: nothing remembered from another test's database."""
    memory.forget()
    # A slow machine must not ask for the content stamp in the middle of counted queries.
    settings.CONTENT_STAMP_SECONDS = 3600
    # Limits on signing in are counted there.
    caches["default"].clear()
    yield
    memory.forget()


@pytest.fixture
def exports_directory(settings: Any) -> Iterator[Path]:
    """Where the files of exports lie; empty before and after."""
    directory = Path(settings.STORAGES["private"]["OPTIONS"]["location"]) / "exports"
    shutil.rmtree(directory, ignore_errors=True)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


# --- mail: smtp_sink, celery_worker, start_celery_worker ------------------------------------------
from tests.fixtures_mail import celery_worker, smtp_sink, start_celery_worker  # noqa: E402, F401
