"""Fixtures of the faults: a cluster per process, a world per test or file of tests."""

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from portal.mail.models import Delivery

from .cluster import Cluster, running_cluster
from .harness import World


@pytest.fixture(scope="session")
def cluster(django_db_setup: None, django_db_blocker: Any) -> Iterator[Cluster]:
    """PostgreSQL and Redis of our own, with the tables of the tests' database."""
    name = connection.settings_dict["NAME"]
    source = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    with django_db_blocker.unblock():
        # pytest-django makes one only if a test of this run asks for it.
        has_tables = Delivery._meta.db_table in connection.introspection.table_names()
        connection.close()
    with running_cluster(source if has_tables else None) as running:
        yield running


@pytest.fixture(scope="module")
def make_world(
    cluster: Cluster, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., World]]:
    """Return a function that makes worlds: the one that is entered is Django's database."""
    with django_db_blocker.unblock():
        yield lambda **options: World(cluster, tmp_path_factory.mktemp("world"), **options)


@pytest.fixture(scope="module")
def shared_world(make_world: Callable[..., World]) -> Iterator[World]:
    """One world for a file: each test checks all that has happened in it so far."""
    with make_world() as world:
        yield world


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    """The file's world, without workers at the beginning."""
    yield shared_world
    shared_world.sink.on.clear()
    shared_world.stop_workers()
