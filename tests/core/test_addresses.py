"""Which e-mail addresses are taken, as what they are stored, and what is said of the others."""
# ruff: noqa: RUF001 - letters that look alike are what this is about

import re

import pytest
from django.core.exceptions import ValidationError
from hypothesis import example, given
from hypothesis import strategies as st

from portal.core.addresses import ascii_address
from portal.mail.models import ADDRESS_PATTERN


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("a@b.example", "a@b.example"),
        ("Ada.O'Hara+news@Hospital.EXAMPLE", "Ada.O'Hara+news@hospital.example"),
        ("  a@b.example\r\n", "a@b.example"),
        ("a@b.example.", "a@b.example"),
        ("a@kärnten.example", "a@xn--krnten-bua.example"),
        ("a@KÄRNTEN.example", "a@xn--krnten-bua.example"),
        # "a" and a combining diaeresis
        ("a@ka\u0308rnten.example", "a@xn--krnten-bua.example"),
        ("a@пример.example", "a@xn--e1afmkfd.example"),
        ("a@日本。example", "a@xn--wgv71a.example"),
        ("a@日本ひらカタabc.example", "a@xn--abc-0c4bpeui6e2846bdoc.example"),
        ("a@ｂ.ｅｘａｍｐｌｅ", "a@b.example"),
        ("a@مثال.example", "a@xn--mgbh0fb.example"),
        ("a@xn--fa-hia.example", "a@xn--fa-hia.example"),
        ("a@XN--FA-HIA.example", "a@xn--fa-hia.example"),
        ("a@b.xn--p1ai", "a@b.xn--p1ai"),
        ("a@b.рф", "a@b.xn--p1ai"),
        ("a" * 64 + "@b.example", "a" * 64 + "@b.example"),
        ("a@" + "b" * 63 + ".example", "a@" + "b" * 63 + ".example"),
        ("a@" + "b.ab" * 61 + ".example", "a@" + "b.ab" * 61 + ".example"),
    ],
)
def test_what_is_taken(typed, stored):
    assert ascii_address(typed) == stored
    assert ascii_address(stored) == stored
    assert re.fullmatch(ADDRESS_PATTERN, stored)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "invalid"),
        ("a", "invalid"),
        ("@b.example", "invalid"),
        ("a@", "invalid"),
        ("a b@c.example", "spaces"),
        ("a@b .example", "spaces"),
        ("a\u00a0b@c.example", "spaces"),
        ("a\nb@c.example", "spaces"),
        ("a@b.example\r\nBcc: c@d.example", "spaces"),
        ("a@b\u200d.example", "spaces"),
        ("a@b\u202e.example", "spaces"),
        ("ü@b.example", "local_part_not_ascii"),
        ("用户@b.example", "local_part_not_ascii"),
        ('"a"@b.example', "quoted"),
        ('"a@b"@c.example', "quoted"),
        ('"a>b"@c.example', "quoted"),
        ("a@b@c.example", "quoted"),
        ("a@[192.0.2.1]", "literal"),
        ("a@[IPv6:2001:db8::1]", "literal"),
        ("a@192.0.2.1", "literal"),
        ("a@１９２.0.2.1", "literal"),
        ("a@localhost", "no_domain"),
        ("a@hospital", "no_domain"),
        ("a@.", "no_domain"),
        ("a" * 65 + "@b.example", "too_long"),
        ("a@" + "b" * 64 + ".example", "too_long"),
        ("a@" + "ä" * 60 + ".example", "too_long"),
        ("a@" + "b.ab" * 62 + ".example", "too_long"),
        ("a@" + "b" * 5000 + ".example", "too_long"),
        ("a@faß.example", "ambiguous_domain"),
        ("a@βόλος.example", "ambiguous_domain"),
        # The first letter is Cyrillic.
        ("a@аpple.example", "mixed_alphabets"),
        ("a@pαypal.example", "mixed_alphabets"),
        ("a@xn--a.example", "invalid_ace"),
        ("a@xn--.example", "invalid_ace"),
        ("a@xn---.example", "invalid_ace"),
        ("a@xn--99999999.example", "invalid_ace"),
        ("a@xn--abc-.example", "invalid_ace"),
        ("a@-ü.example", "invalid_domain"),
        ("a@-b.example", "invalid"),
        ("a@b-.example", "invalid"),
        ("a@b..example", "invalid"),
        ("a@.b.example", "invalid"),
        ("a@b.example..", "invalid"),
        (".a@b.example", "invalid"),
        ("a..b@c.example", "invalid"),
        ("a.@b.example", "invalid"),
        ("a@b_c.example", "invalid"),
        ("a@b＠c.example", "invalid"),
        ("a@ü<.example", "invalid"),
        ("a<b@c.example", "invalid"),
        ("a,b@c.example", "invalid"),
        ("Ada <a@b.example>", "spaces"),
    ],
)
def test_what_is_refused_and_what_is_said(typed, code):
    with pytest.raises(ValidationError) as raised:
        ascii_address(typed)
    assert raised.value.code == code
    assert len(raised.value.messages[0]) > 20


@given(st.one_of(st.text(max_size=90), st.from_regex(r"[^@]{1,30}@[^@]{1,60}", fullmatch=True)))
@example("a@" + "\u0338" + ".example")
@example("a@\ud800.example")
@example("a@ü\u0378.example")
@example("a@xn--0000h.example")
def test_any_text_is_an_address_that_can_be_stored_or_is_refused(typed):
    try:
        stored = ascii_address(typed)
    except ValidationError:
        return
    assert re.fullmatch(ADDRESS_PATTERN, stored)
    assert len(stored) <= 254
    # Taken once, it is taken again, and is the same.
    assert ascii_address(stored) == stored
    # The encoding that mail servers and DNS see.
    assert stored.rpartition("@")[2].encode("idna")


@given(
    st.text(
        "abcdefghijklmnopqrstuvwxyz0123456789äöåéñçøπσабвгд日本語ひら-", min_size=1, max_size=20
    )
)
def test_a_domain_that_is_taken_is_the_one_that_was_typed(name):
    try:
        stored = ascii_address(f"a@{name}.example")
    except ValidationError:
        return
    assert stored.rpartition("@")[2].encode().decode("idna") == f"{name}.example"
