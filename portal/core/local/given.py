"""The services that the owner names, asked before anything is started: do they answer?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import environ
import psycopg
import redis

from .processes import LocalServiceError
from .redis_server import NEVER_AGAIN

# For all of them together, in seconds: libpq alone would wait for this long at each address.
PATIENCE = 2.0
FORMS = {
    "DATABASE_URL": "postgres://user:password@host:5432/name",
    "REDIS_URL": "redis://:password@host:6379/0",
}
NAMES = {
    "DATABASE_URL": ("PostgreSQL", "the database"),
    "REDIS_URL": ("Redis", "the Redis"),
}
# What Django takes out of a URL's parameters before they reach the server.
DJANGOS = {"assume_role", "isolation_level", "pool", "server_side_binding"}


def check_given(*, database_url: str, redis_url: str) -> None:
    """Raise LocalServiceError, with a sentence for each, unless the named services answer.

    An empty URL names none. No sentence repeats a URL, which may hold a password.
    """
    questions: dict[str, tuple[str, Callable[[str], None]]] = {
        "DATABASE_URL": (database_url, ask_database),
        "REDIS_URL": (redis_url, ask_redis),
    }
    answers: dict[str, str] = {}

    def ask(name: str, url: str, question: Callable[[str], None]) -> None:
        try:
            question(url)
        except (psycopg.Error, redis.RedisError, OSError, UnicodeError) as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            answers[name] = _unusable(name, first)
        except ValueError:
            answers[name] = f"{name} must be of the form {FORMS[name]}: {_advice(name)}"
        else:
            answers[name] = ""

    asking = {
        name: threading.Thread(target=ask, args=(name, url, question), daemon=True)
        for name, (url, question) in questions.items()
        if url
    }
    end = time.monotonic() + PATIENCE
    for thread in asking.values():
        thread.start()
    for thread in asking.values():
        thread.join(max(end - time.monotonic(), 0))
    said = [answers.get(name, _unusable(name, "it does not answer")) for name in asking]
    if any(said):
        raise LocalServiceError("\n".join(filter(None, said)))


def ask_database(url: str) -> None:
    """Connect as the settings will. Raises ValueError for what is no URL of a database."""
    if urlsplit(url).scheme not in ("postgres", "postgresql", "psql", "pgsql"):
        raise ValueError
    found = environ.Env.db_url_config(url)
    if not found["NAME"]:
        raise ValueError
    told = {
        "dbname": found["NAME"],
        "user": found["USER"],
        "password": found["PASSWORD"],
        "host": found["HOST"],
        "port": found["PORT"],
        **found.get("OPTIONS", {}),
    }
    psycopg.connect(
        **{name: value for name, value in told.items() if value and name not in DJANGOS}
    ).close()


def ask_redis(url: str) -> None:
    """Ask for a sign of life. Raises ValueError for what is no URL of a Redis."""
    parts = urlsplit(url)
    number = parts.path.removeprefix("/")
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or parts.port == 0:
        raise ValueError
    if number and not number.isdecimal():
        raise ValueError
    with redis.Redis.from_url(url, retry=NEVER_AGAIN) as client:
        client.ping()


def _unusable(name: str, why: str) -> str:
    return (
        f"The {NAMES[name][0]} of {name} cannot be used ({why}): start the server, {_advice(name)}"
    )


def _advice(name: str) -> str:
    return f"correct the variable, or remove it to use {NAMES[name][1]} that is started here."
