"""A mailing's message as bytes: built once, then spliced for each recipient.

Building MIME costs fifty times what sending it does, so everything that is the same for all
recipients is encoded once. What differs (``To``, ``Message-ID``, the links) is put between, and so
is what may change while the mailing is being sent (the stream's texts).
"""

import binascii
import hashlib
import html
import re
import time
from collections.abc import Callable, Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from django.conf import settings
from django.utils import translation

from portal.core.models import site_settings

from .models import ADDRESS_PATTERN, Delivery, Mailing
from .opt_outs import opt_out_token
from .streams import Stream

SAFE_URL = re.compile(r"https?://[!-~]+")


class UnsendableMessageError(ValueError):
    """A message with a part that does not belong into a header or a link."""


def _quoted_printable(text: str, *, is_last: bool = False) -> bytes:
    """Encode ``text`` so that no line begins with a dot, which SMTP would have us double.

    Soft breaks may stand between any two of our pieces, so each piece is encoded alone. All but
    the last of a body leave room for the "=" of such a break in their last line.
    """
    content = text.encode().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if is_last:
        encoded = binascii.b2a_qp(content, istext=True)
    else:
        # One more character has found its place, so has the sign of the break.
        encoded = binascii.b2a_qp(content + b"x", istext=True)[:-1]
    if b"=20" in encoded or b"=09" in encoded:
        # A space that ends a line was written as one character when the line was measured.
        encoded = re.sub(rb"^(.{74,75})(=20|=09)$", rb"\1=\n\2", encoded, flags=re.MULTILINE)
    while encoded.startswith(b".") or b"\n." in encoded:
        # With a soft break: the line may be as long as it may be.
        encoded = re.sub(rb"^\.", b"=2E=\n", encoded, flags=re.MULTILINE)
    return encoded.replace(b"\n", b"\r\n")


def encoded_size(*parts: str) -> int:
    """Return how many bytes ``parts`` of a message have as they are sent."""
    return sum(len(_quoted_printable(part, is_last=True)) for part in parts)


def _encoded(
    fillings: Mapping[str, str], change: Callable[[str], str] | None = None
) -> dict[str, bytes]:
    return {
        name: _quoted_printable(change(filling) if change else filling)
        for name, filling in fillings.items()
    }


class _Body:
    """A text with gaps for links and texts, as quoted-printable pieces."""

    def __init__(self, text: str, names: list[str]) -> None:
        gaps = "|".join(re.escape(name) for name in names)
        # With one group, every second piece is the name of a gap.
        pieces = re.split(rf"\[\[({gaps})\]\]", text) if gaps else [text]
        *fixed, last = pieces[::2]
        self._fixed = [*map(_quoted_printable, fixed), _quoted_printable(last, is_last=True)]
        self._names = pieces[1::2]

    def encode(self, fillings: Mapping[str, bytes]) -> bytes:
        """Return the text with ``fillings``, encoded, in its gaps."""
        parts = [self._fixed[0]]
        for name, fixed in zip(self._names, self._fixed[1:], strict=True):
            parts += [fillings[name], fixed]
        return b"=\r\n".join(parts)


class ComposedMailing:
    """The message of ``mailing`` in ``stream``; ``for_delivery`` costs some microseconds."""

    def __init__(self, mailing: Mailing, stream: Stream) -> None:
        self.stream = stream
        self.sender = stream.sender
        self._domain = self.sender.rpartition("@")[2]
        self._reference = mailing.public_id.hex
        self._language = mailing.language
        self._mailing_links = {name: make(mailing) for name, make in stream.mailing_links.items()}
        names = [*stream.links, *self._mailing_links, *stream.texts]
        self._text = _Body(mailing.text, names)
        self._html = _Body(mailing.html, names)
        # Quoted-printable writes "=" as "=3D": no text can contain the boundary.
        self._boundary = f"=_{self._reference}"
        self._head = self._fixed_headers(mailing)
        self._texts_at = float("-inf")
        self._plain_texts: dict[str, bytes] = {}
        self._escaped_texts: dict[str, bytes] = {}

    def _fixed_headers(self, mailing: Mailing) -> bytes:
        # EmailMessage refuses line breaks in a header and encodes what is not ASCII.
        head = EmailMessage(policy=SMTP)
        site_name = " ".join(site_settings().name.split())
        head["From"] = Address(display_name=site_name, addr_spec=self.sender)
        head["Subject"] = mailing.subject
        head["Content-Language"] = mailing.language
        head["Auto-Submitted"] = "auto-generated"
        if self.stream.needs_consent:
            list_name = self.stream.key.replace("_", "-")
            head["List-Id"] = f"<{list_name}.{settings.SITE_HOST}>"
            head["Feedback-ID"] = f"{mailing.pk}:{list_name}:{feedback_sender()}"
            head["Precedence"] = "bulk"
        return head.as_bytes().removesuffix(b"\r\n")

    def for_delivery(self, delivery: Delivery) -> bytes:
        """Return the whole message for ``delivery`` (CRLF line ends, ASCII, no dot begins a line).

        Raises UnsendableMessageError if the address or a link could break out of its place.
        """
        if not re.fullmatch(ADDRESS_PATTERN, delivery.address):
            raise UnsendableMessageError("address")
        links = self._mailing_links | {
            name: make(delivery.subscriber) for name, make in self.stream.links.items()
        }
        if not all(SAFE_URL.fullmatch(url) for url in links.values()):
            raise UnsendableMessageError("link")
        plain = self._texts_now() | _encoded(links)
        escaped = self._escaped_texts | _encoded(links, html.escape)
        boundary = self._boundary.encode()
        return b"".join(
            (
                self._head,
                self._own_headers(delivery, links).encode("ascii"),
                b"MIME-Version: 1.0\r\n",
                b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n\r\n',
                b"--" + boundary + b"\r\n" + _part_headers("plain"),
                self._text.encode(plain),
                b"\r\n--" + boundary + b"\r\n" + _part_headers("html"),
                self._html.encode(escaped),
                b"\r\n--" + boundary + b"--\r\n",
            )
        )

    def _texts_now(self) -> dict[str, bytes]:
        """Return the stream's texts, as old as what pages show at most."""
        if time.monotonic() - self._texts_at >= settings.CONTENT_STAMP_SECONDS:
            self._texts_at = time.monotonic()
            with translation.override(self._language):
                texts = {name: make() for name, make in self.stream.texts.items()}
            self._plain_texts = _encoded(texts)
            self._escaped_texts = _encoded(texts, html.escape)
        return self._plain_texts

    def message_id(self, delivery: Delivery) -> str:
        """Derived from the delivery: a second attempt has the same one."""
        return f"<{self._reference}.{delivery.pk}@{self._domain}>"

    def _own_headers(self, delivery: Delivery, links: dict[str, str]) -> str:
        lines = [
            f"Date: {formatdate(usegmt=True)}",
            f"To: {delivery.address}",
            f"Message-ID: {self.message_id(delivery)}",
        ]
        if self.stream.needs_consent:
            token = opt_out_token(delivery.subscriber, self.stream.key)
            lines += [
                f"List-Unsubscribe: <{links['unsubscribe_url']}>,",
                f" <mailto:{self.sender}?subject=unsubscribe%20{token}>",
                "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            ]
        return "".join(f"{line}\r\n" for line in lines)


def feedback_sender() -> str:
    """Return who we are to Gmail's Postmaster Tools: 5 to 15 characters, for ever the same."""
    return hashlib.sha256(settings.SITE_HOST.encode()).hexdigest()[:12]


def _part_headers(subtype: str) -> bytes:
    return (
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    ).encode()
