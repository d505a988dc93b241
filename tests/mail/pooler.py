"""A pooler of PostgreSQL's sessions in transaction mode, as PgBouncer is one."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
IDLE = b"I"
# What psycopg wants to know of a server before it asks anything.
PARAMETERS = (
    "server_version",
    "server_encoding",
    "client_encoding",
    "TimeZone",
    "standard_conforming_strings",
    "integer_datetimes",
)


class Pooler:
    """Lends one of two sessions to whoever begins a transaction: that which it got back last."""

    def __init__(self, sessions: list[psycopg.Connection]) -> None:
        self.free = [_socket_of(session) for session in sessions]
        self.came_back = threading.Condition()
        self.parameters = {
            name: sessions[0].info.parameter_status(name) or "" for name in PARAMETERS
        }

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_client, args=[client], daemon=True).start()

    def _serve_client(self, client: socket.socket) -> None:
        with client:
            try:
                self._greet(client)
                while self._do_transaction(client):
                    pass
            except OSError:
                pass

    def _greet(self, client: socket.socket) -> None:
        while True:
            length = int.from_bytes(_read(client, 4), "big")
            if int.from_bytes(_read(client, length - 4)[:4], "big") in (SSL_REQUEST, GSS_REQUEST):
                client.sendall(b"N")
                continue
            break
        client.sendall(_packet(b"R", bytes(4)))
        for name, value in self.parameters.items():
            client.sendall(_packet(b"S", f"{name}\0{value}\0".encode()))
        client.sendall(_packet(b"K", bytes(8)) + _packet(b"Z", IDLE))

    def _do_transaction(self, client: socket.socket) -> bool:
        """Lend a session until it is idle; False if the client has gone."""
        kind, packet = _read_packet(client)
        if kind == b"X":
            return False
        with self.came_back:
            self.came_back.wait_for(lambda: self.free)
            session = self.free.pop()
        try:
            while True:
                session.sendall(packet)
                # A simple query or the end of extended ones: the server answers until "Z".
                if kind in (b"Q", b"S") and _pass_answers_on(session, client) == IDLE:
                    return True
                kind, packet = _read_packet(client)
                if kind == b"X":
                    return False
        finally:
            with self.came_back:
                self.free.append(session)
                self.came_back.notify()


def _pass_answers_on(session: socket.socket, client: socket.socket) -> bytes:
    """Return whether the session is in a transaction now, as the server says it."""
    while True:
        kind, packet = _read_packet(session)
        client.sendall(packet)
        if kind == b"Z":
            return packet[-1:]


def _socket_of(session: psycopg.Connection) -> socket.socket:
    copy = socket.socket(fileno=os.dup(session.fileno()))
    copy.setblocking(True)
    return copy


def _packet(kind: bytes, content: bytes) -> bytes:
    return kind + (len(content) + 4).to_bytes(4, "big") + content


def _read_packet(source: socket.socket) -> tuple[bytes, bytes]:
    head = _read(source, 5)
    return head[:1], head + _read(source, int.from_bytes(head[1:], "big") - 4)


def _read(source: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        more = source.recv(size - len(content))
        if not more:
            raise ConnectionError
        content += more
    return content


@contextmanager
def running_pooler(url: str) -> Iterator[int]:
    """Stand before the database ``url`` with two sessions; yields the port."""
    with ExitStack() as stack, socket.socket() as listener:
        sessions = [stack.enter_context(psycopg.connect(url, autocommit=True)) for _ in range(2)]
        pooler = Pooler(sessions)
        listener.bind(("127.0.0.1", 0))
        listener.listen(10)
        threading.Thread(target=pooler.serve, args=[listener], daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
