"""``manage.py tallies``: is the roll-up what the raw answers say?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from feedback.tallies import differences, rebuild, refresh

MAX_LINES = 100


class Command(BaseCommand):
    help = (
        "Compares the counted answers, which results pages show, with the raw answers (--check: "
        "exit code 1 and a list of differences), or counts everything anew (--rebuild)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        way = parser.add_mutually_exclusive_group(required=True)
        way.add_argument("--check", action="store_true", help="compare with the raw answers")
        way.add_argument("--rebuild", action="store_true", help="count everything anew")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["rebuild"]:
            self.stdout.write(f"{rebuild()} tallies were counted anew.")
            return
        refresh()
        found = differences(limit=MAX_LINES)
        for line in found:
            self.stdout.write(line)
        if found:
            raise CommandError(
                "The tallies (-) are not what the raw answers say (+): run tallies --rebuild.",
                returncode=1,
            )
        self.stdout.write("The tallies are what the raw answers say.")
