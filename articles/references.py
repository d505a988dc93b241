"""Vancouver style (ICMJE, "Samples of Formatted References") from CSL-JSON. Nothing is invented:
what the source does not say is left out."""

import re
from typing import Any
from urllib.parse import quote, urlsplit

from django.utils.translation import gettext as _

Csl = dict[str, Any]

AUTHORS_SHOWN = 6
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def format_vancouver(csl: Csl) -> str:
    """Return the reference as one line of plain text, for example (ICMJE's first sample)
    "Halpern SD, Ubel PA, Caplan AL. Solid-organ transplantation in HIV-infected patients.
    N Engl J Med. 2002 Jul 25;347(4):284-7."
    """
    formatter = _FORMATTERS.get(_text(csl, "type"), _journal_article)
    parts = [_names(csl, "author"), *formatter(csl), _identifiers(csl)]
    return " ".join(_sentence(part) for part in parts if part)


def reference_links(csl: Csl) -> list[tuple[str, str]]:
    """Return (label, address) of where the source can be read: DOI, PubMed, or its web address."""
    links = []
    if doi := _text(csl, "DOI"):
        links.append(("DOI", f"https://doi.org/{quote(doi, safe='/')}"))
    if (pmid := _text(csl, "PMID")).isdecimal():
        links.append(("PubMed", f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/"))
    if not links and (url := safe_url(csl)):
        links.append((_("Website"), url))
    return links


def safe_url(csl: Csl) -> str:
    """Return the source's web address if it is one, else an empty string."""
    url = _text(csl, "URL")
    try:
        is_web = urlsplit(url).scheme in {"http", "https"}
    except ValueError:
        return ""
    return url if is_web else ""


def _text(csl: Csl, field: str) -> str:
    value = csl.get(field)
    return str(value).strip() if isinstance(value, str | int) else ""


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _name(name: Any) -> str:
    if not isinstance(name, dict):
        return ""
    if literal := _text(name, "literal"):
        return literal.rstrip(".")
    family = " ".join(
        part for part in (_text(name, "non-dropping-particle"), _text(name, "family")) if part
    )
    initials = "".join(
        word[0].upper() for word in re.split(r"[\s.\-]+", _text(name, "given")) if word
    )
    return " ".join(part for part in (family, initials, _text(name, "suffix").rstrip(".")) if part)


def _names(csl: Csl, role: str) -> str:
    listed = csl.get(role)
    names = [text for name in (listed if isinstance(listed, list) else []) if (text := _name(name))]
    if len(names) > AUTHORS_SHOWN:
        names = [*names[:AUTHORS_SHOWN], "et al"]
    return ", ".join(names)


def _date(csl: Csl, field: str = "issued") -> str:
    value = csl.get(field)
    parts = value.get("date-parts") if isinstance(value, dict) else None
    if not (isinstance(parts, list) and parts and isinstance(parts[0], list)):
        return ""
    numbers = [int(part) for part in parts[0] if str(part).isdecimal()]
    words = [str(number) for number in numbers[:3]]
    if len(numbers) > 1:
        words[1] = MONTHS[numbers[1] - 1] if 1 <= numbers[1] <= len(MONTHS) else ""
    return " ".join(word for word in words if word)


def _pages(csl: Csl) -> str:
    """Shorten 284-287 to 284-7, as MEDLINE does."""
    pages = _text(csl, "page").replace("–", "-")  # noqa: RUF001 - the dash is the point
    match = re.fullmatch(r"(\d+)-(\d+)", pages)
    if match is None or len(match[1]) != len(match[2]):
        return pages
    first, last = match.groups()
    same = 0
    while same < len(first) - 1 and first[same] == last[same]:
        same += 1
    return f"{first}-{last[same:]}"


def _journal_article(csl: Csl) -> list[str]:
    volume, issue, pages = _text(csl, "volume"), _text(csl, "issue"), _pages(csl)
    where = volume + (f"({issue})" if issue else "") + (f":{pages}" if pages else "")
    issue_of = ";".join(part for part in (_date(csl), where) if part)
    journal = _text(csl, "container-title-short") or _text(csl, "container-title")
    return [_text(csl, "title"), journal, issue_of]


def _publisher(csl: Csl) -> str:
    place = ": ".join(
        part for part in (_text(csl, "publisher-place"), _text(csl, "publisher")) if part
    )
    return "; ".join(part for part in (place, _date(csl)) if part)


def _book(csl: Csl) -> list[str]:
    edition = _text(csl, "edition")
    return [_text(csl, "title"), f"{edition} ed" if edition else "", _publisher(csl)]


def _chapter(csl: Csl) -> list[str]:
    editors = csl.get("editor")
    word = "editors" if isinstance(editors, list) and len(editors) > 1 else "editor"
    names = _names(csl, "editor")
    book = _text(csl, "container-title")
    within = f"{names}, {word}. {book}" if names else book
    pages = _pages(csl)
    return [
        _text(csl, "title"),
        f"In: {within}" if within else "",
        _publisher(csl),
        f"p. {pages}" if pages else "",
    ]


def _webpage(csl: Csl) -> list[str]:
    title, site = _text(csl, "title"), _text(csl, "container-title")
    medium = [f"{title} [Internet]"] if not site else [title, f"{site} [Internet]"]
    cited = _date(csl, "accessed")
    published = _publisher(csl) + (f" [cited {cited}]" if cited else "")
    url = safe_url(csl)
    return [*medium, published.strip(), f"Available from: {url}" if url else ""]


def _identifiers(csl: Csl) -> str:
    doi, pmid = _text(csl, "DOI"), _text(csl, "PMID")
    parts = (f"doi: {doi}" if doi else "", f"PubMed PMID: {pmid}" if pmid else "")
    return ". ".join(part for part in parts if part)


_FORMATTERS = {
    "article-journal": _journal_article,
    "book": _book,
    "chapter": _chapter,
    "webpage": _webpage,
}
