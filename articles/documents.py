"""The document of a published version: everything that its page shows, as JSON.

A page is made from the document alone, so later changes to people, funders or topics never
rewrite what was published. ``SCHEMA`` numbers the shape; dates are ISO (YYYY-MM-DD). Published
versions keep the shape of their day, so readers of a document ask for what only a later one has by
``get()``. Schema 2 added what is marked NotRequired in ``Document``, schema 3 what is marked so in
``Relationship``, ``PersonDisclosure`` and ``Support``.
"""

import math
from collections import defaultdict
from datetime import date
from typing import Any, NotRequired, TypedDict

from django.db.models import prefetch_related_objects
from django.utils import timezone
from django.utils.text import slugify

from portal.core.rich_text import plain_text, sanitize_rich_text
from portal.funders.disclosure import funding_statement
from portal.funders.models import Agreement
from portal.people.models import Person

from .citations import strip_citations
from .competing_interests import InControl, Interest, interests, people_in_control
from .models import Article, ArticleAuthor, Section
from .references import Csl

SCHEMA = 3
WORDS_PER_MINUTE = 200


class Author(TypedDict):
    name: str
    slug: str
    role: str
    affiliation: str
    orcid: str
    # For citations; missing for a group, or while nobody has told the parts of the name.
    family: NotRequired[str]
    given: NotRequired[str]


class Contributor(TypedDict):
    name: str
    slug: str
    contribution: str  # a value of ArticleAuthor.Contribution other than "author"
    role: str
    affiliation: str


class DocumentAbbreviation(TypedDict):
    short: str
    long: str


class DocumentTopic(TypedDict):
    name: str
    slug: str


class ImageFile(TypedDict):
    name: str  # in the media storage, where files are never changed or deleted
    width: int  # pixels


class Figure(TypedDict):
    original: str  # name in the media storage
    width: int  # of the original, pixels
    height: int
    variants: dict[str, list[ImageFile]]  # by media type, the one to prefer first; by width
    alt: str  # empty: decorative
    credit: str
    licence: str


class DocumentSection(TypedDict):
    kind: str  # a value of Section.Kind
    heading: str
    anchor: str  # unique on the page
    html: str  # sanitised, with [@key] markers; a figure's caption; a table with its notes
    figure: NotRequired[Figure]  # in sections of the kind "figure" alone


class DocumentReference(TypedDict):
    key: str
    csl: Csl


class Relationship(TypedDict):
    company: str
    nature: str  # a value of FinancialRelationship.Nature
    starts_on: str | None
    ends_on: str | None
    # As staff judged it for this article; missing in versions of schemas 1 and 2.
    is_relevant: NotRequired[bool]
    mitigation: NotRequired[str]  # a value of RelevanceAssessment.Mitigation, or ""
    mitigated_on: NotRequired[str | None]


class PersonDisclosure(TypedDict):
    name: str
    slug: str
    declared_on: str | None  # None: no disclosure was valid on that day (drafts only)
    has_none: bool
    is_approver: NotRequired[bool]  # who approved, and is not named otherwise
    relationships: list[Relationship]


class Support(TypedDict):
    name: str
    kind: str  # a value of Agreement.Kind
    # Missing in versions of schemas 1 and 2.
    agreement: NotRequired[int]  # key
    nature: NotRequired[str]  # of support in kind: what was given
    level: NotRequired[str]  # label of the band on that day


class Funding(TypedDict):
    on: str
    statement: str  # the site's sentence of that day, as readers saw it
    site_wide: list[Support]
    restricted: list[Support]  # agreements for this article alone


class Document(TypedDict):
    schema: int
    title: str
    slug: str
    type: str  # a value of Article.Type
    summary: str
    authors: list[Author]
    topics: list[DocumentTopic]
    objectives: list[str]
    sections: list[DocumentSection]
    references: list[DocumentReference]
    disclosures: list[PersonDisclosure]
    funding: Funding
    medically_reviewed_on: str | None
    published_on: str
    updated_on: str | None  # None in the first version
    reading_minutes: int
    is_demo: bool
    # Since schema 2.
    objective_levels: NotRequired[list[str]]  # of ``objectives``: a BloomLevel or ""
    intended_audience: NotRequired[str]
    next_review_due_on: NotRequired[str | None]
    contributors: NotRequired[list[Contributor]]  # who is named, but stands in no byline
    ai_statement: NotRequired[str]
    abbreviations: NotRequired[list[DocumentAbbreviation]]


def build_document(article: Article, on: date) -> Document:
    """Return the document of ``article`` as it stands, with the disclosures and funding of ``on``.

    Key data and key learning come first among the sections: what a busy reader wants most.
    """
    prefetch_related_objects(
        [article],
        "article_authors__person__disclosures__relationships",
        "topics",
        "objectives",
        "sections",
        "references",
        "abbreviations",
    )
    named = list(article.article_authors.all())
    authors = [row for row in named if row.contribution == ArticleAuthor.Contribution.AUTHOR]
    others = [row for row in named if row.contribution != ArticleAuthor.Contribution.AUTHOR]
    sections = _sections(article)
    first_published = article.first_published_at
    published_on = timezone.localdate(first_published) if first_published else on
    return {
        "schema": SCHEMA,
        "title": article.title,
        "slug": article.slug,
        "type": article.type,
        "summary": article.summary,
        "authors": [_author(row.person) for row in authors],
        "topics": [{"name": topic.name, "slug": topic.slug} for topic in article.topics.all()],
        "objectives": [objective.text for objective in article.objectives.all()],
        "sections": sections,
        "references": [
            {"key": reference.key, "csl": reference.csl} for reference in article.references.all()
        ],
        "disclosures": _disclosures(article, on),
        "funding": _funding(article, on),
        "medically_reviewed_on": _iso(article.medically_reviewed_on),
        "published_on": published_on.isoformat(),
        "updated_on": on.isoformat() if first_published else None,
        "reading_minutes": _reading_minutes(sections),
        "is_demo": article.is_demo,
        "objective_levels": [objective.bloom_level for objective in article.objectives.all()],
        "intended_audience": article.intended_audience,
        "next_review_due_on": _iso(article.next_review_due_on),
        "contributors": [_contributor(row) for row in others],
        "ai_statement": article.ai_statement,
        "abbreviations": [
            {"short": abbreviation.short, "long": abbreviation.long}
            for abbreviation in article.abbreviations.all()
        ],
    }


