"""What tests of restored databases share: dumps, and runs of a worker on another database."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from portal.core.local.postgres import find_binaries
from portal.core.local.processes import unprivileged_account
from tests.fixtures_mail import ROOT, worker_environment

RUN = """
import django
django.setup()
from portal.mail.worker import deliver_everything_due
print("accepted", deliver_everything_due())
"""


def url_of(database):
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}").geturl()


def dump(url, path: Path):
    """Write a dump of the database; return its path."""
    binaries = find_binaries(account=unprivileged_account())
    with path.open("wb") as output:
        subprocess.run(
            [binaries / "pg_dump", "--format=custom", "--no-owner", url], stdout=output, check=True
        )
    return path


def restore(path: Path, url):
    binaries = find_binaries(account=unprivileged_account())
    with path.open("rb") as dumped:
        subprocess.run(
            [binaries / "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={url}"],
            stdin=dumped,
            check=True,
        )


def _python(settings, url, *arguments):
    environment = worker_environment(settings) | {
        "DATABASE_URL": url,
        "EMAIL_URL": f"smtp://127.0.0.1:{settings.EMAIL_PORT}",
    }
    return subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def run_worker(settings, url):
    """Look into the outbox once, as a worker does; return how many were accepted, and its log."""
    process = _python(settings, url, "-c", RUN)
    assert process.returncode == 0, process.stderr
    return int(process.stdout.split()[-1]), process.stderr


def manage(settings, url, *arguments):
    return _python(settings, url, "manage.py", *arguments)
