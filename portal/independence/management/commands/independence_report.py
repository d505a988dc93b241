"""``manage.py independence_report``: the report of a period, to be read or checked by machines."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.independence.report import canonical, report_facts, report_sha256


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise ArgumentTypeError(f"{value!r} is no day like 2025-12-31") from error


class Command(BaseCommand):
    help = (
        "Prints the report on independence of the days FROM to TO, both included, as canonical "
        "JSON without a newline at its end: its SHA-256 is that of the report. With --check "
        "prints the SHA-256 alone, and fails unless it is the one that is expected."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("first", metavar="FROM", type=_day, help="like 2025-01-01")
        parser.add_argument("last", metavar="TO", type=_day, help="like 2025-12-31")
        parser.add_argument("--check", metavar="SHA", help="the SHA-256 that is expected")

    def handle(self, *args: Any, **options: Any) -> None:
        first, last = options["first"], options["last"]
        if last < first:
            raise CommandError("The period ends before it begins.")
        facts = report_facts(first, last)
        if options["check"] is None:
            self.stdout.write(canonical(facts).decode(), ending="")
            return
        actual = report_sha256(facts)
        if actual != options["check"].strip().lower():
            raise CommandError(
                f"The SHA-256 is now {actual}: facts of these days were added or corrected since."
            )
        self.stdout.write(f"{actual}: as expected.")
