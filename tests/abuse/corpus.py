"""What an attacker, a broken client or a tired hand puts where a number, a date or a word belongs.

The values are as they stand in an address: percent-encoded where a browser would.
"""

from urllib.parse import quote

NUL = "%00"

NUMBERS = [
    "9" * 5000,  # more digits than int() reads
    "9223372036854775808",  # 2^63
    "2147483648",  # 2^31
    "-1",
    "0",
    "1.5",
    "1e400",
    "NaN",
    "1_000",
    quote("٣"),  # digits to int(), none to PostgreSQL
    quote("²"),  # a digit to str.isdigit(), none to int()
]
DATES = [
    "99999-01-01",
    "0000-00-00",
    "2024-02-30",
    "0001-01-01T00:00:00%2B23:59",  # before the beginning of time in UTC
    "9999-12-31T23:59:59-23:59",
    "99999",  # as a year
    "-0001-01-01",
]
TEXTS = [
    NUL,
    "a%00b",
    "%ed%a0%80",  # a lone surrogate in UTF-8
    "%ff",  # no UTF-8
    "%",
    "%25_",
    quote("'\"`;--"),
    quote("\\"),
    quote("&|!():*<->"),  # the syntax of a tsquery
    quote('"unbalanced'),
    quote("or or -or and"),
    quote("\u202egnp.exe\u2066"),  # right to left
    quote("😀" * 50),
    quote("<script>alert(1)</script>"),
    quote("{{7*7}}{% debug %}${jndi:ldap://x}"),
    quote("../../etc/passwd"),
    quote("\r\nSet-Cookie: a=b"),
    quote("\t\x0b\x1f\x7f"),
    "%20",
    "",
    "x" * 5000,
]
ALL = [*NUMBERS, *DATES, *TEXTS]
