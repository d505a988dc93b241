"""`make run` and what it is made of: environment, set-up, and the whole thing."""

import fcntl
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import environ
import pytest

from portal.core.local import audit, bootstrap, chromium, environment
from portal.core.local.homes import home_of, remove_home
from portal.core.local.libreoffice import LIBREOFFICE
from portal.core.local.processes import free_port, wait_until

CHECKOUT = Path(bootstrap.__file__).resolve().parents[3]


# --- environment ----------------------------------------------------------------------------------


def test_env_file_is_read_as_the_settings_read_it(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        '# comment\n\nA=1\nexport B=\'two words\'\nC="line\\nbreak \\"q\\""\n'
        "D=a=b#c\nE=\nnot a line\n F=indented\nURL=postgres://u:p@h/d\n",
        encoding="utf-8",
    )

    class Env(environ.Env):
        ENVIRON: dict[str, str] = {}

    Env.read_env(path)
    assert environment.read_env_file(path) == Env.ENVIRON
    assert environment.read_env_file(tmp_path / "missing") == {}


def test_secrets_are_made_once_and_are_private(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = environment.kept_secrets(path, {"one": 20})
    assert len(first["one"]) == 20
    assert path.stat().st_mode & 0o777 == 0o600
    second = environment.kept_secrets(path, {"one": 20, "two": 30})
    assert second["one"] == first["one"]
    assert len(second["two"]) == 30
    for damaged in ("{", "[]", '{"one": 1}'):
        path.write_text(damaged)
        with pytest.raises(ValueError, match="damaged"):
            environment.kept_secrets(path, {"one": 20})


def test_shell_file_survives_odd_values(tmp_path: Path) -> None:
    path = tmp_path / "local.env"
    values = {"A": "it's $HOME", "B": "plain"}
    environment.write_shell_file(path, values)
    command = ["sh", "-c", '. "$0"; printf %s "$A|$B"', str(path)]
    assert subprocess.check_output(command, text=True) == "it's $HOME|plain"


def test_static_fingerprint_follows_the_files(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a.css").write_text("a")
    first = environment.static_fingerprint(tmp_path)
    assert environment.static_fingerprint(tmp_path) == first
    (tmp_path / "static" / "b.css").write_text("b")
    assert environment.static_fingerprint(tmp_path) != first


def test_data_lie_with_their_checkout(tmp_path: Path) -> None:
    """Removing `var` means beginning anew; copies and moved checkouts keep out of each other."""
    var, copy, moved = (tmp_path / name / "var" for name in ("first", "copy", "moved"))
    var.mkdir(parents=True)
    if os.geteuid() != 0:
        assert home_of(var, "postgres") == var / "postgres"
        return
    first = home_of(var, "postgres")
    try:
        assert home_of(var, "postgres") == first
        assert home_of(var, "redis").parent == first.parent
        assert first.parent.stat().st_mode & 0o777 == 0o711
        shutil.copytree(var.parent, copy.parent)
        second = home_of(copy, "postgres")
        assert second != first
        remove_home(second.parent)
        var.parent.rename(moved.parent)
        assert home_of(moved, "postgres") == first
        (moved / "outside").unlink()
        third = home_of(moved, "postgres")
        assert third != first
        assert not first.parent.exists()
        remove_home(third.parent)
    finally:
        remove_home(first.parent)


# --- set-up ---------------------------------------------------------------------------------------


def test_set_up_installs_once_and_takes_up_an_interrupted_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "with spaces" / ".venv"
    place.parent.mkdir()
    monkeypatch.setattr(sys, "executable", os.path.realpath(sys.executable))
    python = bootstrap.make_environment(place)
    assert bootstrap.make_environment(place) == python
    assert capsys.readouterr().out.count("making") == 1
    requirements = tmp_path / "local.txt"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    requirements.write_text("no-such-package==1 --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(bootstrap.SetupError, match="the package index does not answer or lacks"):
        bootstrap.install(python, requirements, place)
    requirements.write_text("# nothing\n")
    bootstrap.install(python, requirements, place)
    assert "installed in" in capsys.readouterr().out
    bootstrap.install(python, requirements, place)
    assert capsys.readouterr().out == ""

    # A release that came out after the pins, of a package that another one wants with an extra.
    monkeypatch.setenv("PIP_FIND_LINKS", os.fspath(tmp_path / "wheels"))
    pins = [
        make_wheel(tmp_path / "wheels", "pinned", "1.0"),
        make_wheel(tmp_path / "wheels", "user", "1.0", "Requires-Dist: pinned[more]>=1.0"),
    ]
    make_wheel(tmp_path / "wheels", "pinned", "1.1")
    requirements.write_text("\n".join(pins) + "\n")
    bootstrap.install(python, requirements, place)
    versions = "from importlib.metadata import version as v; print(v('pinned'), v('user'))"
    found = subprocess.run([python, "-c", versions], capture_output=True, text=True, check=True)
    assert found.stdout == "1.0 1.0\n"


def make_wheel(folder: Path, name: str, version: str, *metadata: str) -> str:
    """Write an empty package into `folder`; return its line for a file of requirements."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", "Provides-Extra: more"]
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "\n".join([*head, *metadata]) + "\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "not the one that local.txt was made"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: No matching distribution found for x", "the package index does not answer or"),
        ("error: something else", "pip failed: see the lines above"),
    ],
)
def test_set_up_says_what_to_do(output: str, advice: str) -> None:
    assert advice in bootstrap._advice(output, Path("local.txt"))


def test_set_up_waits_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)
    with (
        bootstrap.OneAtATime(),
        (tmp_path / "var/setup.lock").open() as other,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / "var/setup.lock").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def fail(_place: Path) -> Path:
        raise bootstrap.SetupError("this is why")

    monkeypatch.setattr(bootstrap, "make_environment", fail)
    assert bootstrap.main("local") == 1


def test_set_up_says_which_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    monkeypatch.setattr(bootstrap, "apt_install", lambda package: False)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    with pytest.raises(bootstrap.SetupError, match=f"apt-get install python{version}-venv"):
        bootstrap.ensure_venv_module()


def test_a_missing_browser_is_said_aloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert chromium.find_chromium() == browser
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "none"))
    assert chromium.main() == 0
    assert "ALL BROWSER TESTS WILL BE SKIPPED" in capsys.readouterr().err


def test_a_missing_spreadsheet_is_said_aloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOFFICE", str(tmp_path / "none"))
    assert LIBREOFFICE.find() is None
    assert LIBREOFFICE.main() == 0
    assert "FILES IN A SPREADSHEET WILL BE SKIPPED" in capsys.readouterr().err


def test_the_audit_tells_sound_from_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    sound: dict[str, Any] = {"name": "sound", "version": "1", "vulns": []}
    unknown = {"name": "unknown", "skip_reason": "not found"}
    flawed = {**sound, "name": "flawed", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
    assert audit.judge([sound]) == 0
    assert "no known vulnerability in 1 packages" in capsys.readouterr().out
    assert audit.judge([unknown]) == 0
    assert "NOT CHECKED" in capsys.readouterr().err
    assert audit.judge([sound, unknown]) == 0
    assert "NOT CHECKED, unknown to the advisory service: unknown" in capsys.readouterr().out
    assert audit.judge([sound, flawed]) == 1
    assert "flawed 1: CVE-1, fixed in 2" in capsys.readouterr().err


# --- the whole thing ------------------------------------------------------------------------------


class Run:
    """One `make run` of this checkout with data of its own."""

    def __init__(self, var: Path, **variables: str) -> None:
        own = ("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "SECRET_KEY", "SITE_URL", "ALLOWED_HOSTS")
        others = ("CELERY_QUEUE", "STATICFILES_STORAGE", "DJANGO_ALLOW_ASYNC_UNSAFE")
        outer = {name: value for name, value in os.environ.items() if name not in others}
        # Empty rather than absent, so that a developer's .env does not fill them.
        environment = outer | dict.fromkeys(own, "") | {"VAR_DIR": str(var)} | variables
        self.output = var.parent / f"output-{time.monotonic_ns()}"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "portal.core.local"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=CHECKOUT,
                env=environment,
            )

    @property
    def said(self) -> str:
        return self.output.read_text()

    def wait_for(self, text: str, *, seconds: float) -> str:
        wait_until(
            lambda: text in self.said or self.process.poll() is not None,
            seconds=seconds,
            pause=0.1,
        )
        assert text in self.said, self.said
        return self.said

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


def status_of(url: str, path: str) -> int:
    address = re.fullmatch(r"http://(localhost:\d+)/", url)
    assert address
    connection = http.client.HTTPConnection(address[1], timeout=10)
    connection.request("GET", path)
    return connection.getresponse().status


def who_can_sign_in(var: Path) -> list[str]:
    """The demo users with the passwords of their file, as the running database knows them."""
    report = var / "report.json"
    command = [sys.executable, "manage.py", "load_demo", "--if-empty", "--sign-ins", str(report)]
    told = environment.read_env_file(var / "local.env")
    subprocess.run(command, env=dict(os.environ) | told, check=True, cwd=CHECKOUT)
    return list(json.loads(report.read_text()))


@pytest.fixture
def var(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "with spaces" / "var"
    place.mkdir(parents=True)
    yield place
    if os.geteuid() == 0:
        remove_home(home_of(place, "postgres").parent)


def test_make_run_from_the_first_start_to_the_repair(var: Path) -> None:
    port = str(free_port())
    first = Run(var, PORT=port)
    try:
        said = first.wait_for("Ctrl-C stops everything.", seconds=300)
        url = f"http://localhost:{port}/"
        assert f"Site           {url}" in said
        users = json.loads((var / "demo_users.json").read_text())
        assert set(users) == set(environment.DEMO_USERS)
        assert all(re.search(rf"{email} +{word}\n", said) for email, word in users.items())
        assert status_of(url, "/") == 200
        mail = re.search(r"Mail it sends +(\S+)", said)
        assert mail
        assert status_of(mail[1], "/") == 200
        first.wait_for("ready.", seconds=20)  # the worker
        assert status_of(url, "/updates/unsubscribe/se%1B%5B31mcret%0Aweb%20forged/") == 404
        said = first.wait_for("GET /updates/unsubscribe/<str:token>/ 404", seconds=10)
        assert "GET /livez 200" in said
        assert "forged" not in said

        second = Run(var)
        assert second.process.wait(20) == 1
        assert second.said.count("\n") == 1
        assert f"already runs at {url}" in second.said

        secret = json.loads((var / "secrets.json").read_text())
        collected = (var / "static.stamp").read_text()
        first.process.kill()
        first.process.wait()
        (var / "demo_users.json").unlink()
    finally:
        first.process.kill()
    third = Run(var, PORT=port)
    try:
        said = third.wait_for("Ctrl-C stops everything.", seconds=180)
        # Somebody may edit the style sheets while the tests run.
        is_changed = environment.static_fingerprint(CHECKOUT) != collected
        assert ("collectstatic" in said) == is_changed
        assert json.loads((var / "secrets.json").read_text()) == secret
        found = re.search(r"Site +(\S+)", said)
        assert found
        assert status_of(found[1], "/") == 200
        # New passwords were made, and they are those of the users.
        assert json.loads((var / "demo_users.json").read_text()).keys() == users.keys()
        assert json.loads((var / "demo_users.json").read_text()) != users
        assert who_can_sign_in(var) == list(environment.DEMO_USERS)
    finally:
        assert third.stop() == 0
    assert environment.leftover_processes(environment.mark_of(var)) == []
    assert not (var / "run.json").exists()


def test_make_run_refuses_a_port_that_is_none(var: Path) -> None:
    run = Run(var, PORT="eighty")
    assert run.process.wait(20) == 1
    assert "PORT must be a number" in run.said
