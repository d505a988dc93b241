"""Sending through Postmark's HTTP API, by django-anymail: one request per message, no second try.

As with SMTP only one moment is ambiguous: from the request's first byte to a readable answer. What
repeats a request by itself is switched off (connection pools, redirects, anymail's own session).
"""

import logging
import re
import ssl
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from http import HTTPStatus
from typing import Any

import requests
from anymail.backends.postmark import EmailBackend
from anymail.exceptions import AnymailError
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError
from urllib3.util import Retry

from .references import delivery_reference
from .relay import Answer, Relay, RelayUnavailableError, Verdict

logger = logging.getLogger(__name__)

# What Postmark writes itself, from the fields of the request.
OWN_HEADERS = {"from", "to", "subject", "date", "mime-version", "content-type"}
# https://postmarkapp.com/developer/api/overview#error-codes
INVALID_REQUEST = 300
INACTIVE_RECIPIENT = 406
PROVIDER_ID_LENGTH = 100


class PostmarkBackend(EmailBackend):  # type: ignore[misc]
    """anymail's, for account mail and for the outbox: nothing is ever sent by it twice."""

    def create_session(self) -> requests.Session:
        """Return a session that asks once, whatever happens, and follows no redirect."""
        session: requests.Session = super().create_session()
        once = HTTPAdapter(
            max_retries=Retry(
                total=0,
                connect=0,
                read=False,
                redirect=0,
                status=0,
                other=0,
                respect_retry_after_header=False,
            )
        )
        session.mount("https://", once)
        session.mount("http://", once)
        session.max_redirects = 0
        return session

    def greet(self) -> int:
        """Ask Postmark about our server; return the HTTP status (requests' errors pass through)."""
        response: requests.Response = self.session.get(
            f"{self.api_url}server",
            headers={"Accept": "application/json", "X-Postmark-Server-Token": self.server_token},
            timeout=self.timeout,
        )
        return response.status_code


class PostmarkRelay(Relay):
    """What ``SmtpRelay`` is for SMTP."""

    name = "postmark"

    def __init__(self) -> None:
        super().__init__()
        self._backend = PostmarkBackend(timeout=settings.EMAIL_TIMEOUT)

    def open(self) -> None:
        """Connect and show our token; RelayUnavailableError if that fails: nothing was sent yet."""
        self.close()
        self._backend.open()
        try:
            status = self._backend.greet()
        except requests.RequestException as error:
            self._drop()
            raise RelayUnavailableError from error
        if status != HTTPStatus.OK:
            self._drop()
            logger.error("Postmark does not let us in: HTTP status %d", status)
            raise RelayUnavailableError
        self._accepted_count = 0
        self._is_lost = False

    def close(self) -> None:
        self._drop()

    def _drop(self) -> None:
        self._is_lost = True
        self._backend.close()

    def send(self, *, sender: str, recipient: str, content: bytes) -> Answer:
        """Hand over one message by one request; never raises for what Postmark does.

        ``sender``: ignored, Postmark has an envelope sender of its own for each message.
        """
        if self._is_lost:
            return Answer(Verdict.DEFERRED)
        message = _anymail_message(content, recipient)
        response: requests.Response
        try:
            self._backend.send_messages([message])
            response = message.anymail_status.esp_response  # type: ignore[attr-defined]
        except AnymailError as error:
            if not isinstance(error, requests.RequestException) and error.response is None:
                # anymail could not write the request.
                return Answer(Verdict.REFUSED, detail=type(error).__name__)
            response = error.response
            if response is None:
                self._drop()
                return Answer(Verdict.DEFERRED if _is_unsent(error.__cause__) else Verdict.UNKNOWN)
        answer, is_open = read_response(response)
        self._accepted_count += answer.verdict is Verdict.ACCEPTED
        if not is_open:
            self._drop()
        return answer


def _anymail_message(content: bytes, recipient: str) -> EmailMultiAlternatives:
    """Return the composed message as anymail takes it, all of its headers included."""
    parsed = message_from_bytes(content, EmailMessage, policy=SMTP)
    is_bulk = "List-Unsubscribe" in parsed
    message = EmailMultiAlternatives(
        subject=str(parsed["Subject"]),
        body=_body(parsed, "plain"),
        from_email=str(parsed["From"]),
        to=[recipient],
        headers={
            name: " ".join(str(value).split())
            for name, value in parsed.items()
            if name.lower() not in OWN_HEADERS
        }
        # Else Postmark puts a Message-ID of its own in the place of ours.
        | {"X-PM-KeepID": "true"},
    )
    message.attach_alternative(_body(parsed, "html"), "text/html")
    stream = settings.POSTMARK_UPDATES_STREAM if is_bulk else settings.POSTMARK_ACCOUNTS_STREAM
    anymail: dict[str, Any] = {
        # Comes back with each report: also for a message whose answer we never got.
        "metadata": {"delivery": delivery_reference(str(parsed["Message-ID"]))},
        "esp_extra": {"MessageStream": stream},
    }
    vars(message).update(anymail)
    return message


def _body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return "" if part is None else str(part.get_content())


def _is_unsent(error: BaseException | None) -> bool:
    """Whether nobody took the message for certain: no connection was made, or we were sent on."""
    if isinstance(
        error,
        requests.ConnectTimeout
        | requests.exceptions.ProxyError
        | requests.TooManyRedirects
        # An address of the API or a token that is none.
        | ValueError,
    ):
        return True
    reason = getattr(error.args[0], "reason", None) if error is not None and error.args else None
    if isinstance(reason, NewConnectionError | ConnectTimeoutError | ProxyError):
        return True
    return bool(
        reason is not None
        and reason.args
        and isinstance(reason.args[0], ssl.SSLCertVerificationError)
    )


def read_response(response: requests.Response) -> tuple[Answer, bool]:
    """Return what Postmark's answer means, and whether the next message is to be tried."""
    try:
        body = response.json()
    except ValueError:
        body = None
    fields: dict[str, Any] = body if isinstance(body, dict) else {}
    status = response.status_code
    error = fields.get("ErrorCode", 0)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return _turned_down(error, str(fields.get("Message", "")))
    if status == HTTPStatus.OK and error == 0:
        provider_id = fields.get("MessageID")
        if isinstance(provider_id, str) and provider_id:
            provider_id = provider_id[:PROVIDER_ID_LENGTH]
            return Answer(Verdict.ACCEPTED, status, provider_id=provider_id), True
    # Our token, the rate, the address of the API: the next message would fare no better. Only one
    # that is too large is alone with that.
    is_open = status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Answer(Verdict.DEFERRED, status), is_open
    if status == HTTPStatus.SERVICE_UNAVAILABLE or (status > HTTPStatus.OK and error):
        return Answer(Verdict.DEFERRED, status), False
    # From something between us that does not know either what Postmark did with the message.
    return Answer(Verdict.UNKNOWN), False


def _turned_down(error: Any, text: str) -> tuple[Answer, bool]:
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    detail = f"Postmark {error}"
    if error == INACTIVE_RECIPIENT:
        # Mail to it bounced for good, or its holder complained.
        return Answer(Verdict.REFUSED, status, is_hard_bounce=True, detail=detail), True
    if error == INVALID_REQUEST:
        if re.match(r"(?:Invalid|Error parsing) 'To'", text, re.IGNORECASE):
            return Answer(Verdict.REFUSED, status, detail=detail), True
        return Answer(Verdict.DEFERRED, status), True
    logger.error("Postmark does not take our mail: error %s", error)
    return Answer(Verdict.DEFERRED, status), False
