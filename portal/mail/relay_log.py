"""What a Postfix log says about our messages: which it passed on, and which it gave up.

Two lines belong together by Postfix's queue id: the one that names the Message-ID, and the one
that says how it ended. Only messages that bear a Message-ID of our kind are followed. The log
quotes what strangers wrote (addresses, other servers' answers), so a line counts only if it has
Postfix's own shape from its beginning on; what a server answered stands in brackets behind it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .reconcile import Finding
from .references import delivery_reference

# Postfix breaks its own lines off at about 2,000 characters.
MAX_LINE_LENGTH = 4096

_LINE = re.compile(
    # "Nov  6 20:48:45" or "2026-11-06T20:48:45.123456+00:00"
    r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.:+Z-]{0,16})"
    r" \S{1,255} (?P<program>[^\s:\[\]]{1,100})(?:\[\d{1,10}\])?: (?P<rest>.*)",
    re.ASCII | re.DOTALL,
)
_QUEUED = re.compile(r"(?P<queue_id>[0-9A-Za-z]{5,20}): (?P<what>.*)", re.ASCII | re.DOTALL)
_MESSAGE_ID = re.compile(r"(?:resent-)?message-id=(<[^<>\s]{1,400}>)", re.ASCII)
_STATUS = re.compile(
    r"to=<[^<>]{0,400}>, (?:orig_to=<[^<>]{0,400}>, )?relay=[^\s,]{1,300}, "
    # delay, delays, dsn, and what versions and settings put between (conn_use, tls)
    r"(?:[a-z_]{1,20}=[\w./:+-]{1,200}, ){1,10}"
    r"status=(?P<status>[a-z]{1,20})(?: \(.*)?",
    re.ASCII | re.DOTALL,
)
_EXPIRED = re.compile(r"from=<[^<>]{0,400}>, status=(?:force-)?expired, returned to sender")
_FINDINGS = {"sent": Finding.ARRIVED, "bounced": Finding.LOST}


@dataclass
class LogTally:
    """How many lines were read, and how many of them could not be understood."""

    read_count: int = 0
    ignored_count: int = 0


def findings(
    lines: Iterable[str], *, tally: LogTally | None = None
) -> Iterator[tuple[str, Finding]]:
    """Yield (Message-ID, finding) for each end of a message of ours, in the log's order.

    A message that waits in Postfix's queue (``status=deferred``) has no end yet. One that passes a
    filter has two: the last counts (``settle_by_log``). Lines of other programs are passed over;
    ``tally`` counts those that are no line of a log, or broken off.
    """
    tally = tally or LogTally()
    message_ids: dict[str, str] = {}
    for line in lines:
        tally.read_count += 1
        line = line.rstrip("\r\n")  # noqa: PLW2901
        if len(line) > MAX_LINE_LENGTH or not line.isprintable():
            tally.ignored_count += 1
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            tally.ignored_count += 1
            continue
        entry = _QUEUED.fullmatch(match["rest"])
        if entry is None or not match["program"].startswith("postfix"):
            continue
        queue_id, what = entry["queue_id"], entry["what"]
        if "message-id=" in what[:18]:
            # A queue id is used again: whatever it stood for before is over.
            message_ids.pop(queue_id, None)
            named = _MESSAGE_ID.fullmatch(what)
            if named and delivery_reference(named[1]):
                message_ids[queue_id] = named[1]
        elif queue_id in message_ids:
            if what == "removed":
                del message_ids[queue_id]
                continue
            ended, is_understood = _end_of(what)
            tally.ignored_count += not is_understood
            if ended is not None:
                yield message_ids[queue_id], ended


def _end_of(what: str) -> tuple[Finding | None, bool]:
    """Return how a message ended by this line, if it did, and whether the line was understood."""
    if not what.startswith(("to=<", "from=<")):
        return None, True
    if match := _STATUS.fullmatch(what):
        return _FINDINGS.get(match["status"]), True
    if _EXPIRED.fullmatch(what):
        return Finding.LOST, True
    # "from=<…>, size=…, nrcpt=1 (queue active)" is whole, too.
    return None, what.startswith("from=<") and what.endswith("(queue active)")
