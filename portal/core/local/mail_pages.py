"""How the mailbox shows messages: bytes in, pages out. Everything from a message is escaped."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.parser import BytesHeaderParser
from html import escape

# No script anywhere, nothing from elsewhere, no frame but our own.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
# Mail brings its own inline style and pictures; links may open a new window that is free again.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; "
    "style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'self'"
)
DOWNLOAD_POLICY = "sandbox; default-src 'none'"
LINK = re.compile(r"https?://[^\s<>\"')\]]+")

STYLE = """
:root { color-scheme: light dark; --line: #8885; --quiet: #777; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin-top: 2rem; }
a { color: LinkText; }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-weight: 600; color: var(--quiet); white-space: nowrap; }
th:has(+ td) { width: 10rem; }
time { white-space: nowrap; font-variant-numeric: tabular-nums; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line);
  padding: 1rem; font: .9rem/1.5 ui-monospace, monospace; }
iframe { width: 100%; height: 40rem; border: 1px solid var(--line); background: #fff; }
.quiet { color: var(--quiet); }
"""


@dataclass(frozen=True)
class Page:
    body: bytes
    content_type: str = "text/html; charset=utf-8"
    policy: str = PAGE_POLICY
    filename: str | None = None


def _page(title: str, body: str) -> Page:
    return Page(
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><link rel=stylesheet href=/mailbox.css>"
        f"<body>{body}</body></html>".encode("utf-8", "replace")
    )


def style_sheet() -> Page:
    return Page(STYLE.encode(), content_type="text/css; charset=utf-8")


def error(text: str) -> Page:
    return _page(text, f"<h1>{escape(text)}</h1><p><a href='/'>All mail</a></p>")


def parse(content: bytes) -> EmailMessage:
    mail: EmailMessage = message_from_bytes(content, policy=policy.default)
    return mail


def header(message: Message, name: str) -> str:
    """One header, decoded; Python's parser stumbles over some broken ones, which are shown raw."""
    try:
        values = [str(value) for value in message.get_all(name, [])]
    except Exception:  # noqa: BLE001 - the parser raises many kinds of error here
        raw = [value for key, value in message.raw_items() if key.lower() == name.lower()]
        values = [str(value) for value in raw]
    joined = ", ".join(values)
    return joined.encode("utf-8", "replace").decode()


def subject_of(content: bytes) -> str:
    message = BytesHeaderParser(policy=policy.default).parsebytes(content)
    return re.sub(r"\s+", " ", header(message, "Subject")) or "(no subject)"


def _received_at(identifier: str) -> str:
    """`20260131T094500123456-…` as `2026-01-31 09:45:00 UTC`."""
    day, time = identifier[:8], identifier[9:15]
    return f"<time>{day[:4]}-{day[4:6]}-{day[6:]} {time[:2]}:{time[2:4]}:{time[4:]} UTC</time>"


def index(mails: Iterable[tuple[str, bytes]]) -> Page:
    """The list of all messages, newest first, as it comes."""
    rows = []
    for identifier, content in mails:
        message = BytesHeaderParser(policy=policy.default).parsebytes(content)
        to = header(message, "Delivered-To") or header(message, "To")
        rows.append(
            f"<tr><td>{_received_at(identifier)}<td>{escape(to)}"
            f"<td><a href='/{identifier}'>{escape(subject_of(content))}</a>"
        )
    if not rows:
        body = "<p>No mail yet. What the portal sends appears here.</p>"
    else:
        body = f"<table><tr><th>Received<th>To<th>Subject{''.join(rows)}</table>"
    note = "<p class=quiet>Mail that the portal on this machine has sent. None of it has left.</p>"
    return _page("Mail", f"<h1>Mail</h1>{note}{body}")


def message(identifier: str, content: bytes) -> Page:
    """One message: headers, HTML part in a frame without rights, text part, attachments."""
    mail = parse(content)
    shown = ("Delivered-To", "From", "To", "Cc", "Reply-To", "Date", "List-Unsubscribe")
    subject = subject_of(content)
    rows = "".join(
        f"<tr><th>{name}<td>{_linked(value)}" for name in shown if (value := header(mail, name))
    )
    sections = [
        f"<p><a href='/'>All mail</a></p><h1>{escape(subject)}</h1>",
        f"<table><tr><th>Received<td>{_received_at(identifier)}{rows}</table>",
    ]
    html, text = _body(mail, "html"), _body(mail, "plain")
    if html is not None:
        sections.append(
            f"<h2>HTML</h2><iframe src='/{identifier}/html' title='HTML part' "
            "sandbox='allow-popups allow-popups-to-escape-sandbox'></iframe>"
        )
    if text is not None:
        sections.append(f"<h2>Text</h2><pre>{_linked(text)}</pre>")
    if html is None and text is None:
        sections.append("<p>This message has no readable part; its source is below.</p>")
    files = "".join(
        f"<li><a href='/{identifier}/part/{number}'>{escape(_filename(part, number))}</a> "
        f"<span class=quiet>{escape(part.get_content_type())}</span>"
        for number, part in enumerate(_attachments(mail))
    )
    if files:
        sections.append(f"<h2>Attachments</h2><ul>{files}</ul>")
    every = "\n".join(f"{name}: {header_value}" for name, header_value in _all_headers(mail))
    sections.append(f"<h2>All headers</h2><pre>{escape(every)}</pre>")
    sections.append(f"<p><a href='/{identifier}/source' target=_blank>Source</a></p>")
    return _page(subject, "".join(sections))


def html_part(content: bytes) -> Page | None:
    """The HTML part as it came, but for inline pictures, which become data in the page."""
    mail = parse(content)
    html = _body(mail, "html")
    if html is None:
        return None
    for part in mail.walk():
        name = header(part, "Content-ID").strip("<> ")
        if name and part.get_content_maintype() == "image":
            data = base64.b64encode(_payload(part)).decode()
            html = html.replace(f"cid:{name}", f"data:{part.get_content_type()};base64,{data}")
    page = f"<!doctype html><meta charset=utf-8><base target=_blank>{html}"
    return Page(page.encode("utf-8", "replace"), policy=MAIL_POLICY)


def source(content: bytes) -> Page:
    return Page(content, content_type="text/plain; charset=utf-8", policy=DOWNLOAD_POLICY)


def attachment(content: bytes, number: int) -> Page | None:
    """An attachment, always as a download: what it claims to be is not trusted."""
    parts = _attachments(parse(content))
    if number >= len(parts):
        return None
    name = re.sub(r"[^A-Za-z0-9._ -]", "_", _filename(parts[number], number)).lstrip(".")
    return Page(
        _payload(parts[number]),
        content_type="application/octet-stream",
        policy=DOWNLOAD_POLICY,
        filename=name or f"part-{number}",
    )


def _linked(text: str) -> str:
    """Escaped text with its web addresses as links that open a new window."""
    parts, end = [], 0
    for match in LINK.finditer(text):
        url = escape(match[0])
        parts.append(escape(text[end : match.start()]))
        parts.append(f"<a href='{url}' target=_blank rel=noreferrer>{url}</a>")
        end = match.end()
    return "".join([*parts, escape(text[end:])])


def _body(mail: EmailMessage, kind: str) -> str | None:
    for part in mail.walk():
        if part.get_content_type() == f"text/{kind}" and not _is_attachment(part):
            return _text(part)
    return None


def _is_attachment(part: Message) -> bool:
    return part.get_content_disposition() == "attachment"


def _attachments(mail: EmailMessage) -> list[Message]:
    return [
        part
        for part in mail.walk()
        if not part.is_multipart()
        and (_is_attachment(part) or part.get_content_maintype() != "text")
    ]


def _filename(part: Message, number: int) -> str:
    try:
        return part.get_filename() or f"part-{number}"
    except Exception:  # noqa: BLE001 - a broken parameter raises many kinds of error
        return f"part-{number}"


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: Message) -> str:
    payload = _payload(part)
    try:
        return payload.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:  # a character set that does not exist
        return payload.decode("utf-8", "replace")


def _all_headers(mail: EmailMessage) -> list[tuple[str, str]]:
    names: dict[str, str] = {}
    for name in mail.keys():  # noqa: SIM118 - a message is no dictionary
        names.setdefault(name.lower(), name)
    return [(name, header(mail, name)) for name in names.values()]
