"""How the web server is started: by `make run`, and by the benchmarks that measure it."""

from __future__ import annotations

WORKERS = 2
# Chosen by measurement: docs/decisions/0005-app-server.md
THREADS = 4


def web_command(port: int | str) -> list[str]:
    """What follows `python` to serve the portal on 127.0.0.1, without an access log."""
    command = ["-m", "granian", "--interface", "wsgi", "portal.wsgi:application"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--no-ws"]
    command += ["--workers", str(WORKERS), "--blocking-threads", str(THREADS)]
    return [*command, "--workers-kill-timeout", "3"]
