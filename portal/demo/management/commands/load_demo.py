"""``manage.py load_demo``: fill a portal with something to look at."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from articles.models import Article
from portal.demo.loading import SubscribersWaiting, load_demo
from portal.demo.users import read_passwords, sign_ins

PASSWORDS_FILE = "DEMO_USERS_FILE"


class Command(BaseCommand):
    help = (
        "Loads the demonstration content: articles, pages, funders, users and survey responses. "
        "Loads only what is missing. The users' passwords come from the JSON file that the "
        f"environment variable {PASSWORDS_FILE} names: an object of e-mail addresses and passwords."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--if-empty", action="store_true", help="load nothing where there is any article"
        )
        parser.add_argument(
            "--sign-ins",
            metavar="FILE",
            type=Path,
            help="write into FILE which demo users can sign in with their password, as JSON",
        )
        parser.add_argument(
            "--set-passwords",
            action="store_true",
            help="give the demo users their passwords even where nothing is loaded",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        passwords = self._passwords()
        if options["if_empty"] and Article.objects.exists():
            self.stdout.write("There are articles already: no demonstration content was loaded.")
        else:
            self._load(passwords)
        if options["set_passwords"] or options["sign_ins"]:
            found = sign_ins(passwords, set_passwords=options["set_passwords"])
            if options["sign_ins"]:
                options["sign_ins"].write_text(json.dumps(found), encoding="utf-8")

    def _load(self, passwords: dict[str, str]) -> None:
        try:
            load_demo(passwords=passwords, progress=self.stdout.write)
        except SubscribersWaiting:
            raise CommandError(
                "This portal has subscribers, who would be told of demonstration articles: "
                "load the demonstration content into a new database."
            ) from None

    def _passwords(self) -> dict[str, str]:
        path = os.environ.get(PASSWORDS_FILE)
        if not path:
            self.stdout.write(f"{PASSWORDS_FILE} is not set: the demo users have no passwords.")
            return {}
        try:
            return read_passwords(Path(path))
        except (OSError, ValueError) as error:
            raise CommandError(f"{PASSWORDS_FILE}: {path} cannot be read: {error}") from None
