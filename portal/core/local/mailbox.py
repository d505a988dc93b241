"""A mailbox for this machine: it receives every mail and shows it in a browser.

Nothing leaves the machine. An SMTP server writes each message to a file, an HTTP server shows the
files. Both listen on 127.0.0.1 only. Mail is a stranger's text: it is shown without scripts and
without loading anything from elsewhere.

    python -m portal.core.local.mailbox DIRECTORY SMTP_PORT HTTP_PORT
"""
# ruff: noqa: T201 - what it prints goes to the one log

from __future__ import annotations

import asyncio
import os
import re
import secrets
import signal
import sys
import threading
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from aiosmtpd.smtp import SMTP, Envelope, Session

from . import mail_pages

KEPT = 1000
LARGEST = 25_000_000  # bytes
IDENTIFIER = r"\d{8}T\d{12}-[0-9a-f]{8}"
HOSTS = ("localhost", "127.0.0.1")


class MailDirectory:
    """The messages as files named by time, so that their names sort by age."""

    def __init__(self, path: Path, *, kept: int = KEPT) -> None:
        self.path = path
        self.kept = kept
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def add(self, content: bytes, *, sender: str, recipients: list[str]) -> str:
        """Store a message with its envelope (a blind copy stands nowhere else); return its name."""
        identifier = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
        envelope = [f"Return-Path: <{sender}>"]
        envelope += [f"Delivered-To: {recipient}" for recipient in recipients]
        head = "".join(line.replace("\r", " ").replace("\n", " ") + "\r\n" for line in envelope)
        unfinished = self.path / f".{identifier}"
        unfinished.write_bytes(head.encode("utf-8", "replace") + content)
        unfinished.rename(self.path / f"{identifier}.eml")
        for old in self.identifiers()[self.kept :]:
            (self.path / f"{old}.eml").unlink(missing_ok=True)
        return identifier

    def identifiers(self) -> list[str]:
        """The names of all messages, newest first."""
        names = (path.stem for path in self.path.glob("*.eml"))
        return sorted((name for name in names if re.fullmatch(IDENTIFIER, name)), reverse=True)

    def read(self, identifier: str) -> bytes | None:
        """The bytes of a message, or None; a name of any other shape is not looked for."""
        if not re.fullmatch(IDENTIFIER, identifier):
            return None
        try:
            return (self.path / f"{identifier}.eml").read_bytes()
        except OSError:
            return None


class Receiver:
    """What aiosmtpd calls: every recipient is welcome, every message is kept."""

    def __init__(self, mails: MailDirectory) -> None:
        self.mails = mails

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content or b""
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogateescape")
        recipients = list(envelope.rcpt_tos)
        self.mails.add(content, sender=envelope.mail_from or "", recipients=recipients)
        subject = mail_pages.subject_of(content)
        # The launcher's log: this is the developer's own mail on the developer's own machine.
        print(f"received “{subject}” for {', '.join(recipients)}", flush=True)
        return "250 OK"


class Viewer(BaseHTTPRequestHandler):
    """The pages. GET and HEAD only; nothing here changes anything."""

    mails: ClassVar[MailDirectory]
    server_version = "mailbox"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        # A page of elsewhere whose name suddenly points to 127.0.0.1 must not read the mail.
        if not self._is_for_us():
            self._send(HTTPStatus.FORBIDDEN, mail_pages.error("This mailbox is at localhost."))
            return
        path = urlsplit(self.path).path
        try:
            status, page = self._route(path)
        except Exception as error:  # noqa: BLE001 - a broken message must not break the list
            print(f"cannot show {path!r}: {error!r}", flush=True)
            page = mail_pages.error("This message cannot be shown; look at its source.")
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        self._send(status, page)

    do_HEAD = do_GET  # noqa: N815

    def _is_for_us(self) -> bool:
        host = self.headers.get("Host", "")
        return re.fullmatch(rf"({'|'.join(map(re.escape, HOSTS))})(:\d+)?", host) is not None

    def _route(self, path: str) -> tuple[HTTPStatus, mail_pages.Page]:
        if path == "/":
            # Each message in turn, and only once: a list of a thousand is not held as bytes.
            mails = ((name, self.mails.read(name)) for name in self.mails.identifiers())
            rows = ((name, content) for name, content in mails if content is not None)
            return HTTPStatus.OK, mail_pages.index(rows)
        if path == "/mailbox.css":
            return HTTPStatus.OK, mail_pages.style_sheet()
        match = re.fullmatch(rf"/({IDENTIFIER})(?:/(html|source|part/(\d{{1,3}})))?", path)
        content = self.mails.read(match[1]) if match else None
        if match is None or content is None:
            return HTTPStatus.NOT_FOUND, mail_pages.error("There is no such message.")
        page: mail_pages.Page | None
        if match[3]:
            page = mail_pages.attachment(content, int(match[3]))
        elif match[2] == "html":
            page = mail_pages.html_part(content)
        elif match[2] == "source":
            page = mail_pages.source(content)
        else:
            page = mail_pages.message(match[1], content)
        if page is None:
            return HTTPStatus.NOT_FOUND, mail_pages.error("This message has no such part.")
        return HTTPStatus.OK, page

    def _send(self, status: HTTPStatus, page: mail_pages.Page) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": page.content_type,
            "Content-Length": str(len(page.body)),
            "Content-Security-Policy": page.policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        if page.filename is not None:
            headers["Content-Disposition"] = f'attachment; filename="{page.filename}"'
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    def log_message(self, *_arguments: Any) -> None:
        """Looking at mail is not worth a line in the log."""


class Mailbox:
    """Both servers; port 0 takes any free one. Also a context manager."""

    def __init__(self, directory: Path, *, smtp_port: int = 0, http_port: int = 0) -> None:
        self.mails = MailDirectory(directory)
        self.smtp_port = smtp_port
        self.http_port = http_port

    def start(self) -> Self:
        viewer = type("BoundViewer", (Viewer,), {"mails": self.mails})
        self._http = ThreadingHTTPServer(("127.0.0.1", self.http_port), viewer)
        self.http_port = self._http.server_address[1]
        self._loop = asyncio.new_event_loop()
        receiver = Receiver(self.mails)
        self._threads = [
            threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True),
            threading.Thread(target=self._loop.run_forever, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        # From the loop's own thread: the caller's may have a loop running already.
        self._smtp = asyncio.run_coroutine_threadsafe(
            self._loop.create_server(
                lambda: SMTP(
                    receiver,
                    hostname="localhost",
                    enable_SMTPUTF8=True,
                    data_size_limit=LARGEST,
                    loop=self._loop,
                ),
                "127.0.0.1",
                self.smtp_port,
            ),
            self._loop,
        ).result()
        self.smtp_port = self._smtp.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._loop.call_soon_threadsafe(self._smtp.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        for thread in self._threads:
            thread.join(5)
        self._loop.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def main(directory: str, smtp_port: str, http_port: str) -> None:
    os.umask(0o077)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with Mailbox(Path(directory), smtp_port=int(smtp_port), http_port=int(http_port)) as box:
        print(f"mail is shown at http://localhost:{box.http_port}/", flush=True)
        ended.wait()


if __name__ == "__main__":
    main(*sys.argv[1:4])
