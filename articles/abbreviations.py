"""Abbreviations, said in full where the page uses them first, explained where it uses them again.

Like ``articles.citations``, everything here takes HTML that ``portal.core.rich_text`` has cleaned,
with or without the citations that were numbered in it.
"""

import html as html_module
import re
from collections.abc import Iterable

from django.utils.html import escape, format_html

from .citations import TAG

# What stands in one of these stays as it is: links, headings, formulae, what explains itself.
_LEFT_ALONE = re.compile(r"</?(?:a|h[1-6]|abbr|mark|su[bp])[\s>]")
_BLOCK = re.compile(r"</?(?:p|br|li|ul|ol|blockquote|table|thead|tbody|tr|th|td|h[1-6])\b[^<>]*>")
_SENTENCE_END = re.compile(r"[.!?:][\"'”)\]]*$")
_ARTICLE = re.compile(r"(?<![\w-])([Aa])(n?)(?=(?:\s|&nbsp;)+$)")
# A long form, its brackets and some markup within them fit into so many characters.
_LOOK_AROUND = 600


class Abbreviations:
    """Expands the abbreviations of one page, in the order in which its parts are rendered.

    ``rows``: pairs of the short and the long form.
    """

    def __init__(self, rows: Iterable[tuple[str, str]]) -> None:
        self._long = {short: long for short, long in rows if short and long}
        # Which of them the page has introduced so far.
        self.introduced: set[str] = set()
        shorts = sorted((escape(short) for short in self._long), key=len, reverse=True)
        self._pattern = (
            re.compile(
                # Not a part of a word, of a compound, of an entity (&lt;), nor of a citation's key.
                r"(?<![\w&#@-])(?<!</sub>)(?<!</sup>)"
                f"({'|'.join(map(re.escape, shorts))})"
                r"(?![\w-])"
            )
            if shorts
            else None
        )

    def render(self, html: str) -> str:
        """Return ``html`` with its abbreviations expanded or explained."""
        if self._pattern is None:
            return html
        parts: list[str] = []
        position = depth = 0
        for tag in TAG.finditer(html):
            parts += [self._text(html, position, tag.start(), depth), tag.group()]
            if _LEFT_ALONE.match(tag.group()):
                depth += -1 if tag.group().startswith("</") else 1
            position = tag.end()
        parts.append(self._text(html, position, len(html), depth))
        return "".join(parts)

    def _text(self, html: str, start: int, end: int, depth: int) -> str:
        """Return the run of text between two places of ``html``, ``depth`` tags deep in what is
        left alone."""
        if depth or self._pattern is None:
            return html[start:end]
        parts: list[str] = []
        position = start
        while found := self._pattern.search(html, position, end):
            # CO<sub>2</sub> is another abbreviation than CO.
            is_whole = not html.startswith(("<sub>", "<sup>"), found.end())
            use = self._use(html, found) if is_whole else found[1]
            between = html[position : found.start()]
            parts += [_with_article(between, use) if use != found[1] else between, use]
            position = found.end()
        return "".join([*parts, html[position:end]])

    def _use(self, html: str, found: re.Match[str]) -> str:
        short = html_module.unescape(found[1])
        long = self._long[short]
        if short in self.introduced:
            return format_html('<abbr title="{}">{}</abbr>', long, short)
        self.introduced.add(short)
        before = _words_before(html, found.start())
        after = _words_after(html, found.end())
        if _is_introduced(long, before, after):
            return found[1]
        if not before.strip() or _SENTENCE_END.search(before.strip()):
            long = long[:1].upper() + long[1:]
        return format_html("{} ({})", long, short)


def _with_article(text: str, use: str) -> str:
    """Return ``text`` with its last word, "a" or "an", as what follows it now is pronounced.

    "An HR" becomes "a hazard ratio (HR)". A vowel that may sound like a consonant (unit, European,
    one) leaves the text as it is.
    """
    article = _ARTICLE.search(text)
    if article is None or use.startswith("<") or not re.match(r"[a-z]", use, re.IGNORECASE):
        return text
    is_vowel = use[0].lower() in "aeiou"
    if is_vowel and re.match(r"u|eu|one|once", use, re.IGNORECASE):
        return text
    return f"{text[: article.start(2)]}{'n' if is_vowel else ''}{text[article.end(2) :]}"


def _is_introduced(long: str, before: str, after: str) -> bool:
    """Whether the text says "long (SHORT)" or "SHORT (long)" there by itself."""
    words = r"\s+".join(map(re.escape, long.split()))
    return bool(
        re.search(rf"{words}\s*[(\[]\s*$", before, re.IGNORECASE)
        or re.match(rf"\s*[(\[]\s*{words}", after, re.IGNORECASE)
    )


def _words_before(html: str, place: int) -> str:
    """Return the words of the same block before ``place``."""
    window = html[max(0, place - _LOOK_AROUND) : place]
    return html_module.unescape(TAG.sub("", _BLOCK.split(window)[-1]))


def _words_after(html: str, place: int) -> str:
    window = html[place : place + _LOOK_AROUND]
    return html_module.unescape(TAG.sub("", _BLOCK.split(window)[0]))


def unused_abbreviations(rows: Iterable[tuple[str, str]], bodies: Iterable[str]) -> list[str]:
    """Return the short forms of ``rows`` that no text of ``bodies`` would expand or explain."""
    rows = list(rows)
    page = Abbreviations(rows)
    for body in bodies:
        page.render(body)
    return [short for short, _long in rows if short not in page.introduced]
