"""The kinds of mail: who sends them, and whether the recipient must have asked for them.

Higher rooms register theirs in ``AppConfig.ready()``; the engine knows no page of theirs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from .models import Mailing, Subscriber

# Of account mail and of updates: 0 goes before 1.
PRIORITIES = (0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """``links``: what ``[[name]]`` in a mailing's text stands for, per subscriber: absolute URLs.

    ``texts``: the same for everybody, but as it is when the mail is sent, not when it is planned;
    plain text in the active language. Asked for again, while a mailing is sent, each time that
    ``CONTENT_STAMP_SECONDS`` have passed.
    A stream that ``needs_consent`` must have the link ``unsubscribe_url``: it also stands in the
    ``List-Unsubscribe`` header (RFC 8058), and a ``wording``: what a person agrees to who wants it.
    ``mailing_links``: the same, per mailing: for addresses
    that open something, which must not stand in the outbox, where staff read what is sent.
    """

    key: str
    name: "StrOrPromise"
    needs_consent: bool
    wording: "StrOrPromise" = ""
    links: Mapping[str, "Callable[[Subscriber], str]"] = field(default_factory=dict)
    texts: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    mailing_links: Mapping[str, "Callable[[Mailing], str]"] = field(default_factory=dict)

    @property
    def sender(self) -> str:
        """The address that it comes from: an opt-out from one never blocks the other."""
        mailbox = settings.UPDATES_FROM_EMAIL if self.needs_consent else settings.DEFAULT_FROM_EMAIL
        return parseaddr(mailbox)[1]

    @property
    def priority(self) -> int:
        """Nobody waits for a confirmation behind a large mailing."""
        return PRIORITIES[self.needs_consent]


TRANSACTIONAL = Stream(key="transactional", name=_("Account and confirmation"), needs_consent=False)
# What staff send to themselves before they approve it: it counts in no mailing.
TRIALS = Stream(key="trials", name=_("Tests by staff"), needs_consent=False)
_streams = {stream.key: stream for stream in (TRANSACTIONAL, TRIALS)}


def register_stream(stream: Stream) -> None:
    """Make ``stream`` known to the engine, in every process."""
    if stream.needs_consent and "unsubscribe_url" not in stream.links:
        raise ValueError(f"The stream {stream.key} has no unsubscribe_url")
    _streams[stream.key] = stream


def get_stream(key: str) -> Stream:
    """Return the stream; LookupError if no app has registered it."""
    return _streams[key]


def subscribed_streams() -> list[str]:
    """Return the keys of the streams that people subscribe to: the same for all who get them."""
    return [stream.key for stream in _streams.values() if stream.needs_consent]


def stream_choices() -> "list[tuple[str, StrOrPromise]]":
    """Return every known stream's key and name, as a field's choices are written."""
    return [(stream.key, stream.name) for stream in _streams.values()]


def language_choices() -> "list[tuple[str, StrOrPromise]]":
    """Return the languages that the portal speaks: settings may name more without a migration."""
    return list(settings.LANGUAGES)
