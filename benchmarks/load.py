"""A small load generator: closed loop, keep-alive, every answer checked.

The tools that one would install (wrk, oha, hey) are no Python packages, and Python's (locust,
httpx) need more processor time per request than the server does. This one sends prepared bytes
over plain sockets and looks at little more than the status and the length of what comes back:
about a tenth of what the server spends (``busy`` in its result tells).

    python -m benchmarks.load '{"target": {…}, "connections": 16, "seconds": 2}'
"""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field

PROCESSES = 2
BUFFER = 256 * 1024  # bytes
TIMEOUT = 10.0  # seconds without any answer before a run is given up


@dataclass(frozen=True, slots=True)
class Target:
    """A page to ask for, as one browser would."""

    name: str
    path: str
    port: int
    length: int  # bytes of the body; any other is an error
    cookies: str = ""

    def request(self) -> bytes:
        lines = [
            f"GET {self.path} HTTP/1.1",
            "Host: localhost",
            "User-Agent: benchmark",
            "Accept: text/html",
            "Accept-Language: en-GB,en;q=0.8",
            *([f"Cookie: {self.cookies}"] if self.cookies else []),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass(slots=True)
class Sample:
    """What one process saw."""

    seconds: float
    busy: float  # share of a processor that the generator itself used
    errors: int = 0
    latencies: list[float] = field(default_factory=list)  # seconds


class Connection:
    """One browser: asks, waits for the whole answer, asks again."""

    def __init__(self, target: Target, request: bytes) -> None:
        self.target, self.request = target, request
        self.head = b""
        self.missing = 0
        self.asked_at = 0.0
        self.is_last = False  # the server said that it closes after this answer
        self.socket: socket.socket | None = None
        self.open()

    def open(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket = socket.create_connection(("127.0.0.1", self.target.port), timeout=TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self) -> None:
        self.head, self.missing = b"", 0
        self.asked_at = time.perf_counter()
        self.socket.sendall(self.request)

    def receive(self, buffer: bytearray) -> bool | None:
        """Take what is there. True: a whole and right answer; False: a wrong one; None: go on."""
        try:
            size = self.socket.recv_into(buffer)
        except OSError:
            size = 0
        if size == 0:
            return False
        if self.missing:
            self.missing -= size
        else:
            self.head += buffer[:size]
            head, end, body = self.head.partition(b"\r\n\r\n")
            if not end:
                return None
            length = b"content-length: %d\r\n" % self.target.length
            if not head.startswith(b"HTTP/1.1 200") or length not in head.lower() + b"\r\n":
                return False
            self.missing = self.target.length - len(body)
            self.is_last = b"\r\nconnection: close" in head.lower()
        if self.missing < 0:
            return False
        return None if self.missing else True


def drive(target: Target, *, connections: int, seconds: float) -> Sample:
    """Ask for ``target`` over ``connections`` for ``seconds``, each as fast as it is answered."""
    request, buffer = target.request(), bytearray(BUFFER)
    sample = Sample(seconds=seconds, busy=0)
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = Connection(target, request)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    busy_before = time.process_time()
    end = time.perf_counter() + seconds
    for key in list(selector.get_map().values()):
        key.data.ask()
    # To the last answer: what stays behind would burden whatever is measured next.
    while selector.get_map():
        events = selector.select(TIMEOUT)
        if not events:
            sample.errors += 1
            break
        for key, _ in events:
            answer = key.data.receive(buffer)
            if answer is None:
                continue
            now = time.perf_counter()
            if answer and now < end:
                sample.latencies.append(now - key.data.asked_at)
            sample.errors += not answer
            if now >= end:
                selector.unregister(key.fileobj)
                key.data.socket.close()
                continue
            if not answer or key.data.is_last:
                selector.unregister(key.fileobj)
                key.data.open()
                selector.register(key.data.socket, selectors.EVENT_READ, key.data)
            key.data.ask()
    sample.busy = (time.process_time() - busy_before) / seconds
    return sample


def load(target: Target, *, connections: int, seconds: float) -> list[Sample]:
    """Drive ``target`` from several processes at once; return what each of them saw."""
    order = {
        "target": asdict(target),
        "connections": max(1, connections // PROCESSES),
        "seconds": seconds,
    }
    command = [sys.executable, "-m", "benchmarks.load", json.dumps(order)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(PROCESSES)]
    return [Sample(**json.loads(process.communicate()[0])) for process in processes]


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    asked["target"] = Target(**asked["target"])
    json.dump(asdict(drive(**asked)), sys.stdout)
