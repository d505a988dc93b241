"""The plugin that starts the services: what it promises to every other test."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import redis

CHECKOUT = Path(__file__).resolve().parents[1]


SKIPS = {
    "called": "import pytest\ndef test_it(): pytest.skip('no browser')",
    "marked": "import pytest\n@pytest.mark.skip('no browser')\ndef test_it(): pass",
    "whole": "import pytest\npytest.skip('no browser', allow_module_level=True)",
    "sound": "def test_it(): pass",
}


def run_pytest(folder: Path, *arguments: str, ci: str) -> tuple[int, str]:
    """Run the plugin in a pytest of its own on the services that this run has already."""
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {CHECKOUT}\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.services"]
    command += ["-c", str(folder / "pytest.ini"), "-p", "no:cacheprovider", *arguments]
    if "-n" in arguments:
        command += ["-p", "xdist"]
    outer = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_XDIST", "COVERAGE_"))
    }
    done = subprocess.run(
        [*command, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env=outer | {"CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    return done.returncode, done.stdout


def test_each_process_has_a_redis_number_and_a_queue_of_its_own() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    number = int(worker.removeprefix("gw")) + 1 if worker else 0
    assert urlsplit(os.environ["REDIS_URL"]).path == f"/{number}"
    assert os.environ["CELERY_QUEUE"] == f"test-{worker or 'alone'}"
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        assert client.ping()
        assert client.connection_pool.connection_kwargs["db"] == number


def test_a_skipped_test_fails_the_run_under_ci(tmp_path: Path) -> None:
    for name, code in SKIPS.items():
        (tmp_path / f"test_{name}.py").write_text(code)
    assert run_pytest(tmp_path, ci="")[0] == 0
    # The skips happen in other processes than the one that judges them.
    code, said = run_pytest(tmp_path, "-n", "1", ci="true")
    assert code == 1
    listed = said.partition("skipped, which is a failure under CI")[2]
    assert all(f"test_{name}.py" in listed for name in ("called", "marked", "whole"))
    assert "test_sound.py" not in listed
    assert listed.count("no browser") == 3


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    code = "import pytest\n@pytest.mark.xfail\ndef test_it(): assert False"
    (tmp_path / "test_expected.py").write_text(code)
    assert run_pytest(tmp_path, ci="true")[0] == 0
