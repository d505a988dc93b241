"""What every benchmark needs: services of its own, progress, and the line at the end."""

from __future__ import annotations

import json
import os
import secrets
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from portal.core.local.postgres import EmbeddedPostgres
from portal.core.local.processes import unprivileged_account
from portal.core.local.redis_server import EmbeddedRedis
from portal.core.local.scratch import ScratchDirectory

STARTED = time.monotonic()
STAFF = "staff@demo.example"


@dataclass(frozen=True, slots=True)
class Result:
    """What a benchmark found; ``ratio`` is measured ÷ ``against``."""

    name: str
    ratio: float
    against: str
    figures: dict[str, Any]

    def as_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


def progress(text: str) -> None:
    """Tell what happens now; standard output belongs to the result."""
    print(f"bench {time.monotonic() - STARTED:6.1f} s  {text}", file=sys.stderr, flush=True)


def median(values: Sequence[float], digits: int = 2) -> float:
    return round(statistics.median(values), digits)


@contextmanager
def portal_of_its_own() -> Iterator[EmbeddedPostgres]:
    """Start PostgreSQL and Redis, set Django up with ``benchmarks.settings``, and migrate.

    Once per process: Django's settings cannot be changed afterwards.
    """
    account = unprivileged_account()
    with ExitStack() as stack:
        scratch = ScratchDirectory(account)
        home = scratch.make()
        stack.callback(scratch.remove)
        progress("starting PostgreSQL and Redis")
        postgres = stack.enter_context(EmbeddedPostgres(home / "postgres", account=account))
        redis = stack.enter_context(EmbeddedRedis(home / "redis", account=account))
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "SECRET_KEY": secrets.token_hex(32),
            "DEBUG": "false",
            "SITE_URL": "http://localhost",
            "ALLOWED_HOSTS": "localhost",
            "DATABASE_URL": postgres.url,
            "REDIS_URL": f"{redis.url}/0",
            "EMAIL_URL": "smtp://127.0.0.1:9",
            "VAR_DIR": os.fspath(home / "var"),
            "LOG_LEVEL": "ERROR",
        }
        _set_up_django()
        yield postgres
        _close_connections()


def _set_up_django() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    progress("migrating")
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    call_command("load_demo", verbosity=0, stdout=sys.stderr)


def _close_connections() -> None:
    from django.db import connections

    connections.close_all()


def staff_browser() -> Any:
    """Return Django's test client, signed in as the demo's member of staff.

    From then on this process is like one of the web server's.
    """
    from django.conf import settings
    from django.test import Client

    from portal.accounts.models import User
    from portal.core.wsgi import collect_less_often

    collect_less_often()
    browser = Client(headers={"host": "localhost"})
    browser.force_login(User.objects.get(email=STAFF), settings.AUTHENTICATION_BACKENDS[0])
    return browser
