"""``manage.py mailings``: what operators see and do of outgoing mail."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from portal.mail.control import (
    cancel_mailing,
    open_mailings,
    pause_all,
    pause_mailing,
    resume_all,
    resume_mailing,
)
from portal.mail.metrics import measure, prometheus_text
from portal.mail.models import Delivery, Mailing, RelayPace, Sending
from portal.mail.opt_outs import find_opt_out, opt_out
from portal.mail.pace import relay_name, set_pace
from portal.mail.progress import Progress, progress_of
from portal.mail.reconcile import Finding, settle, settle_by_log
from portal.mail.relay_log import LogTally, findings
from portal.mail.streams import subscribed_streams
from portal.mail.tasks import wake_workers

# Exit codes; 0 is done, 2 also what argparse says of unknown options.
NOTHING_DONE, NOT_POSSIBLE = 1, 2
SHOWN = 50
WORDS = {
    Finding.ARRIVED: "arrived: counted as sent",
    Finding.LOST: "did not arrive: counted as failed",
    Finding.SEND_AGAIN: "to be sent again: who got it all the same gets it twice",
}


class Command(BaseCommand):
    help = (
        "Lists mailings, pauses, resumes and cancels them, finds out what became of unknown "
        "deliveries, sets how fast a mail server is given messages, records opt-outs that came by "
        "e-mail, and prints metrics. "
        "Exit codes: 0 done, 1 there was nothing to do or --yes is missing, 2 not possible."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)

        listed = actions.add_parser("list", help="what is going out; the latest first")
        listed.add_argument("--all", action="store_true", help=f"the last {SHOWN}, whatever became")

        paused = actions.add_parser("pause", help="send no more of it for now")
        _add_target(paused, "all mail, account mail included")
        resumed = actions.add_parser("resume", help="go on")
        _add_target(resumed, "all mail, also after a backup was restored")
        cancel = resumed.add_mutually_exclusive_group()
        cancel.add_argument(
            "--cancel", action="store_true", help="with --all: cancel what is open, whatever it is"
        )
        cancel.add_argument(
            "--cancel-before",
            metavar="DATE",
            type=_moment,
            help="with --all: cancel what is open and was planned before",
        )
        cancelled = actions.add_parser("cancel", help="send no more of it for good")
        cancelled.add_argument("mailing", type=int, metavar="ID")

        reconciled = actions.add_parser(
            "reconcile", help="settle unknown deliveries, which may have arrived or not"
        )
        reconciled.add_argument(
            "mailing", type=int, metavar="ID", nargs="?", help="which one, without --relay-log"
        )
        ways = reconciled.add_mutually_exclusive_group(required=True)
        ways.add_argument("--relay-log", metavar="FILE", help="as Postfix's log says, of all")
        ways.add_argument("--arrived", action="store_true", help="take all of them for sent")
        ways.add_argument("--lost", action="store_true", help="take all of them for failed")
        ways.add_argument(
            "--send-again", action="store_true", help="send all again: who got it gets it twice"
        )
        reconciled.add_argument("--yes", action="store_true", help="do it, not only say it")

        rate = actions.add_parser("rate", help="how fast a mail server is given messages")
        rate.add_argument("relay", metavar="RELAY", nargs="?", help=f"like {relay_name()}")
        rate.add_argument("rate", metavar="N|none", nargs="?", type=_rate, help="per minute")

        left = actions.add_parser("unsubscribe", help="record an opt-out that came by e-mail")
        left.add_argument(
            "named",
            metavar="TOKEN|ADDRESS",
            help="what its subject has after “unsubscribe”, or who",
        )
        left.add_argument(
            "--stream", choices=subscribed_streams(), help="of this alone, whatever the token says"
        )

        actions.add_parser("metrics", help="print the metrics, as /metrics/ does")

    def handle(self, *args: Any, **options: Any) -> None:
        action: Callable[[dict[str, Any]], None] = getattr(self, f"do_{options['action']}")
        action(options)

    def say(self, text: str) -> None:
        self.stdout.write(text)

    # --- the actions ------------------------------------------------------------------------------

    def do_list(self, options: dict[str, Any]) -> None:
        state = Sending.objects.filter(paused_at__isnull=False).first()
        if state is not None:
            self.say(f"All mail is paused since {_minute(state.paused_at)}: {state}.")
        mailings = Mailing.objects.all() if options["all"] else open_mailings()
        shown = list(mailings.defer("html", "text").order_by("-pk")[:SHOWN])
        if not shown:
            self.say("Nothing is going out.")
            return
        self.say(
            f"{'ID':>8}  {'planned':16}  {'state':9} {'open':>8} {'sent':>8} {'failed':>7} "
            f"{'skipped':>7} {'unknown':>7} {'left':>8}  subject"
        )
        progress = progress_of([mailing.pk for mailing in shown])
        for mailing in shown:
            self.say(_line(mailing, progress[mailing.pk]))

    def do_pause(self, options: dict[str, Any]) -> None:
        if options["all"]:
            _must(pause_all(), "All mail is paused already.")
            self.say("All mail is paused, beginning with each worker's next message.")
            return
        mailing = _mailing(options)
        _must(pause_mailing(mailing), f"Mailing {mailing.pk} is {_state(mailing)} already.")
        self.say(f"Mailing {mailing.pk} is paused.")

    def do_resume(self, options: dict[str, Any]) -> None:
        before = timezone.now() if options["cancel"] else options["cancel_before"]
        if options["all"]:
            cancelled = resume_all(cancel_before=before)
            if before is not None:
                self.say(f"{_count(cancelled, 'mailing was', 'mailings were')} cancelled.")
            self.say("Mail goes out again.")
            return
        if before is not None:
            raise CommandError("--cancel goes with --all only.", returncode=NOT_POSSIBLE)
        mailing = _mailing(options)
        _must(resume_mailing(mailing), f"Mailing {mailing.pk} is not paused: {_state(mailing)}.")
        self.say(f"Mailing {mailing.pk} goes on.")
        if Sending.objects.filter(paused_at__isnull=False).exists():
            self.say("But all mail is paused: `manage.py mailings resume --all`.")

    def do_cancel(self, options: dict[str, Any]) -> None:
        mailing = _mailing(options)
        _must(cancel_mailing(mailing), f"Mailing {mailing.pk} is cancelled already.")
        self.say(f"Mailing {mailing.pk} is cancelled: what is out is out.")

    def do_reconcile(self, options: dict[str, Any]) -> None:
        unknown = Delivery.objects.filter(state=Delivery.State.UNKNOWN)
        has_log = options["relay_log"] is not None
        if has_log == (options["mailing"] is not None):
            raise CommandError("Give the ID of a mailing, or a log.", returncode=NOT_POSSIBLE)
        if not has_log:
            mailing = _mailing(options)
            if options["send_again"] and mailing.is_over(timezone.now()):
                raise CommandError(
                    f"Mailing {mailing.pk} is cancelled or past its deadline: nothing of it is "
                    "sent again.",
                    returncode=NOT_POSSIBLE,
                )
            unknown = unknown.filter(mailing=mailing)
        with transaction.atomic():
            count = unknown.count()
            if has_log:
                settled = self._settle_by_log(options["relay_log"])
            else:
                finding = next(one for one in Finding if options[one.value])
                hand = Delivery.Resolution.HAND
                settled = {finding: settle(unknown, finding, resolution=hand)}
            # What would be done is found out by doing it.
            transaction.set_rollback(not options["yes"])
            wake_workers()
        self.say(f"{count:,} unknown")
        for finding, number in settled.items():
            if number:
                self.say(f"{number:,} {WORDS[finding]}")
        if left := count - sum(settled.values()):
            self.say(f"{left:,} stay unknown")
        _must(sum(settled.values()) > 0, "There is nothing to settle.")
        _must(options["yes"], "Nothing was changed: add --yes.")

    def _settle_by_log(self, name: str) -> dict[Finding, int]:
        tally = LogTally()
        try:
            with Path(name).open(encoding="utf-8", errors="replace") as log:
                settled = settle_by_log(findings(log, tally=tally))
        except OSError as error:
            raise CommandError(
                f"The log cannot be read: {error.strerror}.", returncode=NOT_POSSIBLE
            ) from error
        self.say(f"{tally.read_count:,} lines read, {tally.ignored_count:,} not understood")
        return settled

    def do_rate(self, options: dict[str, Any]) -> None:
        relay = options["relay"]
        if relay is None:
            paces: Iterable[RelayPace] = RelayPace.objects.order_by("relay")
            for pace in paces:
                self.say(_pace_line(pace.relay, pace.per_minute))
            if not paces:
                self.say(f"{relay_name()}: no limit")
            return
        if options["rate"] is None:
            raise CommandError("How many a minute? A number, or none.", returncode=NOT_POSSIBLE)
        per_minute = options["rate"] or None
        set_pace(relay, per_minute)
        self.say(_pace_line(relay, per_minute))
        if relay != relay_name():
            self.say(f"Mail goes to {relay_name()} at present.")

    def do_unsubscribe(self, options: dict[str, Any]) -> None:
        found = find_opt_out(options["named"])
        if found is None:
            raise CommandError("Nobody has this token or address.", returncode=NOT_POSSIBLE)
        subscriber, streams = found
        ended = opt_out(subscriber, [options["stream"]] if options["stream"] else streams)
        _must(bool(ended), "That was so already.")
        for stream in ended:
            self.say(f"Unsubscribed from {stream}, beginning with the next message.")

    def do_metrics(self, options: dict[str, Any]) -> None:
        self.stdout.write(prometheus_text(measure()), ending="")


# --- options ------------------------------------------------------------------------------------


def _add_target(parser: ArgumentParser, what_all_means: str) -> None:
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("mailing", type=int, metavar="ID", nargs="?")
    target.add_argument("--all", action="store_true", help=what_all_means)


def _moment(text: str) -> datetime:
    """Read a day, or a moment, in the site's time zone."""
    moment = parse_datetime(text)
    if moment is None and (day := parse_date(text)) is not None:
        moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - made aware below
    if moment is None:
        raise ValueError(text)
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def _rate(text: str) -> int:
    """Return messages a minute; 0 stands for no limit."""
    if text == "none":
        return 0
    number = int(text)
    if not 0 < number <= RelayPace.MOST_PER_MINUTE:
        raise ValueError(text)
    return number


