"""A PostgreSQL and a Redis that may be stopped: the other tests do not share them."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from portal.core.local.postgres import ROLE, EmbeddedPostgres, find_binaries
from portal.core.local.processes import unprivileged_account
from portal.core.local.redis_server import EmbeddedRedis
from portal.core.local.scratch import ScratchDirectory
from tests.fixtures_mail import ROOT

TEMPLATE = "template_faults"


class Cluster:
    """The two servers, and databases that are copies of an empty portal's."""

    def __init__(self, home: Path) -> None:
        account = unprivileged_account()
        # Not synced to the disk: what is tested is the death of processes, not of the machine.
        self.postgres = EmbeddedPostgres(home / "postgres", durable=False, account=account)
        self.redis = EmbeddedRedis(home / "redis", durable=False, account=account)
        self.binaries = find_binaries(account=account)
        self._numbers = itertools.count(1)

    def prepare(self, source: str | None) -> None:
        """Make the template from the database ``source`` (a URL), or by migrating."""
        with self.postgres.connect_as_superuser() as connection:
            # A server that was stopped at once must know what it has committed.
            connection.execute(f"ALTER ROLE {ROLE} SET synchronous_commit = on")
        template = self.postgres.create_database(TEMPLATE)
        if source is not None:
            # In a second instead of a quarter of a minute.
            self.load(self.dump(source), template)
        else:
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "--verbosity=0"],
                cwd=ROOT,
                env=os.environ | {"DATABASE_URL": template},
                check=True,
            )

    def new_database(self) -> str:
        name = f"faults_{next(self._numbers)}"
        with self.postgres.connect_as_superuser() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER {ROLE}")
        return name

    def drop_database(self, name: str) -> None:
        with self.postgres.connect_as_superuser() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def dump(self, url: str) -> bytes:
        """Return all of a database as SQL, as a backup has it."""
        command = [self.binaries / "pg_dump", "--no-owner", "--no-privileges", f"--dbname={url}"]
        return subprocess.run(command, check=True, capture_output=True, env=_environment()).stdout

    def load(self, dump: bytes, url: str) -> None:
        """Restore a dump into an empty database."""
        command = [self.binaries / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
        subprocess.run(
            [*command, "--single-transaction", "--output=/dev/null", f"--dbname={url}"],
            input=dump,
            check=True,
            env=_environment(),
        )


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}


@contextmanager
def running_cluster(source: str | None) -> Iterator[Cluster]:
    with ExitStack() as stack:
        scratch = ScratchDirectory(unprivileged_account())
        home = scratch.make()
        stack.callback(scratch.remove)
        cluster = Cluster(home)
        stack.enter_context(cluster.postgres)
        stack.enter_context(cluster.redis)
        cluster.prepare(source)
        yield cluster
