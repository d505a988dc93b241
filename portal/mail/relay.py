"""One connection to the mail server, and what its answers mean.

Only one moment is ambiguous: from the end of the message to the server's answer. A connection
that is lost before it has certainly not delivered, one that is lost then may have.
"""

import logging
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from smtplib import SMTP, SMTPException, SMTPServerDisconnected
from types import TracebackType
from typing import Self

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend

logger = logging.getLogger(__name__)

CODES = range(200, 600)
SUCCESS = range(200, 300)
START_INPUT = 354
CLOSING = 421
PERMANENT = 500


class Verdict(Enum):
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """``code``: the SMTP code (a provider's HTTP status), None where the connection broke off.

    ``is_hard_bounce``: the mailbox does not exist. ``is_soft_bounce``: it cannot take mail now,
    though the server does not want to be asked again. ``detail``: what the server said, as it came.
    ``provider_id``: what a provider calls the message in its reports.
    """

    verdict: Verdict
    code: int | None = None
    is_hard_bounce: bool = False
    is_soft_bounce: bool = False
    detail: str = ""
    provider_id: str = ""


class RelayUnavailableError(Exception):
    """The mail server cannot be reached or does not let us in; nothing was sent."""


def is_positive(code: int) -> bool:
    return code in SUCCESS


def enhanced_code(text: bytes) -> tuple[int, int] | None:
    """Return subject and detail of a refusal's enhanced status code (RFC 3463), if it has one."""
    match = re.match(rb"\s*5\.(\d{1,3})\.(\d{1,3})\b", text)
    return (int(match[1]), int(match[2])) if match else None


def is_hard_bounce(code: int, text: bytes, *, is_recipient: bool) -> bool:
    """Whether a refusal means that the mailbox does not exist.

    "5.7.1" (policy) and "5.2.2" (full) say nothing of the kind, though they come with 550, too. A
    bare 550 says it as an answer to the recipient's address only (``is_recipient``): after the
    message it is most often about the content.
    """
    enhanced = enhanced_code(text)
    if enhanced is None:
        return is_recipient and code in (550, 551, 553)
    return (enhanced[0] == 1 and enhanced[1] not in (7, 8)) or enhanced == (2, 1)


def is_soft_bounce(code: int, text: bytes) -> bool:
    """Whether a refusal is about a state that passes: a full mailbox, a system that is not up."""
    enhanced = enhanced_code(text)
    if enhanced is None:
        return code == 552  # noqa: PLR2004 - "exceeded storage allocation" (RFC 5321)
    # 5.3.4: this message is too big, which says nothing about the next one.
    return (enhanced[0] in (3, 4) and enhanced != (3, 4)) or enhanced in ((2, 0), (2, 2), (2, 4))


class Relay(ABC):
    """A way out for mail, open while in the ``with`` block."""

    def __init__(self) -> None:
        self._accepted_count = 0
        self._is_lost = True

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    @abstractmethod
    def name(self) -> str:
        """Which server it is: all workers that send to it share one pace."""

    @abstractmethod
    def open(self) -> None:
        """Connect; RelayUnavailableError if that fails."""

    @abstractmethod
    def close(self) -> None:
        """Take leave; a server that does not answer any more is not waited for."""

    @abstractmethod
    def send(self, *, sender: str, recipient: str, content: bytes) -> Answer:
        """Hand over one message; never raises for what the server does.

        No line of ``content`` begins with a dot.
        """

    def ensure_open(self) -> None:
        """Connect anew after a loss; RelayUnavailableError if the lost connection had done nothing.

        Some servers close after some hundred messages. One that closes at once is in trouble,
        and each further attempt might cost one more message its certainty.
        """
        if self._is_lost:
            if not self._accepted_count:
                raise RelayUnavailableError
            self.open()


