"""An article as a file for reference managers: RIS and BibTeX, from its public part alone."""

import re
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from portal.core.content_cache import content_cached
from portal.core.doors import public
from portal.core.models import site_settings

from .citations import strip_citations
from .documents import csl_name
from .models import ArticleVersion

_FIELDS = ("title", "summary", "authors", "topics", "published_on", "updated_on")
# What no line of a text file can hold; line breaks and tabs become spaces.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LATEX = {
    "\\": r"\textbackslash{}",
    # BibTeX counts braces, also those behind a backslash.
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{character: f"\\{character}" for character in "&%$#_"},
}
# Macros of all styles, which write the month in their own way.
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True)
class Citation:
    """What one needs to cite the version of an article that readers see; texts of one line."""

    slug: str
    url: str
    title: str
    authors: list[dict[str, str]]  # CSL-JSON: family and given, or literal
    site: str
    publisher: str
    version: int
    version_on: date
    abstract: str
    keywords: list[str]


@content_cached
def published_citation(slug: str) -> Citation:
    """Return the citation of a published article (1 query when cold).

    Raises ``ArticleVersion.DoesNotExist`` for a draft as for what never existed.
    """
    fields = [f"document__{field}" for field in _FIELDS]
    row = ArticleVersion.objects.published().values("number", *fields).get(article__slug=slug)
    title, summary, authors, topics, published_on, updated_on = (row[field] for field in fields)
    site = site_settings()
    return Citation(
        slug=slug,
        url=settings.SITE_URL + reverse("article", args=[slug]),
        title=_line(title),
        authors=[
            {part: _line(text) for part, text in csl_name(author).items()} for author in authors
        ],
        site=_line(site.name),
        publisher=_line(site.publisher_name or site.name),
        version=row["number"],
        version_on=date.fromisoformat(updated_on or published_on),
        abstract=_line(strip_citations(summary)),
        keywords=[_line(topic["name"]) for topic in topics],
    )


def _line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def ris(citation: Citation) -> str:
    """Return ``citation`` as an RIS file; its lines end in CRLF."""
    day = citation.version_on
    lines = [
        ("TY", "ELEC"),
        *(("AU", _ris_name(name)) for name in citation.authors),
        ("TI", citation.title),
        ("T2", citation.site),
        ("PB", citation.publisher),
        ("PY", f"{day:%Y}"),
        ("DA", f"{day:%Y/%m/%d}"),
        ("ET", str(citation.version)),
        ("AB", citation.abstract),
        *(("KW", keyword) for keyword in citation.keywords),
        ("UR", citation.url),
        ("ID", citation.slug),
        ("ER", ""),
    ]
    return "".join(f"{tag}  - {value}\r\n" for tag, value in lines)


def _ris_name(name: dict[str, str]) -> str:
    # A comma parts the family name from given names, so no part may hold one.
    parts = (name.get("literal") or name["family"], name.get("given", ""))
    return ", ".join(part.replace(",", "") for part in parts if part)


def _bibtex_name(name: dict[str, str]) -> str:
    # Braces keep a part in one piece, whatever "and" or comma it holds.
    parts = (name.get("literal") or name["family"], name.get("given", ""))
    return ", ".join(f"{{{_latex(part)}}}" for part in parts if part)


def bibtex(citation: Citation) -> str:
    """Return ``citation`` as a BibTeX file in UTF-8: one entry that every style knows."""
    day = citation.version_on
    fields = [
        ("author", " and ".join(_bibtex_name(name) for name in citation.authors)),
        ("title", f"{{{_latex(citation.title)}}}"),
        ("howpublished", _latex(citation.site)),
        ("publisher", _latex(citation.publisher)),
        ("year", f"{day:%Y}"),
        ("day", str(day.day)),
        ("edition", str(citation.version)),
        ("abstract", _latex(citation.abstract)),
        ("keywords", ", ".join(_latex(keyword) for keyword in citation.keywords)),
        ("url", citation.url),
    ]
    lines = [f"  {name} = {{{value}}}," for name, value in fields if value]
    lines.append(f"  month = {_MONTHS[day.month - 1]},")
    return "\n".join([f"@misc{{{citation.slug},", *lines, "}", ""])


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


@public
@require_safe
def cite_ris(request: HttpRequest, slug: str) -> HttpResponse:
    return _file(ris(_or_404(slug)), f"{slug}.ris", "application/x-research-info-systems")


@public
@require_safe
def cite_bibtex(request: HttpRequest, slug: str) -> HttpResponse:
    return _file(bibtex(_or_404(slug)), f"{slug}.bib", "application/x-bibtex")


def _or_404(slug: str) -> Citation:
    try:
        return published_citation(slug)
    except ArticleVersion.DoesNotExist as error:
        raise Http404 from error


def _file(content: str, name: str, content_type: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type=f"{content_type}; charset=utf-8",
        # The address is of letters, digits, hyphens and underscores.
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
