"""What an article's page tells machines: JSON-LD (schema.org), Highwire and Open Graph tags.

Everything but ``citation`` is of the public part, which every visitor sees.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

from portal.core.models import site_settings

from .citations import strip_citations
from .documents import Author, Document, csl_name

CLINICIAN = "https://schema.org/Clinician"
# Within a script element these could end it, or begin a comment.
_ESCAPES = {ord(character): f"\\u{ord(character):04X}" for character in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True)
class Metadata:
    """The machine-readable part of a page's head."""

    names: list[tuple[str, str]]  # of <meta name>: Highwire
    properties: list[tuple[str, str]]  # of <meta property>: Open Graph
    json_ld: SafeString  # stands in a script element as it is


def article_metadata(
    document: Document, url: str, *, type_label: str, citations: Iterable[str] = ()
) -> Metadata:
    """Return what the head of ``document``'s page at ``url`` says (0 queries).

    ``citations``: the references as texts, for the page of those who have attested alone.
    """
    return Metadata(
        names=_highwire(document, url),
        properties=_open_graph(document, url),
        json_ld=_script(_json_ld(document, url, type_label, list(citations))),
    )


def _script(data: object) -> SafeString:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return mark_safe(text.translate(_ESCAPES))  # noqa: S308 - nothing left that ends a script


def _dates(document: Document) -> tuple[str, str]:
    """Return the day of the first publication, and of the version."""
    published = document["published_on"]
    return published, document["updated_on"] or published


def _open_graph(document: Document, url: str) -> list[tuple[str, str]]:
    published, updated = _dates(document)
    return [
        ("og:type", "article"),
        ("og:site_name", site_settings().name),
        ("og:locale", _locale()),
        ("og:title", document["title"]),
        ("og:url", url),
        ("article:published_time", published),
        ("article:modified_time", updated),
    ]


def _locale() -> str:
    return to_locale(get_language() or settings.LANGUAGE_CODE)


def _language() -> str:
    """Return the language as BCP 47 writes it, for example en-GB."""
    return _locale().replace("_", "-")


def _highwire(document: Document, url: str) -> list[tuple[str, str]]:
    """Return the tags that Google Scholar, Zotero and others read; facts of an author follow it."""
    published, updated = _dates(document)
    tags = [("citation_title", document["title"])]
    for author in document["authors"]:
        name = csl_name(author)
        cited = name.get("literal") or ", ".join(filter(None, (name["family"], name["given"])))
        tags.append(("citation_author", cited))
        if author["affiliation"]:
            tags.append(("citation_author_institution", author["affiliation"]))
        if author["orcid"]:
            tags.append(("citation_author_orcid", _orcid(author)))
    tags += [
        ("citation_publication_date", published.replace("-", "/")),
        ("citation_online_date", updated.replace("-", "/")),
        ("citation_publisher", _publisher_name()),
        ("citation_language", _language()),
        ("citation_public_url", url),
    ]
    if document["topics"]:
        topics = "; ".join(topic["name"] for topic in document["topics"])
        tags.append(("citation_keywords", topics))
    return tags


def _publisher_name() -> str:
    return site_settings().publisher_name or site_settings().name


def _orcid(author: Author) -> str:
    return f"https://orcid.org/{author['orcid']}"


def _person(author: Author) -> dict[str, Any]:
    facts = {
        "@type": "Person",
        "name": author["name"],
        "url": settings.SITE_URL + reverse("author", args=[author["slug"]]),
        "jobTitle": author["role"],
        "sameAs": _orcid(author) if author["orcid"] else "",
    }
    if author["affiliation"]:
        facts["affiliation"] = _organization(author["affiliation"])  # type: ignore[assignment]
    return {key: value for key, value in facts.items() if value}


def _organization(name: str) -> dict[str, str]:
    return {"@type": "Organization", "name": name}


def _json_ld(document: Document, url: str, type_label: str, citations: list[str]) -> dict[str, Any]:
    published, updated = _dates(document)
    funding = document["funding"]
    funders = dict.fromkeys(
        support["name"] for support in (*funding["site_wide"], *funding["restricted"])
    )
    article = {
        "@type": ["MedicalScholarlyArticle", "LearningResource"],
        "@id": f"{url}#article",
        "url": url,
        "mainEntityOfPage": {"@id": url},
        "headline": document["title"],
        "name": document["title"],
        "abstract": strip_citations(document["summary"]),
        "author": [_person(author) for author in document["authors"]],
        "publisher": {**_organization(_publisher_name()), "url": f"{settings.SITE_URL}/"},
        "datePublished": published,
        "dateModified": updated,
        "inLanguage": _language(),
        "isAccessibleForFree": True,
        "conditionsOfAccess": _(
            "For healthcare professionals, who declare once that they are; free of charge."
        ),
        "learningResourceType": type_label,
        "audience": {"@type": "MedicalAudience", "audienceType": "Clinician"},
        "teaches": [strip_citations(text) for text in document["objectives"]],
        "timeRequired": f"PT{document['reading_minutes']}M",
        "keywords": [topic["name"] for topic in document["topics"]],
        "funder": [_organization(name) for name in funders],
        "citation": citations,
    }
    page = {
        "@type": "MedicalWebPage",
        "@id": url,
        "url": url,
        "name": document["title"],
        "inLanguage": _language(),
        "medicalAudience": CLINICIAN,
        "lastReviewed": document["medically_reviewed_on"],
        "mainEntity": {"@id": f"{url}#article"},
    }
    return {
        "@context": "https://schema.org",
        "@graph": [
            {key: value for key, value in node.items() if value} for node in (article, page)
        ],
    }
