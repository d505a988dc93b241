"""The mailbox of this machine: real SMTP in, real HTTP out."""

import http.client
import smtplib
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from portal.core.local.mailbox import Mailbox, MailDirectory


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path / "mail") as running:
        yield running


def send(box: Mailbox, message: EmailMessage | bytes, *to: str) -> None:
    raw = message if isinstance(message, bytes) else message.as_bytes(policy=policy.SMTP)
    with smtplib.SMTP("127.0.0.1", box.smtp_port) as smtp:
        smtp.ehlo()
        smtp.sendmail("portal@site.example", to, raw, mail_options=["SMTPUTF8"])


def get(
    box: Mailbox, path: str, *, host: str | None = None, method: str = "GET"
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", box.http_port, timeout=5)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"localhost:{box.http_port}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode(errors="replace")
    connection.close()
    return answer.status, dict(answer.getheaders()), body


def rich_mail() -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Neues <script>alert(1)</script> für Ärzte"
    message["From"] = "updates@site.example"
    message["To"] = "reader@clinic.example"
    message.set_content("Confirm: https://site.example/confirm?a=1&b=2.\n</pre><script>no</script>")
    message.add_alternative('<h1>Hello</h1><img src="cid:logo">', subtype="html")
    html = message.get_payload()[1]
    html.add_related(b"picture", "image", "png", cid="<logo>")
    message.add_attachment(b"1,2", maintype="text", subtype="csv", filename='../e"; vil.csv')
    return message


def test_a_mail_is_received_and_shown(box: Mailbox) -> None:
    assert "No mail yet" in get(box, "/")[2]
    send(box, rich_mail(), "reader@clinic.example", "jörg@blind.example")
    [identifier] = box.mails.identifiers()
    status, headers, index = get(box, "/")
    assert status == 200
    assert "script" not in headers["Content-Security-Policy"]
    assert "Neues &lt;script&gt;alert(1)&lt;/script&gt; für Ärzte" in index
    assert "reader@clinic.example, jörg@blind.example" in index
    assert f"href='/{identifier}'" in index

    page = get(box, f"/{identifier}")[2]
    assert "<script" not in page
    link = "https://site.example/confirm?a=1&amp;b=2."
    assert f"<a href='{link}' target=_blank" in page
    assert f"<iframe src='/{identifier}/html'" in page
    assert "updates@site.example" in page

    _status, headers, html = get(box, f"/{identifier}/html")
    assert headers["Content-Security-Policy"].startswith("sandbox allow-popups")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "allow-scripts" not in headers["Content-Security-Policy"]
    assert '<img src="data:image/png;base64,cGljdHVyZQ==">' in html

    source = get(box, f"/{identifier}/source")
    assert source[1]["Content-Type"] == "text/plain; charset=utf-8"
    assert source[2].startswith("Return-Path: <portal@site.example>\r\nDelivered-To: reader@")


def test_attachments_are_downloads_with_a_harmless_name(box: Mailbox) -> None:
    send(box, rich_mail(), "reader@clinic.example")
    [identifier] = box.mails.identifiers()
    answers = [get(box, f"/{identifier}/part/{number}") for number in range(3)]
    assert [answer[0] for answer in answers] == [200, 200, 404]
    _status, headers, body = answers[1]
    assert body == "1,2"
    assert headers["Content-Type"] == "application/octet-stream"
    disposition = headers["Content-Disposition"]
    assert disposition.startswith('attachment; filename="')
    assert disposition.count('"') == 2
    assert "/" not in disposition


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no header at all",
        b"Subject: =?x-unknown?B?//8=?=\r\nContent-Type: text/plain; charset=odd\r\n\r\n\xff\xfe",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\ncontent-type: text/html\r\n\r\n<",
        b"To: <<<@@>, \xff\r\nFrom: (\r\nContent-Disposition: attachment; filename*=x''%f\r\n\r\n",
        b"Content-Type: multipart/alternative\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        b"Subject: a\x00b\r\nContent-Transfer-Encoding: base64\r\n\r\nAAA",
    ],
)
def test_broken_mail_is_shown_all_the_same(box: Mailbox, raw: bytes) -> None:
    identifier = box.mails.add(raw, sender="", recipients=["x@y.example\r\nInjected: yes"])
    assert get(box, "/")[0] == 200
    status, _headers, page = get(box, f"/{identifier}")
    assert status == 200
    assert "Injected: yes" in page
    assert "<th>Injected" not in page
    assert get(box, f"/{identifier}/html")[0] in {200, 404}
    assert get(box, f"/{identifier}/part/0")[0] in {200, 404}
    assert get(box, f"/{identifier}/source")[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost:x", "@localhost"]
)
def test_a_foreign_host_is_refused(box: Mailbox, host: str) -> None:
    send(box, rich_mail(), "reader@clinic.example")
    status, _headers, body = get(box, "/", host=host)
    assert status == 403
    assert "clinic" not in body


def test_nothing_but_mail_is_served(box: Mailbox) -> None:
    (box.mails.path.parent / "secret.eml").write_text("secret")
    for path in (
        "/../secret",
        "/..%2fsecret",
        "/secret",
        "//etc/passwd",
        "/%00",
        "/20260101T000000000000-00000000",
    ):
        assert get(box, path)[0] == 404, path
    assert get(box, "/mailbox.css")[1]["Content-Type"] == "text/css; charset=utf-8"
    assert get(box, "/", method="POST")[0] == 501
    assert get(box, "/", method="HEAD")[2] == ""
    assert box.mails.read("../secret") is None


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    mails = MailDirectory(tmp_path, kept=3)
    names = [mails.add(b"", sender="", recipients=[]) for _ in range(5)]
    assert mails.identifiers() == names[:1:-1]
    assert all((tmp_path / f"{name}.eml").stat().st_size for name in names[2:])
