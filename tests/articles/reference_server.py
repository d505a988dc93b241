"""A server that speaks the shape of both APIs, Crossref's REST and NCBI's efetch.

The shapes were written after the APIs' documentation. All content is fictitious: the DOIs are of
the prefix 10.5555, which Crossref keeps for examples, and the PMIDs far above those in use.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

WORK = {
    "DOI": "10.5555/Fictitious.1",
    "type": "journal-article",
    "title": ["A <i>fictitious</i> trial of CO<sub>2</sub> &amp;amp; water"],
    "container-title": ["Journal of Fictitious Medicine"],
    "short-container-title": ["J Fict Med"],
    "author": [
        {"given": "Ada B.", "family": "Exemplar", "sequence": "first", "affiliation": []},
        {"given": "Max", "family": "Muster", "suffix": "Jr.", "sequence": "additional"},
        {"name": "Fictitious Study Group", "sequence": "additional"},
    ],
    "issued": {"date-parts": [[2024, 12, 3]]},
    "published-online": {"date-parts": [[2024, 12, 3]]},
    "published-print": {"date-parts": [[2025, 2]]},
    "volume": "12",
    "issue": "3",
    "page": "284-287",
    "publisher": "Fictitious Press",
    "language": "en",
}
RETRACTED = WORK | {
    "DOI": "10.5555/retracted",
    "title": ["A fictitious result that did not last"],
    "updated-by": [
        {
            "DOI": "10.5555/erratum",
            "type": "erratum",
            "source": "publisher",
            "updated": {"date-parts": [[2025, 3, 1]]},
        },
        {
            "DOI": "10.5555/notice",
            "type": "retraction",
            "source": "retraction-watch",
            "updated": {"date-parts": [[2025, 4, 6]]},
        },
    ],
}
WORKS = {
    "10.5555/fictitious.1": WORK,
    "10.5555/retracted": RETRACTED,
    "10.5555/ahead": {
        "DOI": "10.5555/ahead",
        "type": "journal-article",
        "title": ["Fictitious, ahead of print"],
        "container-title": ["Journal of Fictitious Medicine"],
        "author": [{"name": "Fictitious Consortium"}],
        "issued": {"date-parts": [[2025, 7, 5]]},
        "published-online": {"date-parts": [[2025, 7, 5]]},
    },
    "10.5555/chapter": {
        "DOI": "10.5555/chapter",
        "type": "book-chapter",
        "title": ["A fictitious chapter"],
        "subtitle": ["what it says"],
        "container-title": ["Fictitious Series", "A Fictitious Book"],
        "author": [{"given": "Ada", "family": "Exemplar"}],
        "editor": [{"given": "Eva", "family": "Specimen"}],
        "issued": {"date-parts": [[2020]]},
        "page": "11-19",
        "edition-number": "2",
        "publisher": "Fictitious Press",
        "publisher-location": "Nowhere",
    },
    "10.5555/preprint": {
        "DOI": "10.5555/preprint",
        "type": "posted-content",
        "title": ["A fictitious preprint"],
        "author": [{"family": "Exemplar"}],
        "institution": [{"name": "fictRxiv"}],
        "issued": {"date-parts": [[None]]},
    },
    "10.5555/nonsense": {
        "DOI": 5,
        "title": "text",
        "author": [None, "x", {"family": None}],
        "issued": {"date-parts": "2002"},
        "updated-by": ["x"],
        "container-title": [{"a": 1}, "Journal of Fictitious Medicine"],
    },
}
MEDLINE = """
PMID- 999000001
OWN - NLM
STAT- MEDLINE
DP  - 2025 Nov-Dec
TI  - A fictitious title that goes on
      in a second line.
FAU - Exemplar, Ada B
AU  - Exemplar AB
CN  - Fictitious Study Group
JT  - Journal of fictitious medicine
TA  - J Fict Med
VI  - 12
IP  - 3
PG  - 284-7
LA  - ger
PT  - Letter
AID - 10.5555/medline.1 [doi]
PMC - PMC999001
DEP - 20250705
PST - ppublish
SO  - J Fict Med. 2025 Nov-Dec;12(3):284-7.
"""
# Faults, by the server's mode.
BODIES = {
    "broken": b'{"status": "ok", "message": {"DOI"',
    "deep": b"[" * 200_000,
    "huge": b"x" * (9 * 1024 * 1024),
}
REDIRECTS = {
    "elsewhere": "http://127.0.0.2:9/",
    "in circles": "",
    "to a file": "file:///etc/hostname",
}


class _Handler(BaseHTTPRequestHandler):
    server: "ReferenceServer"

    def do_GET(self) -> None:
        self.server.asked.append((time.monotonic(), self.path, dict(self.headers)))
        mode = self.server.mode
        if isinstance(mode, int):
            self._answer(mode, b"{}")
        elif mode in BODIES:
            self._answer(200, BODIES[mode])
        elif mode in REDIRECTS:
            self._answer(302, b"", Location=REDIRECTS[mode] or self.path)
        elif mode == "closed":
            self.close_connection = True
        elif mode == "slow":
            time.sleep(1.5)
        elif self.path.startswith("/works/"):
            self._work()
        else:
            self._efetch()

    def _work(self) -> None:
        doi = unquote(urlsplit(self.path).path.removeprefix("/works/")).lower()
        if doi == "10.5555/alias":
            self._answer(301, b"", Location="/works/10.5555%2Ffictitious.1")
        elif doi not in WORKS:
            self._answer(404, b"Resource not found.")
        else:
            body = {"status": "ok", "message-type": "work", "message": WORKS[doi]}
            self._answer(200, json.dumps(body).encode())

    def _efetch(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)["id"][0].split(",")
        self._answer(200, MEDLINE.encode() if "999000001" in asked else b"\n")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Be silent: what was asked stands in the server's ``asked``."""


class ReferenceServer(ThreadingHTTPServer):
    """``asked``: (when, path, headers) of each request; ``mode``: a fault, or a status."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[float, str, dict[str, str]]] = []
        self.mode: str | int = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has heard enough hangs up, which is no fault of a test."""


@contextmanager
def reference_server() -> Iterator[ReferenceServer]:
    with ReferenceServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
