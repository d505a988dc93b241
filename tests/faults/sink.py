"""A mail server that does what a test says at each step of SMTP, and remembers what it accepted.

A thread per connection, so that a handler may block, kill the client or hang up. What is accepted
stands in a file before its 250 goes out, as with every mail server.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email import message_from_bytes
from email.policy import default
from enum import Enum
from pathlib import Path


class Stage(Enum):
    """When a handler is asked; all but the last three before the answer to the command."""

    CONNECT = "connect"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BODY = "before the dot"  # the beginning of the message is here, its end is not
    DOT = "after the dot"  # the whole message is here and not accepted yet
    ACCEPTED = "before 250"
    ANSWERED = "after 250"


class HangUpError(Exception):
    """Raised by a handler: close the connection without another word."""


@dataclass(frozen=True, slots=True)
class Line:
    """A connection: its number, and the port at the client's end."""

    number: int
    port: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A message that was accepted: what its recipient will find."""

    at: float
    connection: int
    message_id: str
    address: str
    subject: str


# Returns the answer instead of the usual one, or None.
Handler = Callable[[Line], str | None]
PATIENCE = 60


class Sink:
    """``is_pipelining``: says that it takes several commands at once (RFC 2920), as most do."""

    def __init__(self, log: Path, *, is_pipelining: bool = True) -> None:
        self.log = log
        self.is_pipelining = is_pipelining
        self.log.touch()
        self.on: dict[Stage, Handler] = {}
        self.port = 0
        self.connection_count = 0
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def seen(self) -> list[Seen]:
        with self._lock, self.log.open() as lines:
            return [Seen(**json.loads(line)) for line in lines]

    def start(self, *, is_narrow: bool = False) -> None:
        """Listen, on the same port as before; ``is_narrow``: take large messages in small bits."""
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_narrow:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(100)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def stop(self) -> None:
        """Be away: connections break, new ones are refused until ``start()``."""
        if self._listener is not None:
            # Without the shutdown the thread in accept() keeps the port.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, (_, port) = listener.accept()
            except OSError:
                return
            self.connection_count += 1
            line = Line(self.connection_count, port)
            threading.Thread(target=self._serve, args=[connection, line], daemon=True).start()

    def _serve(self, connection: socket.socket, line: Line) -> None:
        connection.settimeout(PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.add(connection)
        try:
            _Dialogue(self, connection, line).run()
        except (OSError, HangUpError):
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            # The buffers of makefile() would keep the socket open.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def accept_message(self, line: Line, address: str, content: bytes) -> None:
        parsed = message_from_bytes(content, policy=default)
        seen = Seen(time.time(), line.number, parsed["Message-ID"], address, parsed["Subject"])
        with self._lock, self.log.open("a") as log:
            log.write(json.dumps(asdict(seen)) + "\n")


class _Dialogue:
    def __init__(self, sink: Sink, connection: socket.socket, line: Line) -> None:
        self.sink = sink
        self.connection = connection
        self.input = connection.makefile("rb", buffering=1024)
        self.line = line
        self.sender: bytes | None = None
        self.address: str | None = None

    def ask(self, stage: Stage) -> str | None:
        handler = self.sink.on.get(stage)
        return handler(self.line) if handler else None

    def say(self, text: str) -> None:
        self.connection.sendall(f"{text}\r\n".encode())
        if text.startswith("421"):
            raise HangUpError

    def run(self) -> None:
        self.say(self.ask(Stage.CONNECT) or "220 sink.example ESMTP")
        while command := self.input.readline():
            verb = command[:4].upper()
            if verb == b"DATA":
                self.take_message()
            elif verb == b"MAIL":
                refusal = self.ask(Stage.MAIL)
                self.sender = None if refusal else command
                self.say(refusal or "250 OK")
            elif verb == b"RCPT":
                self.take_recipient(command)
            elif verb == b"QUIT":
                self.say("221 Bye")
                return
            elif verb == b"EHLO" and self.sink.is_pipelining:
                self.say("250-sink.example\r\n250 PIPELINING")
            else:
                self.sender = self.address = None
                self.say("250 sink.example")

    def take_recipient(self, command: bytes) -> None:
        if self.sender is None:
            self.say("503 5.5.1 MAIL first")
            return
        refusal = self.ask(Stage.RCPT)
        found = re.search(rb"<(.*?)>", command)
        self.address = None if refusal or not found else found[1].decode()
        self.say(refusal or "250 OK")

    def take_message(self) -> None:
        # Who sends several commands at once has not seen yet that one was refused.
        refusal = self.ask(Stage.DATA) if self.address else "503 5.5.1 No valid recipients"
        self.say(refusal or "354 Go on")
        if refusal or not self.address:
            return
        lines = [self.input.readline()]
        self.ask(Stage.BODY)
        while (text := self.input.readline()) != b".\r\n":
            if not text:
                raise HangUpError
            lines.append(text)
        answer = self.ask(Stage.DOT)
        if answer is None:
            self.sink.accept_message(self.line, self.address, b"".join(lines))
            answer = self.ask(Stage.ACCEPTED) or "250 OK"
        self.sender = self.address = None
        self.say(answer)
        self.ask(Stage.ANSWERED)
