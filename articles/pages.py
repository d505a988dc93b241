"""What is shown of a published article, made from its version's document alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, cast
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import F
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from portal.core.content_cache import content_cached
from portal.core.models import site_settings
from portal.funders.disclosure import article_funding_statement

from .abbreviations import Abbreviations
from .citations import CitationNumbers, strip_citations
from .disclosures import Row, one_line, shown_disclosures, valid_disclosures
from .documents import Document, csl_name
from .figures import page_figure
from .labels import label_of
from .metadata import Metadata, article_metadata
from .models import Article, ArticleAuthor, ArticleVersion, Section
from .references import format_vancouver, reference_links
from .related import related_rows
from .tables import wrap_tables
from .typography import typeset, typeset_html


@dataclass(frozen=True, slots=True)
class Card:
    """An article in a list."""

    slug: str
    title: str
    type_label: str
    summary: str
    author_names: str
    published_on: date
    reading_minutes: int
    is_demo: bool


# What a card needs of a version's document: the rest of it stays in the database.
_CARD_FIELDS = ("title", "type", "summary", "authors", "published_on", "reading_minutes", "is_demo")


def cards(articles: Any) -> list[Card]:
    """Return the cards of published articles (a queryset), in its order (1 query)."""
    path = "published_version__document__"
    rows = articles.values("slug", *(f"{path}{field}" for field in _CARD_FIELDS))
    return [
        _card(row["slug"], {field: row[path + field] for field in _CARD_FIELDS}) for row in rows
    ]


def _card(slug: str, document: dict[str, Any]) -> Card:
    return Card(
        slug=slug,
        title=document["title"],
        type_label=label_of(Article.Type, document["type"]),
        summary=strip_citations(document["summary"]),
        author_names=", ".join(author["name"] for author in document["authors"]),
        published_on=date.fromisoformat(document["published_on"]),
        reading_minutes=document["reading_minutes"],
        is_demo=document["is_demo"],
    )


@content_cached
def latest_cards(
    first: int, last: int, topics: tuple[int, ...] | None = None, author: str | None = None
) -> list[Card]:
    """Return the published articles from place ``first`` to before ``last``, newest first.

    ``topics`` (their keys) and ``author`` (a person's address) leave out the others.
    """
    articles = Article.objects.published()
    if topics is not None:
        articles = articles.within(topics)
    if author is not None:
        articles = articles.by_author(author)
    # Places first: PostgreSQL would open the documents of all articles before the page, too.
    places = articles.values("pk")[first:last]
    return cards(Article.objects.published().filter(pk__in=places))


@content_cached
def published_count(author: str | None = None) -> int:
    """Return how many articles are published, of all authors or of one (1 query)."""
    articles = Article.objects.published()
    return (articles if author is None else articles.by_author(author)).count()


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """A rendered version with nothing personal in it: shared by all readers of a process."""

    article_id: int
    version_id: int | None  # None: a preview
    slug: str
    title: str
    description: str
    url: str
    metadata: Metadata
    header: SafeString
    body: SafeString
    related: tuple[Card, ...] = ()
    # As plain text, for whoever asks about them beside the page (the survey).
    objectives: tuple[str, ...] = ()
    # Made of all versions, so outside what one version's document says.
    notices: str = ""
    history: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What is left for readers of a withdrawn article."""

    title: str
    reason: str
    withdrawn_at: datetime


@content_cached
def withdrawal(slug: str) -> Withdrawal:
    """Return what to show in place of the withdrawn article (1 query when cold).

    Raises ``Article.DoesNotExist`` for what is not withdrawn.
    """
    title = "published_version__document__title"
    row = Article.objects.values("withdrawn_at", "withdrawal_reason", title).get(
        slug=slug, withdrawn_at__isnull=False
    )
    return Withdrawal(
        title=row[title], reason=row["withdrawal_reason"], withdrawn_at=row["withdrawn_at"]
    )


@content_cached
def published_page(slug: str) -> ArticlePage:
    """Return the page that attested readers see (1 query when cold).

    Raises ``ArticleVersion.DoesNotExist`` for a draft as for what never existed.
    """
    version = _published_version(slug)
    page = render_page(
        version.article, version.document, version_id=version.pk, now=version.disclosed_now
    )
    return _with_others(page, version)


@content_cached
def published_teaser(slug: str) -> ArticlePage:
    """Return what everybody may see: the text is not in it (1 query when cold).

    Raises ``ArticleVersion.DoesNotExist`` for a draft as for what never existed.
    """
    version = _published_version(slug)
    document = version.document
    context = _public_context(document, now=version.disclosed_now)
    page = _page(version.article, document, context, version_id=version.pk)
    return _with_others(page, version)


def _published_version(slug: str) -> Any:
    """Return what readers see of an article, with its history and related articles (1 query)."""
    versions = ArticleVersion.objects.published().with_history()
    return versions.annotate(
        related=related_rows(_CARD_FIELDS),
        disclosed_now=valid_disclosures(timezone.localdate()),
    ).get(article__slug=slug)


def _with_others(page: ArticlePage, version: Any) -> ArticlePage:
    """Return ``page`` with what other versions and articles say: history, notices, relatives."""
    versions = [
        {
            **row,
            "published_at": datetime.fromisoformat(row["published_at"]),
            "kind_label": label_of(ArticleVersion.Kind, row["kind"]),
        }
        for row in version.history
    ]
    context = {
        "versions": versions,
        "corrections": [version for version in versions if version["notice"]],
    }
    return replace(
        page,
        notices=render_to_string("articles/_notices.html", context),
        history=render_to_string("articles/_history.html", context),
        related=tuple(_card(row["slug"], row) for row in version.related),
    )


def render_page(
    article: Article,
    document: Document,
    version_id: int | None = None,
    now: list[Row] | None = None,
) -> ArticlePage:
    """Render ``document`` whole; ``version_id`` and ``now`` (see ``articles.disclosures``) are
    None for a preview."""
    numbers = CitationNumbers(reference["key"] for reference in document["references"])
    context = _public_context(document, numbers, now)
    context |= {
        "sections": _sections(document, numbers),
        "contributors": [
            {
                **contributor,
                "label": label_of(ArticleAuthor.Contribution, contributor["contribution"]),
            }
            for contributor in document.get("contributors", [])
        ],
        "share": _share_links(article, document),
        "cite_this": _cite_this(article, document),
        # Reference managers' files are of what is published.
        "cite_slug": article.slug if version_id is not None else "",
    }
    # After the sections: they have numbered the references.
    context["references"] = _reference_list(document, numbers)
    body = render_to_string("articles/_body.html", context)
    return _page(article, document, context, body=body, version_id=version_id)


def own_funding(document: Document) -> str:
    """Return what the article says of agreements made for it alone; "" if there is none."""
    funding = document["funding"]
    own = article_funding_statement(
        (support["kind"], support["name"], support.get("nature", ""))
        for support in funding["restricted"]
    )
    # What the site's statement says, too, stands there already.
    parts = (own.support, own.influence, own.order)
    return " ".join(part for part in parts if part not in funding["statement"])


def _sections(document: Document, numbers: CitationNumbers) -> list[dict[str, Any]]:
    """Return what the template shows of each section; figures and tables are numbered by their
    order."""
    abbreviations = Abbreviations(
        (row["short"], row["long"]) for row in document.get("abbreviations", [])
    )
    shown = []
    figures = tables = 0
    for section in document["sections"]:
        html = abbreviations.render(numbers.render(section["html"]))
        caption = section["heading"] if section["kind"] == Section.Kind.TABLE else ""
        part: dict[str, Any] = {
            **section,
            "css_class": section["kind"].replace("_", "-"),
            # Sanitised when the document was built.
            "html": mark_safe(wrap_tables(typeset_html(html), caption)),  # noqa: S308
        }
        if "figure" in section:
            figures += 1
            part["figure"] = page_figure(section["figure"], figures)
        elif section["kind"] == Section.Kind.TABLE:
            tables += 1
            part["table_number"] = tables
        else:
            part["heading"] = section["heading"] or label_of(Section.Kind, section["kind"])
        shown.append(part)
    return shown


def _page(
    article: Article,
    document: Document,
    context: dict[str, Any],
    *,
    version_id: int | None,
    body: str = "",
) -> ArticlePage:
    url = _absolute_url(article)
    return ArticlePage(
        article_id=article.pk,
        version_id=version_id,
        slug=article.slug,
        title=document["title"],
        description=strip_citations(document["summary"]),
        url=url,
        metadata=article_metadata(
            document,
            url,
            type_label=context["type_label"],
            citations=[reference["text"] for reference in context.get("references", [])],
        ),
        header=render_to_string(
            "articles/_header.html",
            {**context, "slug": article.slug, "is_published": version_id is not None},
        ),
        body=mark_safe(body),  # noqa: S308 - a template's output
        objectives=_plain_objectives(document["objectives"]),
    )


@content_cached
def published_article(slug: str) -> Article:
    """Return what other pages say of an article that readers see (1 query when cold).

    Its title is the published one; the rest of the draft is not loaded. Shared by all requests.
    Raises ``Article.DoesNotExist`` for a draft as for what never existed.
    """
    public_title = F("published_version__document__title")
    articles = Article.objects.published().only("slug", "published_version")
    article: Any = articles.annotate(public_title=public_title).get(slug=slug)
    article.title = article.public_title
    return cast("Article", article)


@content_cached
def objectives_of(version_id: int) -> tuple[str, ...]:
    """Return a version's learning objectives as plain text (1 query when cold)."""
    objectives = ArticleVersion.objects.values_list("document__objectives", flat=True)
    return _plain_objectives(objectives.get(pk=version_id))


def _plain_objectives(objectives: Sequence[str]) -> tuple[str, ...]:
    return tuple(_objective(text, None) for text in objectives)


def _objective(text: str, numbers: CitationNumbers | None) -> str:
    if numbers is None:
        return typeset(strip_citations(text))
    return mark_safe(typeset_html(numbers.render(escape(text))))  # noqa: S308 - escaped, then numbered


def _public_context(
    document: Document, numbers: CitationNumbers | None = None, now: list[Row] | None = None
) -> dict[str, Any]:
    """Return what stands in the header; without ``numbers`` (the teaser) nothing is cited.

    ``now``: what is disclosed today, for a published version.
    """
    shown = shown_disclosures(document["disclosures"], now)
    return {
        "document": document,
        "type_label": label_of(Article.Type, document["type"]),
        "objectives": [_objective(text, numbers) for text in document["objectives"]],
        "published_on": date.fromisoformat(document["published_on"]),
        "updated_on": _date(document["updated_on"]),
        "medically_reviewed_on": _date(document["medically_reviewed_on"]),
        "next_review_due_on": _date(document.get("next_review_due_on")),
        "funding_on": date.fromisoformat(document["funding"]["on"]),
        "own_funding": own_funding(document),
        "disclosures": shown,
        "interests_line": one_line(shown),
    }


def _date(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


def _reference_list(document: Document, numbers: CitationNumbers) -> list[dict[str, Any]]:
    """Return the references by number; what the text does not cite comes last."""
    last = len(numbers.numbers) + 1
    in_order = sorted(
        document["references"], key=lambda reference: numbers.numbers.get(reference["key"], last)
    )
    return [
        {
            "key": reference["key"],
            "text": format_vancouver(reference["csl"]),
            "links": reference_links(reference["csl"]),
            "uses": range(1, numbers.uses.get(reference["key"], 0) + 1),
        }
        for reference in in_order
    ]


def _absolute_url(article: Article) -> str:
    return f"{settings.SITE_URL}{reverse('article', args=[article.slug])}"


def _share_links(article: Article, document: Document) -> list[tuple[str, str]]:
    url, title = _absolute_url(article), document["title"]
    mail = urlencode({"subject": title, "body": url}).replace("+", "%20")
    return [
        (_("E-mail"), f"mailto:?{mail}"),
        (
            "LinkedIn",
            "https://www.linkedin.com/sharing/share-offsite/?" + urlencode({"url": url}),
        ),
        ("X", "https://x.com/intent/post?" + urlencode({"text": title, "url": url})),
    ]


def _cite_this(article: Article, document: Document) -> str:
    day = date.fromisoformat(document["updated_on"] or document["published_on"])
    return format_vancouver(
        {
            "type": "webpage",
            "author": [csl_name(author) for author in document["authors"]],
            "title": document["title"],
            "container-title": site_settings().name,
            "issued": {"date-parts": [[day.year, day.month, day.day]]},
            "URL": _absolute_url(article),
        }
    )
