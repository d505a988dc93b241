"""The demonstration content as it stands in the TOML files under ``content/``.

``articles/<slug>.toml`` holds one article, ``pages/<slug>.toml`` one plain page, ``site.toml`` what
they share: people, funders with their agreements, topics, the site's settings.
Text is HTML within the allow-list of ``portal.core.rich_text``; dates are ISO.
"""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

CONTENT = Path(__file__).parent / "content"


class SectionData(TypedDict):
    kind: str  # a value of articles.models.Section.Kind
    heading: str
    body: str  # of a figure: the caption
    # Of figures alone.
    drawing: NotRequired[str]  # a key of drawings.DRAWINGS
    alt: NotRequired[str]
    credit: NotRequired[str]
    licence: NotRequired[str]


class ReferenceData(TypedDict):
    key: str
    csl: dict[str, Any]


class ContributorData(TypedDict):
    person: str  # slug
    contribution: str  # a value of ArticleAuthor.Contribution, not "author"


class AbbreviationData(TypedDict):
    short: str
    long: str


class ResponsesData(TypedDict):
    count: int
    # For each of the four statements: how often each level, 1 to 5, is chosen (relative weights).
    weights: list[list[int]]


class ArticleData(TypedDict):
    title: str
    slug: str
    type: str  # a value of Article.Type
    summary: str
    topics: list[str]  # slugs
    authors: list[str]  # slugs, in the byline's order
    contributors: NotRequired[list[ContributorData]]
    ai_statement: str
    intended_audience: str
    medically_reviewed_on: NotRequired[date]
    next_review_due_on: NotRequired[date]
    abbreviations: NotRequired[list[AbbreviationData]]
    published_on: NotRequired[date]  # absent: a draft
    objectives: list[str]
    sections: list[SectionData]
    references: list[ReferenceData]
    responses: NotRequired[ResponsesData]


class PageData(TypedDict):
    slug: str
    title: str
    position: int
    body: str


class TopicData(TypedDict):
    name: str
    slug: str
    description: str
    parent: NotRequired[str]  # slug of a topic that stands before this one


class RelationshipData(TypedDict):
    company: str
    nature: str  # a value of FinancialRelationship.Nature
    starts_on: date
    ends_on: NotRequired[date]


class AssessmentData(TypedDict):
    is_relevant: bool
    reason: str
    mitigation: NotRequired[str]  # a value of RelevanceAssessment.Mitigation


class PersonData(TypedDict):
    name: str
    family_name: str
    given_names: str
    slug: str
    role: str
    affiliation: str
    user: NotRequired[str]  # e-mail address of a demo user
    first_declared_on: date
    relationships: list[RelationshipData]  # empty: declares that there are none


class AgreementData(TypedDict):
    kind: str  # a value of Agreement.Kind
    nature: NotRequired[str]  # of support in kind
    rank: int  # of the level of support
    starts_on: date
    ends_on: NotRequired[date]
    purpose: NotRequired[str]


class FormerNameData(TypedDict):
    name: str
    last_day: date


class FunderData(TypedDict):
    name: str
    country: str  # ISO 3166-1 alpha-2
    website: str
    agreements: list[AgreementData]
    former_names: NotRequired[list[FormerNameData]]
    trade_names: NotRequired[list[str]]
    product_sites: NotRequired[list[str]]  # hosts


class SiteData(TypedDict):
    settings: dict[str, str]  # fields of SiteSettings
    topics: list[TopicData]
    people: list[PersonData]
    assessments: dict[str, AssessmentData]  # by company
    funders: list[FunderData]


def read_site() -> SiteData:
    """Return what all pages share."""
    return cast("SiteData", _read(CONTENT / "site.toml"))


def read_pages() -> list[PageData]:
    """Return the plain pages."""
    return [cast("PageData", _read(path)) for path in sorted((CONTENT / "pages").glob("*.toml"))]


def read_articles() -> list[ArticleData]:
    """Return all articles, drafts included, by file name."""
    return [
        cast("ArticleData", _read(path)) for path in sorted((CONTENT / "articles").glob("*.toml"))
    ]


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
