"""A message's bytes: what mail servers take as they are, and a program shows as it was."""

import quopri
import random

from portal.mail.message import _Body, _encoded

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
