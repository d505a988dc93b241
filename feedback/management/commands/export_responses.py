"""``manage.py export_responses``: a file of responses, for cron and analysts."""

import signal
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.http import QueryDict

from articles.models import Article, Topic
from feedback.exports.forms import ExportForm
from feedback.exports.orders import Format, Shape
from feedback.exports.output import atomic_output
from feedback.exports.progress import duration
from feedback.exports.streaming import stream_export
from feedback.exports.writing import count_rows
from portal.accounts.models import User
from portal.people.models import Person

# Exit codes; 0 is a whole file, 2 also what argparse says of unknown options.
NOT_WRITTEN, NOT_POSSIBLE, NOT_ALLOWED = 1, 2, 3
STEP = 10  # per cent between two lines where nobody watches
TERMINAL_SECONDS = 0.2


class Command(BaseCommand):
    help = (
        "Writes a file of pseudonymous responses of closed months, as the desk's page does, and "
        "notes it in the log of exports under the name of USER, who needs the same permissions. "
        "Progress goes to stderr. Exit codes: 0 the file is whole, 1 it could not be written, "
        "2 there is no such file to be had, 3 USER may not have it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--purpose", required=True, help="what the file is for")
        parser.add_argument(
            "--user", required=True, metavar="E-MAIL", help="in whose name: kept in the log"
        )
        parser.add_argument("--article", metavar="SLUG", help="only responses about this article")
        parser.add_argument("--topic", metavar="SLUG", help="… about articles of this topic")
        parser.add_argument("--author", metavar="SLUG", help="… about articles by this person")
        parser.add_argument("--month", metavar="YYYY-MM", help="only this closed month")
        parser.add_argument(
            "--readers",
            metavar="PART:VALUE",
            help="only these readers, like profession:physician or country:GB",
        )
        parser.add_argument("--format", choices=Format.values, default=Format.ANALYSIS.value)
        parser.add_argument("--shape", choices=Shape.values, default=Shape.WIDE.value)
        parser.add_argument(
            "--data-only", action="store_true", help="the data file alone, not in a ZIP"
        )
        parser.add_argument(
            "--with-comments", action="store_true", help="with free text (a permission of its own)"
        )
        parser.add_argument(
            "--output", metavar="FILE", default="-", help="where to; - is stdout (the default)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = _permitted_user(options["user"], with_comments=options["with_comments"])
        form = ExportForm(_form_data(options), user=user)
        if not form.is_valid():
            errors = [error for errors in form.errors.values() for error in errors]
            raise CommandError(" ".join(map(str, errors)), returncode=NOT_POSSIBLE)
        order = form.order()
        progress = _Progress(count_rows(order))
        try:
            with _stops(), _output(options["output"]) as target:
                for chunk in stream_export(
                    user=user,
                    purpose=form.cleaned_data["purpose"],
                    order=order,
                    progress=progress.say,
                ):
                    target.write(chunk)
        except OSError as error:
            raise CommandError(
                f"The file could not be written: {error.strerror}.", returncode=NOT_WRITTEN
            ) from error
        progress.end()


def _permitted_user(email: str, *, with_comments: bool) -> User:
    user = User.objects.filter(email__iexact=email, is_active=True, is_staff=True).first()
    needed = ["feedback.export_responses"]
    if with_comments:
        needed.append("feedback.export_comments")
    if user is None or not user.has_perms(needed):
        raise CommandError(
            f"There is no active member of staff {email} with the permission"
            f" {' and '.join(needed)}.",
            returncode=NOT_ALLOWED,
        )
    return user


def _form_data(options: dict[str, Any]) -> QueryDict:
    """Return what the desk's form would have sent."""
    data = QueryDict(mutable=True)
    data["purpose"] = options["purpose"]
    for name, model in (("article", Article), ("topic", Topic), ("author", Person)):
        if (slug := options[name]) is not None:
            data[name] = str(_key_of(model, name, slug))
    for name in ("month", "readers", "format", "shape"):
        data[name] = options[name] or ""
    data["packed"] = "no" if options["data_only"] else "yes"
    if options["with_comments"]:
        data["comments"] = "on"
    return data


def _key_of(model: Any, name: str, slug: str) -> Any:
    key = model.objects.filter(slug=slug).values_list("pk", flat=True).first()
    if key is None:
        raise CommandError(f"There is no {name} {slug!r}.", returncode=NOT_POSSIBLE)
    return key


@contextmanager
def _output(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with atomic_output(Path(name)) as target:
            yield target


@contextmanager
def _stops() -> Iterator[None]:
    """Let a SIGTERM end the block as Ctrl-C does: logged, and without a file left behind."""

    def stop(number: int, frame: Any) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Progress:
    """Rows, per cent and time to go, on stderr: a line that changes, or one line per 10 %."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.began_at = time.monotonic()
        self.said_at = 0.0
        self.said_percent = 0
        self.is_terminal = sys.stderr.isatty()

    def say(self, rows: int) -> None:
        self.done = rows
        now = time.monotonic()
        percent = min(100, 100 * rows // self.total) if self.total else 100
        if self.is_terminal and now - self.said_at >= TERMINAL_SECONDS:
            self.said_at = now
            left = (now - self.began_at) * max(0, self.total - rows) / max(1, rows)
            line = f"{rows:,} of {self.total:,} rows, {percent} %, {duration(left)} to go"
            sys.stderr.write(f"\r{line:<70}")
            sys.stderr.flush()
        elif not self.is_terminal and percent >= self.said_percent + STEP:
            self.said_percent = percent // STEP * STEP
            sys.stderr.write(f"{rows:,} of {self.total:,} rows, {self.said_percent} %\n")
            sys.stderr.flush()

    def end(self) -> None:
        text = f"{self.done:,} rows in {duration(time.monotonic() - self.began_at)}."
        sys.stderr.write(f"\r{text:<70}\n" if self.is_terminal else f"{text}\n")
