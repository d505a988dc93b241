"""How an article's words get into a mail: HTML and plain text, each by a template of its own."""

import html
import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import strip_tags
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator

from articles.citations import strip_citations
from articles.disclosures import one_line, shown_disclosures
from articles.documents import Document, public_text
from articles.models import Article, ArticleVersion, Section
from articles.pages import own_funding
from portal.core.models import site_settings

# Mail programs cut off what is larger than 102 KB, and with it the way to unsubscribe.
LONGEST_SUMMARY = 1_200
LONGEST_EXCERPT, WORDS_OF_EXCERPT = 360, 40  # of a summary, in a digest
LONGEST_KEY_LEARNING = 2_500
LONGEST_INTERESTS = 1_200  # of a page with all of them the mail has the link
MOST_OBJECTIVES = 12

# What stands between these is shown to nobody who has not attested, where the mail is a page.
CLOSED = re.compile(r"<!--closed-->.*?<!--/closed-->", re.DOTALL)

# What a digest tells of one article: not shown any more once that is withdrawn.
TOLD = re.compile(r"<!--article (\d+)-->.*?<!--/article-->", re.DOTALL)

# The gaps that the engine fills when each mail is sent.
GAPS = {
    name: f"[[{name}]]" for name in ("funding", "preferences_url", "unsubscribe_url", "view_url")
}

_GAP_OF_LINES = re.compile(r"\n{3,}")
_LINE_BREAK = re.compile(r"<(?:br|/?(?:p|li|ul|ol|h3|h4|blockquote|table|tr))\b[^>]*>")
_CELL = re.compile(r"</t[dh]>")
_RAISED = re.compile(r"<(sup|sub)>(.*?)</\1>", re.DOTALL)
# 10<sup>9</sup> must not become 109.
_DIGITS = {
    "sup": str.maketrans("0123456789+-\u2212", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻"),
    "sub": str.maketrans("0123456789+-\u2212", "₀₁₂₃₄₅₆₇₈₉₊₋₋"),
}
_SIGNS = {"sup": "^", "sub": "_"}


@dataclass(frozen=True, slots=True)
class MailedArticle:
    """What a mail tells of a published version; ``public`` is that of ``public_text``.

    ``interests``: what those in control of the article declared, as the version recorded it;
    ``interests_line`` says how many did.
    ``key_learning_html`` is sanitised. Nothing here holds a gap of the engine, whatever was typed.
    """

    pk: int
    url: str
    public: dict[str, Any]
    excerpt: str
    own_funding: str
    interests_line: str
    interests: str
    disclosures_url: str
    key_learning_html: SafeString
    key_learning_lines: list[str]


def mailed_article(article: Article, version: ArticleVersion) -> MailedArticle:
    """Return what mails tell of ``version`` (0 queries)."""
    document: Document = version.document
    public = public_text(document)
    public["title"] = without_gaps(public["title"])
    summary = without_gaps(public["summary"])
    public["summary"] = Truncator(summary).chars(LONGEST_SUMMARY)
    public["objectives"] = [without_gaps(text) for text in public["objectives"][:MOST_OBJECTIVES]]
    key_learning = _key_learning(document)
    interests_line, interests = _interests(document)
    return MailedArticle(
        pk=article.pk,
        url=settings.SITE_URL + article.get_absolute_url(),
        public=public,
        # Between two words, where a language has any.
        excerpt=Truncator(Truncator(summary).words(WORDS_OF_EXCERPT)).chars(LONGEST_EXCERPT),
        own_funding=without_gaps(own_funding(document)),
        interests_line=interests_line,
        interests=interests,
        disclosures_url=settings.SITE_URL + reverse("article_disclosures", args=[article.slug]),
        # Sanitised when the document was built; what is cut off is closed again.
        key_learning_html=mark_safe(key_learning),  # noqa: S308
        key_learning_lines=_lines(key_learning),
    )


def render_mail(template: str, context: dict[str, Any]) -> tuple[str, str]:
    """Return HTML and plain text of a mail, each from a template of its own."""
    context = {"site": site_settings(), "site_url": settings.SITE_URL, **context}
    text = render_to_string(f"{template}.txt", context)
    # Parts that are not there leave their blank lines behind.
    return render_to_string(f"{template}.html", context), _GAP_OF_LINES.sub(
        "\n\n", text.strip()
    ) + "\n"


def without_gaps(text: str) -> str:
    """Return ``text`` without what the engine would take for a gap, in HTML or plain."""
    return text.replace("[[", "[ [")


def _interests(document: Document) -> tuple[str, str]:
    """Return how many declared an interest, and that with who declared what."""
    shown = shown_disclosures(document["disclosures"], now=None)
    line = one_line(shown)
    declared = [f"{one['name']}: {one['text']}." for one in shown if one["declares"]]
    whole = without_gaps(" ".join([line, *declared]))
    return line, Truncator(whole).chars(LONGEST_INTERESTS)


def _key_learning(document: Document) -> str:
    sections = [
        strip_citations(section["html"])
        for section in document["sections"]
        if section["kind"] == Section.Kind.KEY_LEARNING
    ]
    return Truncator(without_gaps("".join(sections))).chars(LONGEST_KEY_LEARNING, html=True)


def _lines(rich_text: str) -> list[str]:
    """Return the words of sanitised HTML, a paragraph or a point of a list on each line."""
    text = _RAISED.sub(_raised, _CELL.sub("; ", rich_text))
    lines = html.unescape(strip_tags(_LINE_BREAK.sub("\n", text))).splitlines()
    # Without its tags a text may have a gap that it did not have before.
    return [without_gaps(words) for line in lines if (words := " ".join(line.split()).rstrip(";"))]


def _raised(match: re.Match[str]) -> str:
    kind, text = match[1], strip_tags(match[2])
    plain = text.translate(_DIGITS[kind])
    if text and not set(text) - set("0123456789+-\u2212"):
        return plain
    return f"{_SIGNS[kind]}({text})"
