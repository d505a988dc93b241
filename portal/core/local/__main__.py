"""`make run`: everything that the portal needs, in one terminal.

    .venv/bin/python -m portal.core.local

Reads DATABASE_URL, REDIS_URL, EMAIL_URL and PORT from the environment or `.env`; what is not set
there is started here. Data, passwords and logs lie under `var/`.
"""
# ruff: noqa: T201 - before the log is open there is only print

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path

from .environment import (
    DEMO_USERS,
    MARK,
    kept_secrets,
    leftover_processes,
    mark_of,
    read_env_file,
    static_fingerprint,
    write_private,
    write_shell_file,
)
from .given import check_given
from .homes import home_of
from .postgres import EmbeddedPostgres
from .processes import LocalServiceError, free_port, is_alive, wait_until
from .redis_server import EmbeddedRedis
from .supervisor import Child, Log, StopRequested, Supervisor
from .web import web_command

CHECKOUT = Path(__file__).resolve().parents[3]
WEB_PORT = 8000
MAIL_PORT = 8025
LAST_PORT = 65535


class Launcher:
    """One `make run`, from the lock to the last child's end."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        # As for the settings: what the environment says goes before what .env says.
        self.given = read_env_file(checkout / ".env") | dict(os.environ)
        self.var = Path(self.given.get("VAR_DIR") or checkout / "var").absolute()
        self.var.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.mail_url = ""
        self.url = ""
        self.port = 0
        self.demo_users: dict[str, str] = {}
        # Those of them who can sign in.
        self.sign_ins: list[str] = []
        # What the children are told beside the environment that we have ourselves.
        self.told: dict[str, str] = {}

    def run(self) -> int:
        if not self._take_lock():
            return 1
        self.var.chmod(0o700)
        self.log = Log(self.var / "log" / "run.log")
        self.supervisor = Supervisor(self.log)
        self.supervisor.catch_signals()
        code = 0
        try:
            self._clear_leftovers()
            self._start()
            self._announce()
            self.supervisor.watch()
        except StopRequested:
            pass
        except (LocalServiceError, ValueError) as error:
            for line in str(error).splitlines():
                self.log.line("run", line)
            code = 1
        finally:
            self._stop()
        return 130 if self.supervisor.stop_requests > 1 else code

    # --- one at a time ----------------------------------------------------------------------------

    def _take_lock(self) -> bool:
        self._lock = os.open(self.var / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            where = "and is still starting"
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                where = f"at {json.loads((self.var / 'run.json').read_text())['url']}"
            print(
                f"run: the portal of this directory already runs {where}; "
                "stop it with Ctrl-C in its terminal first.",
                file=sys.stderr,
            )
            return False
        (self.var / "run.json").unlink(missing_ok=True)
        return True

    def _clear_leftovers(self) -> None:
        left = leftover_processes(mark_of(self.var))
        if not left:
            return
        self._say(f"stopping {len(left)} processes that a killed run left behind")
        for number, patience in ((signal.SIGTERM, 4.0), (signal.SIGKILL, 4.0)):
            for pid in left:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue
            if wait_until(lambda: not any(map(is_alive, left)), seconds=patience):
                return

    # --- starting ---------------------------------------------------------------------------------

    def _start(self) -> None:
        started = time.monotonic()
        secrets = {"SECRET_KEY": 64}
        self._tell(SECRET_KEY=kept_secrets(self.var / "secrets.json", secrets)["SECRET_KEY"])
        self.demo_users = kept_secrets(self.var / "demo_users.json", dict.fromkeys(DEMO_USERS, 16))
        # Not the web server's own, which repeats whole addresses: tokens and what else they hold.
        self._tell(ACCESS_LOG="true")
        self.told |= {
            "VAR_DIR": os.fspath(self.var),
            "DEMO_USERS_FILE": os.fspath(self.var / "demo_users.json"),
            "PYTHONUNBUFFERED": "1",
            # In a container one is root, and Celery would warn of it at length at every start.
            "PYTHONWARNINGS": "ignore:You're running the worker",
            MARK: mark_of(self.var),
        }
        check_given(
            database_url=self.given.get("DATABASE_URL", ""),
            redis_url=self.given.get("REDIS_URL", ""),
        )
        self._choose_port()
        self._start_services()
        self._prepare()
        self._start_portal()
        self._say(f"ready after {time.monotonic() - started:.1f} s")

    def _choose_port(self) -> None:
        wanted = self.given.get("PORT") or str(WEB_PORT)
        if not wanted.isdecimal() or not 0 < int(wanted) <= LAST_PORT:
            raise LocalServiceError(f"PORT must be a number up to {LAST_PORT}, not {wanted!r}.")
        self.port = free_port(wanted=int(wanted))
        if self.port != int(wanted):
            self._say(f"port {wanted} is taken by another program: using {self.port} instead")
        self._tell(
            SITE_URL=f"http://localhost:{self.port}", ALLOWED_HOSTS="localhost,127.0.0.1,[::1]"
        )
        self.url = f"http://localhost:{self.port}/"

    def _start_services(self) -> None:
        if self._is_given("DATABASE_URL"):
            self._say("PostgreSQL: the one of DATABASE_URL")
        else:
            home = home_of(self.var, "postgres")
            self._say(f"starting PostgreSQL (data in {self._relative(home)}) …")
            postgres = EmbeddedPostgres(home)
            self.supervisor.start("postgres", postgres)
            self._tell(DATABASE_URL=postgres.url)
        if self._is_given("REDIS_URL"):
            self._say("Redis: the one of REDIS_URL")
        else:
            self._say("starting Redis …")
            redis = EmbeddedRedis(home_of(self.var, "redis"))
            self.supervisor.start("redis", redis)
            self._tell(REDIS_URL=f"{redis.url}/0")
        if self._is_given("EMAIL_URL"):
            self._say("mail: sent through EMAIL_URL")
        else:
            smtp_port, http_port = free_port(), free_port(wanted=MAIL_PORT)
            if http_port != MAIL_PORT:
                self._say(
                    f"port {MAIL_PORT} is taken by another program: "
                    f"mail is shown at {http_port} instead"
                )
            self._tell(EMAIL_URL=f"smtp://127.0.0.1:{smtp_port}")
            self.mail_url = f"http://localhost:{http_port}/"
            module = "portal.core.local.mailbox"
            folder = os.fspath(self.var / "mail")
            command = ["-m", module, folder, str(smtp_port), str(http_port)]
            self._start_child("mail", *command)

    def _prepare(self) -> None:
        """Bring database and static files up to date, each only as far as needed."""
        self._manage("migrate", "--noinput", "--verbosity=1")
        stamp, fingerprint = self.var / "static.stamp", static_fingerprint(self.checkout)
        is_current = (
            (self.var / "static" / "staticfiles.json").exists()
            and stamp.exists()
            and stamp.read_text() == fingerprint
        )
        if not is_current:
            stamp.unlink(missing_ok=True)
            self._manage("collectstatic", "--noinput", "--verbosity=1")
            stamp.write_text(fingerprint)
        report = self.var / "sign_ins.json"
        options = ["--if-empty", "--sign-ins", os.fspath(report)]
        # The users of somebody else's database keep their passwords.
        options += [] if self._is_given("DATABASE_URL") else ["--set-passwords"]
        self._manage("load_demo", *options)
        self.sign_ins = json.loads(report.read_text())
        report.unlink()

    def _manage(self, command: str, *arguments: str) -> None:
        self._say(f"manage.py {command} …")
        self.supervisor.step(self._child("setup", "manage.py", command, *arguments))

    def _start_portal(self) -> None:
        web = web_command(self.port)
        celery = ["-m", "celery", "--quiet", "--app", "portal"]
        worker = [*celery, "worker", "--concurrency", "2", "--loglevel", "INFO"]
        worker += ["--without-gossip", "--without-mingle"]
        (self.var / "beat").mkdir(mode=0o700, exist_ok=True)
        schedule = os.fspath(self.var / "beat" / "schedule")
        beat = [*celery, "beat", "--loglevel", "WARNING", "--pidfile=", "--schedule", schedule]
        self._start_child("web", *web)
        # The others would take the processor from the one that somebody waits for.
        livez = f"http://127.0.0.1:{self.port}/livez"
        self.supervisor.wait_for(livez, host=f"localhost:{self.port}", seconds=60)
        self._start_child("worker", *worker)
        self._start_child("beat", *beat)

    def _start_child(self, name: str, *arguments: str) -> None:
        self._say(f"starting {name} …")
        self.supervisor.start(name, self._child(name, *arguments))

    def _child(self, name: str, *arguments: str) -> Child:
        environment = dict(os.environ) | self.told
        return Child(name, [sys.executable, *arguments], env=environment, cwd=self.checkout)

    def _is_given(self, name: str) -> bool:
        return bool(self.given.get(name))

    def _tell(self, **values: str) -> None:
        """Pass these on, but for those that the owner has set."""
        self.told |= {name: value for name, value in values.items() if not self._is_given(name)}

    # --- what one reads at the end ----------------------------------------------------------------

    def _announce(self) -> None:
        write_private(self.var / "run.json", json.dumps({"pid": os.getpid(), "url": self.url}))
        shared = {
            name: value
            for name, value in self.told.items()
            if name != MARK and not name.startswith("PYTHON")
        }
        write_shell_file(self.var / "local.env", shared)
        lines = [
            "The portal is running.",
            "",
            f"  Site           {self.url}",
            f"  Admin          {self.url}admin/",
            f"  Mail it sends  {self.mail_url or 'goes out through EMAIL_URL'}",
            f"  Log            {self._relative(self.log.path)}",
            "",
            *self._sign_in_lines(),
            "",
            "Ctrl-C stops everything.",
        ]
        self.log.block(lines)

    def _sign_in_lines(self) -> list[str]:
        """Those sign-ins that work, and where the others are to be had."""
        lines = []
        if self.sign_ins:
            width = max(map(len, self.demo_users))
            path = self._relative(self.var / "demo_users.json")
            lines += [
                "  Sign in with",
                *(f"    {email:<{width}}  {self.demo_users[email]}" for email in self.sign_ins),
                f"  (random, made on the first start: {path})",
            ]
        if self._is_given("DATABASE_URL") and len(self.sign_ins) < len(self.demo_users):
            others = "other users" if self.sign_ins else "users"
            lines.append(f"  (the {others} of DATABASE_URL have the passwords that were set there)")
        elif not self.sign_ins:
            lines.append("  (no demo user is left: sign in as somebody you know)")
        return lines

    def _relative(self, path: Path) -> str:
        inside = path.is_relative_to(self.checkout)
        return os.fspath(path.relative_to(self.checkout) if inside else path)

    def _say(self, text: str) -> None:
        self.log.line("run", text)

    # --- stopping ---------------------------------------------------------------------------------

    def _stop(self) -> None:
        self._say("stopping … (Ctrl-C again kills)")
        # First those that make work, then those that do it, then what they need.
        self.supervisor.end("web", "beat", patience=4)
        self.supervisor.end("worker", patience=5)
        self.supervisor.end("mail", patience=1)
        self.supervisor.end("redis", patience=2)
        self.supervisor.end("postgres", patience=3)
        for name in ("run.json", "local.env"):
            (self.var / name).unlink(missing_ok=True)
        self._say("stopped")
        self.log.close()


def main() -> int:
    os.umask(0o077)
    os.chdir(CHECKOUT)
    return Launcher(CHECKOUT).run()


if __name__ == "__main__":
    sys.exit(main())
