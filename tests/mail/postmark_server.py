"""A local server that speaks Postmark's protocol: POST /email and GET /server.

It remembers each request for a message as soon as it has read it, before the answer: what stands
there may have been delivered.
"""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "11111111-2222-3333-4444-555555555555"
INACTIVE = {
    "ErrorCode": 406,
    "Message": "You tried to send to recipient(s) that have been marked as inactive. Found inactive"
    " addresses: gone@hospital.example. Inactive recipients are ones that have generated a hard"
    " bounce, a spam complaint, or a manual suppression.",
}


class _Handler(BaseHTTPRequestHandler):
    server: "PostmarkServer"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.greetings += 1
        self._answer(200 if self._is_known() else 401, {"ID": 1})

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.append(self.path)
        message = json.loads(content)
        self.server.received.append(message)
        fault = self.server.fault
        if fault == "closes":
            self.close_connection = True
        elif fault == "stalls":
            time.sleep(self.server.stall_seconds)
            self.close_connection = True
        elif fault == "half an answer":
            self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"ErrorCode": 0')
            self.close_connection = True
        elif fault == "redirects":
            self._answer(307, {}, Location="/elsewhere")
        elif not self._is_known():
            self._answer(401, {"ErrorCode": 10, "Message": "No Account or Server API token"})
        elif message["To"].lower() in self.server.inactive:
            self._answer(422, INACTIVE)
        elif isinstance(fault, tuple):
            self._answer(*fault)
        else:
            self._answer(
                200,
                {
                    "To": message["To"],
                    "SubmittedAt": "2026-11-26T10:00:00.0Z",
                    "MessageID": str(uuid.uuid4()),
                    "ErrorCode": 0,
                    "Message": "OK",
                },
            )

    def _is_known(self) -> bool:
        return self.headers["X-Postmark-Server-Token"] == TOKEN

    def _answer(self, status: int, body: object, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Be silent: what came stands in the server's ``received``."""


class PostmarkServer(ThreadingHTTPServer):
    """``received``: the JSON of each message; ``fault``: what happens then, or (status, body).

    ``inactive``: addresses that Postmark does not write to any more.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[dict] = []
        self.paths: list[str] = []
        self.inactive: set[str] = set()
        self.fault: str | tuple[int, object] | None = None
        self.greetings = 0
        self.stall_seconds = 1.5

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    @property
    def addresses(self) -> list[str]:
        return [message["To"] for message in self.received]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has heard enough hangs up, which is no fault of a test."""


@contextmanager
def postmark_server() -> Iterator[PostmarkServer]:
    with PostmarkServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
