"""A message's bytes: what mail servers take as they are, and a program shows as it was."""

import quopri
import random
import re
from email import message_from_bytes
from email.policy import default

import pytest

from portal.mail.message import ComposedMailing, _Body, _encoded
from portal.mail.streams import get_stream
from tests.factories import SubscriberFactory
from tests.mail.planning import plan

PIECES = ("a", "é", "—", " ", "\t", "=", ".", "..", "\n", "\n.", "\r\n", "medicine ", "x" * 74)


def body(*pieces, filling="https://portal.example/?a=1&b=" + "c" * 40):
    """Return the encoded ``pieces`` with the same gap between all of them."""
    return _Body("[[link]]".join(pieces), ["link"]).encode(_encoded({"link": filling}))


def decoded(content):
    return quopri.decodestring(content).decode().replace("\r\n", "\n")


def assert_sound(content):
    """No bare CR or LF, no line above 76 characters, none that begins with a dot."""
    lines = content.split(b"\r\n")
    assert not any(sign in line for line in lines for sign in (b"\r", b"\n"))
    assert max(map(len, lines)) <= 76
    assert not any(line.startswith(b".") for line in lines)


def test_a_bare_carriage_return_ends_a_line():
    content = body("Old\rMac\r\rText\r\n.", "\r.", filling="a\rb")
    assert_sound(content)
    assert decoded(content) == "Old\nMac\n\nText\n.a\nb\n."


def test_no_line_is_too_long_where_pieces_meet():
    for length in range(160):
        for sign in ("a", "é", "=", " "):
            text = sign * length
            content = body(text, text)
            assert_sound(content)
            assert decoded(content).split("https")[0] == text


def test_any_text_comes_out_as_it_went_in():
    chance = random.Random(3)
    for _number in range(2000):
        texts = ["".join(chance.choices(PIECES, k=chance.randrange(30))) for _piece in range(3)]
        filling = "".join(chance.choices(PIECES, k=chance.randrange(12)))
        content = body(*texts, filling=filling)
        assert_sound(content)
        assert decoded(content) == filling.join(texts).replace("\r\n", "\n")


def test_a_text_that_ends_with_a_space_keeps_it():
    for end in (" ", "\t", "word "):
        content = body("", end)
        assert not content.endswith((b" ", b"\t"))
        assert decoded(content).endswith(end)


# --- headers --------------------------------------------------------------------------------------


def feedback_id(mailing):
    composed = ComposedMailing(mailing, get_stream(mailing.stream))
    content = composed.for_delivery(mailing.deliveries.select_related("subscriber").get())
    return message_from_bytes(content, policy=default)["Feedback-ID"]


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["a.eu", "education.lymphoma-hub.publisher.example"])
def test_the_feedback_id_is_as_gmail_wants_it(settings, host):
    """Four fields at most; the last names the sender, in 5 to 15 characters, always the same."""
    settings.SITE_HOST = host
    SubscriberFactory()
    first, second = (feedback_id(plan(key)) for key in ("article:1", "article:2"))
    assert first != second
    assert re.fullmatch(r"\d+:article-updates:[0-9a-f]{5,15}", first)
    assert first.rpartition(":")[2] == second.rpartition(":")[2]
