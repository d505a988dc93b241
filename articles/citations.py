"""In-text citations: ``[@key]`` and ``[@key; @other]`` in the text, numbered by first use.

Everything here takes HTML that ``portal.core.rich_text`` has cleaned: its serialiser writes
``<`` in text as ``&lt;`` and quotes every attribute, so tags can be told from text by a pattern.
"""

import re
from collections.abc import Callable, Iterable

from django.utils.translation import gettext as _

TAG = re.compile(r'<[^<>"]*(?:"[^"]*"[^<>"]*)*>')
_SPACE = r"(?:\s|&nbsp;)*"
_KEY = r"@[A-Za-z0-9][A-Za-z0-9_-]*"
_MARKER = re.compile(rf"\[{_SPACE}{_KEY}(?:{_SPACE};{_SPACE}{_KEY})*{_SPACE}\]")
# A superscript stands close to its word, however it was typed.
_SPACED_MARKER = re.compile(rf"({_SPACE})({_MARKER.pattern})")
_KEYS = re.compile(rf"{_KEY}")
# What an editor meant as a marker and what is none: "[@ erbella]", "[@erbella, @other]".
_ATTEMPT = re.compile(r"\[(?:\s|&nbsp;)*@[^\]\[]{0,60}\]?")


def map_text(html: str, change: Callable[[str, bool], str]) -> str:
    """Return ``html`` with each run of text replaced by ``change(text, is_in_link)``."""
    parts: list[str] = []
    position = 0
    links = 0
    for tag in TAG.finditer(html):
        parts += [change(html[position : tag.start()], links > 0), tag.group()]
        if re.match(r"<a[\s>]", tag.group()):
            links += 1
        elif tag.group() == "</a>":
            links -= 1
        position = tag.end()
    parts.append(change(html[position:], links > 0))
    return "".join(parts)


def _keys_of(marker: str) -> list[str]:
    return [key.removeprefix("@") for key in _KEYS.findall(marker)]


def cited_keys(html: str) -> list[str]:
    """Return the keys that ``html`` cites, each once, in the order of first use."""
    keys: dict[str, None] = {}

    def collect(text: str, is_in_link: bool) -> str:
        for marker in _MARKER.findall(text):
            keys.update(dict.fromkeys(_keys_of(marker)))
        return text

    map_text(html, collect)
    return list(keys)


def citation_errors(html: str, known_keys: Iterable[str]) -> list[str]:
    """Return what is wrong with the citations of ``html``, in words for the editor."""
    known = set(known_keys)
    errors = [
        _("There is no reference with the key “%(key)s”.") % {"key": key}
        for key in cited_keys(html)
        if key not in known
    ]

    def look(text: str, is_in_link: bool) -> str:
        errors.extend(
            _("“%(text)s” is not a citation. Write [@key], or [@key; @other] for several.")
            % {"text": attempt.group()}
            for attempt in _ATTEMPT.finditer(_MARKER.sub("", text))
        )
        return text

    map_text(html, look)
    return errors


def strip_citations(text: str) -> str:
    """Return ``text`` without its markers and the spaces before them."""
    return _SPACED_MARKER.sub("", text)


class CitationNumbers:
    """Numbers the citations of one page, in the order in which its parts are rendered."""

    def __init__(self, known_keys: Iterable[str]) -> None:
        self._known = set(known_keys)
        self.numbers: dict[str, int] = {}
        # How often each key was linked so far: cite-key-1, cite-key-2 … are its places on the page.
        self.uses: dict[str, int] = {}

    def render(self, html: str) -> str:
        """Return ``html`` with its markers as superscript links to the list of references.

        A marker with an unknown key (a draft's preview may hold one) stays as it was written,
        marked. Within a link the number is plain text: a link cannot hold another.
        """
        return map_text(
            html,
            lambda text, is_in_link: _SPACED_MARKER.sub(
                lambda marker: self._marker(marker[1], marker[2], is_in_link), text
            ),
        )

    def _marker(self, space: str, marker: str, is_in_link: bool) -> str:
        keys = list(dict.fromkeys(_keys_of(marker)))
        if not self._known.issuperset(keys):
            return f'{space}<mark class="citation-unknown">{marker}</mark>'
        links = ",".join(self._link(key, is_in_link) for key in keys)
        return f'<sup class="citation">{links}</sup>'

    def _link(self, key: str, is_in_link: bool) -> str:
        number = self.numbers.setdefault(key, len(self.numbers) + 1)
        if is_in_link:
            return str(number)
        self.uses[key] = self.uses.get(key, 0) + 1
        return f'<a href="#ref-{key}" id="cite-{key}-{self.uses[key]}">{number}</a>'
