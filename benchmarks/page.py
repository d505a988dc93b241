"""The attested article page against a constant page, on the same server in the same run.

The constant page has as many bytes and passes the same middleware, with the same cookies: what the
ratio leaves is the portal's own work. Beside it: home, the teaser, a signed-in reader's article,
the article as a plain Django view with five queries would serve it, and a long article that is
rendered when nothing is remembered.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from portal.core.local.web import web_command

from .cold import cold_rendering
from .harness import Result, median, portal_of_its_own, progress
from .load import Sample, Target, load
from .web import WebServer

CUSTOMERS_ARTICLE = "late-failure-after-car-t-cell-therapy"
CONNECTIONS = 32
ROUNDS, SECONDS = 5, 2.0
QUICK_ROUNDS, QUICK_SECONDS = 1, 1.0


def run(*, quick: bool = False) -> Result:
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if quick else (ROUNDS, SECONDS)
    with portal_of_its_own(), WebServer(web_command("{port}")) as server:
        # First: it publishes an article, which home shows.
        progress("rendering a long article cold")
        cold = cold_rendering(CUSTOMERS_ARTICLE, quick=quick)
        targets = browse(server.port)
        measured = Measured(server, targets, seconds)
        progress("warming up")
        measured.round(counts=False)
        for number in range(1, rounds + 1):
            progress(f"round {number} of {rounds}")
            measured.round()
        result = measured.result()
        result.figures["cold_30_kb"] = cold
        return result


def browse(port: int) -> list[Target]:
    """Return the pages to measure, with the cookies that a browser gets on the way there."""
    from django.db import connection
    from django.test import Client
    from django.urls import reverse

    from portal.accounts.models import User
    from portal.attestation.models import current_statement

    article = reverse("article", args=[CUSTOMERS_ARTICLE])
    visitor, attested, signed_in = (Client(headers={"host": "localhost"}) for _ in range(3))
    user = User.objects.create_user("reader@example.org")
    signed_in.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    declaration = {"is_healthcare_professional": "on", "statement": current_statement().number}
    for browser in (attested, signed_in):
        browser.post(reverse("gate"), declaration)

    def target(name: str, browser: Client, path: str) -> Target:
        answer = browser.get(path)  # the page's form gives the browser its CSRF cookie
        cookies = "; ".join(f"{key}={morsel.value}" for key, morsel in browser.cookies.items())
        return Target(name, path, port, len(answer.content), cookies)

    page = target("article", attested, article)
    constant = f"/benchmark/constant/{page.length}/"
    targets = [
        page,
        replace(page, name="constant", path=constant),
        target("teaser", visitor, article),
        target("home", visitor, "/"),
        target("signed_in_article", signed_in, article),
        target("five_queries", attested, f"/benchmark/five-queries/{CUSTOMERS_ARTICLE}/"),
    ]
    connection.close()
    return targets


class Measured:
    """What was seen of each page, round by round."""

    def __init__(self, server: WebServer, targets: Sequence[Target], seconds: float) -> None:
        self.server, self.targets, self.seconds = server, targets, seconds
        self.rates: dict[str, list[float]] = {target.name: [] for target in targets}
        self.processor: dict[str, list[float]] = {target.name: [] for target in targets}
        self.samples: dict[str, list[Sample]] = {target.name: [] for target in targets}

    def round(self, *, counts: bool = True) -> None:
        """Measure each page once, one after another."""
        for target in self.targets:
            before = self.server.processor_seconds()
            samples = load(target, connections=CONNECTIONS, seconds=self.seconds)
            used = self.server.processor_seconds() - before
            answers = sum(len(sample.latencies) for sample in samples)
            if counts:
                self.rates[target.name].append(answers / self.seconds)
                self.processor[target.name].append(used / max(answers, 1) * 1e6)
                self.samples[target.name] += samples

    def ratio(self, name: str, to: str) -> float:
        """Return requests per second of one page ÷ those of another, the median of the rounds."""
        pairs = zip(self.rates[name], self.rates[to], strict=True)
        return median([rate / max(other, 1) for rate, other in pairs])

    def result(self) -> Result:
        return Result(
            name="page",
            ratio=self.ratio("article", to="constant"),
            against="a constant page of the same size, same middleware, cookies and server",
            figures={
                "bytes": self.targets[0].length,
                "connections": CONNECTIONS,
                "rounds": len(self.rates["article"]),
                "ratio_by_processor_time": median(
                    [
                        other / max(own, 1)
                        for own, other in zip(
                            self.processor["article"], self.processor["constant"], strict=True
                        )
                    ]
                ),
                "ratio_to_five_queries": self.ratio("article", to="five_queries"),
                "generator_busy": round(
                    max(sample.busy for found in self.samples.values() for sample in found), 2
                ),
                **self.server.memory(),
                "pages": {target.name: self.figures(target.name) for target in self.targets},
            },
        )

    def figures(self, name: str) -> dict[str, float]:
        """Return what was seen of one page; the rate is the median of the rounds."""
        samples = self.samples[name]
        times = sorted(1000 * seconds for sample in samples for seconds in sample.latencies)
        cuts = statistics.quantiles(times, n=100) if len(times) > 1 else [0.0] * 99
        return {
            "requests_per_second": median(self.rates[name], 0),
            "p50_ms": round(cuts[49], 1),
            "p99_ms": round(cuts[98], 1),
            "server_microseconds": median(self.processor[name], 0),
            "errors": sum(sample.errors for sample in samples),
        }
