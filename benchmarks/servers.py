"""Application servers on the attested article page: which one, with how many threads?

    python -m benchmarks servers

Not part of ``make bench``: it answers a question that is asked once (the answer is
``docs/decisions/0005-app-server.md``). gunicorn is measured where it is installed. All servers run
at once and are measured in turns; the ratio is the one that the portal uses ÷ the best of the rest.
"""

from __future__ import annotations

import importlib.util
from contextlib import ExitStack
from dataclasses import replace

from portal.core.local.web import THREADS, web_command

from .harness import Result, portal_of_its_own, progress
from .page import Measured, browse
from .web import WebServer

ROUNDS, SECONDS = 5, 2.0
QUICK_ROUNDS, QUICK_SECONDS = 1, 0.2


def candidates() -> dict[str, list[str]]:
    """Return name → command; the first is what ``make run`` starts."""
    ours = web_command("{port}")

    def granian(threads: int, *more: str) -> list[str]:
        place = ours.index("--blocking-threads") + 1
        return [*ours[:place], str(threads), *ours[place + 1 :], *more]

    found = {f"granian, {THREADS} threads (ours)": ours}
    for threads in {1, 2, 4, 8} - {THREADS}:
        found[f"granian, {threads} threads"] = granian(threads)
    found["granian, 4 threads, backpressure 8"] = granian(4, "--backpressure", "8")
    if importlib.util.find_spec("gunicorn") is None:
        progress("gunicorn is not installed: not measured")
        return found
    gunicorn = ["-m", "gunicorn", "portal.wsgi", "--bind", "127.0.0.1:{port}", "--workers", "2"]
    found["gunicorn gthread, 4 threads"] = [*gunicorn, "-k", "gthread", "--threads", "4"]
    found["gunicorn sync"] = [*gunicorn, "-k", "sync"]
    return found


def run(*, quick: bool = False) -> Result:
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if quick else (ROUNDS, SECONDS)
    with portal_of_its_own(), ExitStack() as stack:
        measured: dict[str, Measured] = {}
        pages = browse(port=0)[:1]
        for name, command in candidates().items():
            progress(f"starting {name}")
            server = stack.enter_context(WebServer(command))
            measured[name] = Measured(server, [replace(pages[0], port=server.port)], seconds)
            measured[name].round(counts=False)
        for number in range(1, rounds + 1):
            progress(f"round {number} of {rounds}")
            for one in measured.values():
                one.round()
        return summary(measured)


def summary(measured: dict[str, Measured]) -> Result:
    servers = {
        name: {**one.figures("article"), **one.server.memory()} for name, one in measured.items()
    }
    own, *others = (server["requests_per_second"] for server in servers.values())
    return Result(
        name="servers",
        ratio=round(own / max(*others, 1), 2),
        against="the fastest of all settings and servers measured",
        figures=servers,
    )