class SmtpRelay(Relay):
    """The connection that Django's e-mail settings name."""

    def __init__(self) -> None:
        super().__init__()
        self._backend = EmailBackend()
        self._has_complained = False

    @property
    def name(self) -> str:
        return f"{self._backend.host}:{self._backend.port}"

    def open(self) -> None:
        """Connect; RelayUnavailableError if that fails."""
        self.close()
        try:
            self._backend.open()
            if self._backend.connection is not None:
                self._backend.connection.ehlo_or_helo_if_needed()
        except (OSError, SMTPException) as error:
            self._drop()
            raise RelayUnavailableError from error
        self._accepted_count = 0
        self._is_lost = False
        self._has_complained = False

    def close(self) -> None:
        """Take leave; a server that does not answer any more is not waited for."""
        if self._is_lost:
            return
        self._is_lost = True
        try:
            self._backend.close()
        except (OSError, SMTPException):
            self._backend.connection = None

    def _drop(self) -> None:
        self._is_lost = True
        if self._backend.connection is not None:
            self._backend.connection.close()
            self._backend.connection = None

    def send(self, *, sender: str, recipient: str, content: bytes) -> Answer:
        """Hand over one message; never raises for what the server does."""
        smtp = self._backend.connection
        if smtp is None:
            return Answer(Verdict.DEFERRED)
        try:
            answer = self._announce(smtp, sender, recipient)
        except (OSError, SMTPException):
            self._drop()
            return Answer(Verdict.DEFERRED)
        if answer is not None:
            self._start_afresh(smtp)
            return answer
        try:
            smtp.send(content + b".\r\n")
            code, text = self._last_answer(smtp)
        except (OSError, SMTPException):
            self._drop()
            return Answer(Verdict.UNKNOWN)
        return self._final_answer(code, text)

    @staticmethod
    def _last_answer(smtp: SMTP) -> tuple[int, bytes]:
        """Wait longer than usual: to give the connection up now costs the message its certainty."""
        connection = smtp.sock
        if connection is None:
            raise SMTPServerDisconnected
        usual = connection.gettimeout()
        connection.settimeout(settings.MAIL_REPLY_TIMEOUT)
        answer = smtp.getreply()
        connection.settimeout(usual)
        return answer

    def _announce(self, smtp: SMTP, sender: str, recipient: str) -> Answer | None:
        """Name sender and recipient; None if the server waits for the message."""
        if smtp.has_extn("pipelining"):
            return self._announce_at_once(smtp, sender, recipient)
        code, text = smtp.mail(sender)
        if not is_positive(code):
            # About us, not about this recipient: no reason to give the recipient up.
            return self._turned_down(code, text, is_our_fault=True)
        code, text = smtp.rcpt(recipient)
        if not is_positive(code):
            return self._turned_down(code, text, is_recipient=True)
        code, text = smtp.docmd("DATA")
        if code != START_INPUT:
            return self._turned_down(code, text)
        return None

    def _announce_at_once(self, smtp: SMTP, sender: str, recipient: str) -> Answer | None:
        """Send all three commands before reading the answers: one round trip (RFC 2920).

        The addresses were checked before (``message.py``): neither can end a line.
        """
        smtp.send(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n")
        refusal: Answer | None = None
        for command in ("MAIL", "RCPT", "DATA"):
            try:
                code, text = smtp.getreply()
                if refusal is not None and code == START_INPUT:
                    # It waits for a message to nobody (RFC 2920, 3.1): an empty one ends that.
                    smtp.send(".\r\n")
                    smtp.getreply()
            except (OSError, SMTPException):
                if refusal is None:
                    raise
                self._drop()
                return refusal
            is_welcome = code == START_INPUT if command == "DATA" else is_positive(code)
            if refusal is None and not is_welcome:
                refusal = self._turned_down(
                    code, text, is_recipient=command == "RCPT", is_our_fault=command == "MAIL"
                )
                if self._is_lost:
                    return refusal
        return refusal

    def _start_afresh(self, smtp: SMTP) -> None:
        if self._is_lost:
            return
        try:
            smtp.rset()
        except (OSError, SMTPException):
            self._drop()

    def _final_answer(self, code: int, text: bytes) -> Answer:
        if is_positive(code):
            self._accepted_count += 1
            return Answer(Verdict.ACCEPTED, code)
        if code not in CODES:
            self._drop()
            return Answer(Verdict.UNKNOWN)
        return self._turned_down(code, text)

    def _turned_down(
        self, code: int, text: bytes, *, is_recipient: bool = False, is_our_fault: bool = False
    ) -> Answer:
        if code == CLOSING or code not in CODES:
            self._drop()
        if code not in CODES:
            return Answer(Verdict.DEFERRED)
        if is_our_fault and not self._is_lost:
            self._complain(code)
        if code >= PERMANENT and not is_our_fault:
            return Answer(
                Verdict.REFUSED,
                code,
                is_hard_bounce=is_hard_bounce(code, text, is_recipient=is_recipient),
                is_soft_bounce=is_soft_bounce(code, text),
                detail=text.decode("ascii", errors="replace"),
            )
        return Answer(Verdict.DEFERRED, code)

    def _complain(self, code: int) -> None:
        """Log, once a connection, that the server wants nothing of us: it puts all mail off."""
        if not self._has_complained:
            logger.error("The mail server refuses our sender (%d); the mail waits", code)
            self._has_complained = True


def open_relay() -> Relay:
    """Return the way out that MAIL_PROVIDER names; it is open while in the ``with`` block."""
    if settings.MAIL_PROVIDER == "postmark":
        from .postmark import PostmarkRelay

        return PostmarkRelay()
    return SmtpRelay()