def public_text(document: Document) -> dict[str, Any]:
    """Return what may be told of the document in plain words: nothing is cited in it."""
    return {
        "title": document["title"],
        "summary": strip_citations(document["summary"]),
        "objectives": [strip_citations(objective) for objective in document["objectives"]],
        "reading_minutes": document["reading_minutes"],
        "is_demo": document["is_demo"],
    }


def csl_name(author: Author) -> dict[str, str]:
    """Return an author as CSL-JSON: by the parts of the name, or as it stands in the byline."""
    if "family" in author:
        return {"family": author["family"], "given": author["given"]}
    return {"literal": author["name"]}


def document_text(document: Document) -> str:
    """Return the words of the document's sections, for the search."""
    return " ".join(
        f"{section['heading']} {plain_text(section['html'])}" for section in document["sections"]
    )


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _author(person: Person) -> Author:
    author: Author = {
        "name": person.name,
        "slug": person.slug,
        "role": person.role,
        "affiliation": person.affiliation,
        "orcid": person.orcid,
    }
    if person.family_name:
        author["family"], author["given"] = person.family_name, person.given_names
    return author


def _contributor(row: ArticleAuthor) -> Contributor:
    return {
        "name": row.person.name,
        "slug": row.person.slug,
        "contribution": row.contribution,
        "role": row.person.role,
        "affiliation": row.person.affiliation,
    }


def _sections(article: Article) -> list[DocumentSection]:
    # What a busy reader wants most comes first.
    in_order = sorted(
        article.sections.all(), key=lambda section: section.kind not in Section.KEY_KINDS
    )
    sections: list[DocumentSection] = []
    taken: set[str] = set()
    for section in in_order:
        name = slugify(section.heading) or section.kind.replace("_", "-")
        anchor, number = f"section-{name}", 1
        while anchor in taken:
            number += 1
            anchor = f"section-{name}-{number}"
        taken.add(anchor)
        entry: DocumentSection = {
            "kind": section.kind,
            "heading": section.heading,
            "anchor": anchor,
            "html": sanitize_rich_text(section.body),
        }
        if section.kind == Section.Kind.FIGURE:
            entry["figure"] = _figure(section)
        sections.append(entry)
    return sections


def _figure(section: Section) -> Figure:
    image = section.image
    return {
        "original": image.name,
        "width": image.width,
        "height": image.height,
        "variants": {
            f"image/{file_type.lower()}": [
                {"name": picture.name, "width": picture.width} for picture in pictures
            ]
            for file_type, pictures in image.variants.items()
        },
        "alt": section.alt,
        "credit": section.credit,
        "licence": section.licence,
    }


def _disclosures(article: Article, on: date) -> list[PersonDisclosure]:
    """Return what authors disclosed, then writers and reviewers, then the approver."""
    people = people_in_control(article, on) if article.pk else []
    by_person: dict[int, list[Relationship]] = defaultdict(list)
    for interest in interests(article, people) if people else []:
        by_person[interest.holder.person.pk].append(_relationship(interest))
    # A sort is stable: the form's order stays within each kind.
    return [
        _disclosure(holder, by_person[holder.person.pk])
        for holder in sorted(people, key=lambda one: (one.row is None, not one.is_author))
    ]


def _disclosure(holder: InControl, relationships: list[Relationship]) -> PersonDisclosure:
    disclosure: PersonDisclosure = {
        "name": holder.person.name,
        "slug": holder.person.slug,
        "declared_on": _iso(holder.disclosure.declared_on) if holder.disclosure else None,
        "has_none": holder.disclosure.has_none if holder.disclosure else False,
        "relationships": relationships,
    }
    if holder.row is None:
        disclosure["is_approver"] = True
    return disclosure


def _relationship(interest: Interest) -> Relationship:
    shown: Relationship = {
        "company": interest.relationship.company,
        "nature": interest.relationship.nature,
        "starts_on": _iso(interest.relationship.starts_on),
        "ends_on": _iso(interest.relationship.ends_on),
    }
    if interest.assessment:
        shown["is_relevant"] = interest.assessment.is_relevant
        shown["mitigation"] = interest.assessment.mitigation
        shown["mitigated_on"] = _iso(interest.assessment.mitigated_on)
    return shown


def _funding(article: Article, on: date) -> Funding:
    site_wide = Agreement.objects.active_on(on).site_wide().in_order(on)
    restricted = article.supported_by.in_order(on) if article.pk else []
    return {
        "on": on.isoformat(),
        "statement": str(funding_statement(on)),
        "site_wide": [_support(agreement) for agreement in site_wide],
        "restricted": [_support(agreement) for agreement in restricted],
    }


def _support(agreement: Any) -> Support:
    return {
        "name": agreement.name_on_day,
        "kind": agreement.kind,
        "agreement": agreement.pk,
        "nature": agreement.nature,
        "level": agreement.level.label,
    }


def _reading_minutes(sections: list[DocumentSection]) -> int:
    words = sum(
        len(section["heading"].split()) + len(plain_text(section["html"]).split())
        for section in sections
    )
    return max(1, math.ceil(words / WORDS_PER_MINUTE))
