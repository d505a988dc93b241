"""What a mail will look like, with real content and nobody's own links."""

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from .message import encoded_size
from .models import Mailing
from .streams import Stream, get_stream

# Gmail cuts off what is longer, and with it the way to unsubscribe (it says 102 KB).
MOST_BYTES = 100 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A mail before it is sent: ``html`` (CSS inlined) and ``text`` may hold the stream's gaps.

    ``back``: address and name of the page that it was opened from. ``notes``: who would get it.
    """

    subject: str
    html: str
    text: str
    stream: Stream
    language: str
    back: tuple[str, str]
    notes: Sequence[str] = ()

    def filled_html(self) -> str:
        """Return the HTML part; links that would be a reader's own lead to the home page."""
        return _fill(self, self.html, html.escape)

    def filled_text(self) -> str:
        return _fill(self, self.text, str)

    @property
    def size(self) -> int:
        """Bytes of both parts as they are sent: a Japanese letter has nine."""
        return encoded_size(self.filled_html(), self.filled_text())

    @property
    def is_too_large(self) -> bool:
        return self.size > MOST_BYTES


def _fill(preview: Preview, text: str, escape: Callable[[str], str]) -> str:
    stream = preview.stream
    links = [*stream.links, *stream.mailing_links]
    # A fragment that no page has: who follows it has done nothing.
    fillings = {name: f"{settings.SITE_URL}/#{name.replace('_', '-')}" for name in links}
    with translation.override(preview.language):
        fillings |= {name: make() for name, make in stream.texts.items()}
    if not fillings:
        return text
    gaps = "|".join(map(re.escape, fillings))
    return re.sub(rf"\[\[({gaps})\]\]", lambda gap: escape(fillings[gap[1]]), text)


# A function of the request and a primary key that returns what there is to preview, or None: no
# such thing, or not for this user. Apps add theirs in AppConfig.ready().
Source = Callable[[HttpRequest, int], Preview | None]
_sources: dict[str, Source] = {}


def register_preview(name: str, source: Source) -> None:
    """Let ``source`` be previewed at the desk under ``name``, a slug in addresses."""
    _sources[name] = source


def find_preview(request: HttpRequest, name: str, pk: int) -> Preview | None:
    """Return the preview, None if there is none for this user."""
    source = _sources.get(name)
    return source(request, pk) if source else None


def preview_url(name: str, pk: int) -> str:
    """Return the address of the desk's page."""
    return reverse("admin:mail_mailing_preview", args=[name, pk])


def _planned_mailing(request: HttpRequest, pk: int) -> Preview | None:
    mailing = Mailing.objects.filter(pk=pk).first()
    if mailing is None or not is_previewed(mailing):
        return None
    back = reverse("admin:mail_mailing_change", args=[pk])
    return Preview(
        subject=mailing.subject,
        html=mailing.html,
        text=mailing.text,
        stream=get_stream(mailing.stream),
        language=mailing.language,
        back=(back, _("Back to the mailing")),
    )


def is_previewed(mailing: Mailing) -> bool:
    """Whether others than its recipients may read it: account mail is one person's own."""
    try:
        return get_stream(mailing.stream).needs_consent
    except LookupError:
        return False


register_preview("mailing", _planned_mailing)
