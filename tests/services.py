"""One PostgreSQL and one Redis for a run of the tests (a pytest plugin: `-p tests.services`).

The process that the user started (alone or as xdist's controller) starts them and stops them.
Each process of xdist gets a database (pytest-django names it), a Redis number and a queue of its
own. DATABASE_URL or REDIS_URL in the environment is used instead, with the same division.

Under CI=true a skipped test fails the run: what nobody sees skipped is a hole.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import coverage
import pytest

services = ExitStack()
skipped: list[str] = []


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes `-n auto` starts: more than cores, as tests wait for real servers.

    Each has a Redis number, of which there are 16.
    """
    return min(15, 2 * (os.cpu_count() or 1))


def start_services() -> None:
    """Start what the environment does not name, and name it there. Workers inherit it."""
    if "DATABASE_URL" in os.environ and "REDIS_URL" in os.environ:
        return
    # Imported here, because a worker of xdist never comes here: what is imported before
    # pytest-cov begins is not measured.
    from portal.core.local.postgres import EmbeddedPostgres
    from portal.core.local.processes import unprivileged_account
    from portal.core.local.redis_server import EmbeddedRedis
    from portal.core.local.scratch import ScratchDirectory

    account = unprivileged_account()
    scratch = ScratchDirectory(account)
    home = scratch.make()
    services.callback(scratch.remove)
    if "DATABASE_URL" not in os.environ:
        postgres = EmbeddedPostgres(home / "postgres", durable=False, account=account)
        os.environ["DATABASE_URL"] = services.enter_context(postgres).url
        services.callback(os.environ.pop, "DATABASE_URL", None)
    if "REDIS_URL" not in os.environ:
        redis = EmbeddedRedis(home / "redis", durable=False, account=account)
        os.environ["REDIS_URL"] = services.enter_context(redis).url
        services.callback(os.environ.pop, "REDIS_URL", None)


def prepare_environment() -> None:
    """What the settings read, for this process: `gw3` uses Redis number 4 and its own queue."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    base = os.environ.setdefault("TEST_REDIS_URL", os.environ["REDIS_URL"])
    number = int(worker.removeprefix("gw")) + 1 if worker else 0
    os.environ["REDIS_URL"] = urlsplit(base)._replace(path=f"/{number}").geturl()
    os.environ["CELERY_QUEUE"] = f"test-{worker or 'alone'}"
    os.environ["SECRET_KEY"] = "for-tests-only-" * 5
    os.environ["SITE_URL"] = "http://testserver"
    os.environ["ALLOWED_HOSTS"] = "*"
    os.environ["MEDIA_ROOT"] = services.enter_context(TemporaryDirectory(prefix="portal-media-"))
    private = TemporaryDirectory(prefix="portal-private-")
    os.environ["PRIVATE_ROOT"] = services.enter_context(private)
    # The plain storage needs no collectstatic before a page can name its style sheet.
    os.environ.setdefault(
        "STATICFILES_STORAGE", "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    # Playwright's synchronous interface runs an event loop in the thread of the test.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


# pytest-django imports the settings in this hook, so ours goes first.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None]:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        try:
            start_services()
        except BaseException:
            services.close()
            raise
    prepare_environment()
    try:
        yield
    except BaseException:
        services.close()
        raise


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Let one coverage measure a process of xdist: pytest-cov is about to start its own.

    What stands here (that of all subprocesses, by `patch`, among them) saw what was imported so
    far. If it went on, it would take over in tests that are marked `no_cover`.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        while (measuring := coverage.Coverage.current()) is not None:
            measuring.stop()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    services.close()


# --- under CI no test is skipped ------------------------------------------------------------------


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        skipped.append(f"{report.nodeid}: {_reason(report)}")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        skipped.append(f"{report.nodeid}: {_reason(report)}")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    where = report.longrepr
    return str(where[2]) if isinstance(where, tuple) else str(where)


def is_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if skipped and is_ci() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if skipped and is_ci():
        terminalreporter.section("skipped, which is a failure under CI", sep="!", red=True)
        for line in skipped:
            terminalreporter.line(line)