def _mailing(options: dict[str, Any]) -> Mailing:
    mailing = Mailing.objects.defer("html", "text").filter(pk=options["mailing"]).first()
    if mailing is None:
        raise CommandError(f"There is no mailing {options['mailing']}.", returncode=NOT_POSSIBLE)
    return mailing


def _must(is_done: bool, otherwise: str) -> None:
    if not is_done:
        raise CommandError(otherwise, returncode=NOTHING_DONE)


# --- words --------------------------------------------------------------------------------------


def _minute(moment: datetime | None) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}" if moment else ""


def _state(mailing: Mailing) -> str:
    if mailing.cancelled_at is not None:
        return "cancelled"
    if mailing.approved_at is None:
        return "waiting"
    return "running" if mailing.paused_at is None else "paused"


def _line(mailing: Mailing, progress: Progress) -> str:
    left = "" if progress.time_left is None else _duration(progress.time_left)
    state = _state(mailing) if progress.open or mailing.cancelled_at else "done"
    return (
        f"{mailing.pk:>8}  {_minute(mailing.created_at)}  {state:9} {progress.open:>8} "
        f"{progress.sent:>8} {progress.failed:>7} {progress.skipped:>7} {progress.unknown:>7} "
        f"{left:>8}  {mailing.subject[:60]}"
    )


def _duration(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    return f"{minutes // 60}:{minutes % 60:02}" if length else ""


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _pace_line(relay: str, per_minute: int | None) -> str:
    return f"{relay}: " + ("no limit" if per_minute is None else f"{per_minute:,} a minute")
