"""Writes with several effects."""

from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchVector
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import Max, Value
from django.db.models.functions import Least
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.funders.models import Agreement

from .blocks import Block, PublicationBlocked, publication_blocks
from .citations import strip_citations
from .documents import Document, build_document, document_text
from .models import Article, ArticleVersion, ArticleVersionFunder, ArticleVersionPerson
from .references import format_vancouver
from .signals import article_published

__all__ = ["Block", "PublicationBlocked", "publication_blocks", "publish_article"]

# PostgreSQL refuses a search vector of more than 1 MB; no article comes near this.
SEARCHABLE_CHARACTERS = 200_000


@transaction.atomic
def publish_article(
    *,
    article: Article,
    user: User | None,
    comment: str = "",
    published_at: datetime | None = None,
    after_version: int | None = None,
) -> ArticleVersion:
    """Write the draft down as the version that readers see from now on, and tell the listeners.

    ``user``: who publishes; None is the system (commands, demo). ``published_at``: for content
    that was published elsewhere before, a time in the past (default: now). ``after_version``:
    the number of the latest version that the user knew of (0: none), so that a button pressed
    twice publishes once. Raises ``PermissionDenied``, ``ValueError`` for a time to come, or
    ``PublicationBlocked`` with every reason. ``article`` itself is refreshed.
    """
    if user is not None and not user.has_perm("articles.publish_article"):
        raise PermissionDenied
    # Whoever saves or publishes this article at the same time waits here.
    draft = Article.objects.select_for_update(of=("self",)).get(pk=article.pk)
    now = timezone.now()
    if published_at is not None:
        if published_at > now:
            raise ValueError("An article cannot be published in the future")
        now = published_at
    today = timezone.localdate(now)
    latest = draft.versions.aggregate(latest=Max("number"))["latest"] or 0
    blocks = publication_blocks(draft, today)
    if after_version is not None and after_version != latest:
        blocks = [Block("", _("Version %d has been published in the meantime.") % latest)]
    if blocks:
        raise PublicationBlocked(blocks)
    document = build_document(draft, today)
    version = ArticleVersion.objects.create(
        article=draft,
        number=latest + 1,
        document=document,
        published_at=now,
        published_by=user,
        comment=comment,
    )
    _protect_the_named(version, draft)
    # By update(): "changed" must go on saying when an editor last changed the draft, and never
    # be later than the version that holds the change.
    Article.objects.filter(pk=draft.pk).update(
        status=Article.Status.PUBLISHED,
        published_version=version,
        first_published_at=draft.first_published_at or now,
        search_vector=_search_vector(document),
        search_type=document["type"],
        search_topics=sorted(topic.pk for topic in draft.topics.all()),
        search_objectives=strip_citations(" ".join(document["objectives"])),
        search_text=strip_citations(document_text(document))[:SEARCHABLE_CHARACTERS],
        updated_at=Least("updated_at", Value(now)),
    )
    article.refresh_from_db()
    article_published.send(sender=Article, article=article, version=version, is_first=latest == 0)
    return version


def _protect_the_named(version: ArticleVersion, draft: Article) -> None:
    """Link the people and funders that the version names, so that nobody can delete them."""
    today = timezone.localdate(version.published_at)
    site_wide = Agreement.objects.active_on(today).site_wide().values_list("funder", flat=True)
    restricted = draft.supported_by.values_list("funder", flat=True)
    ArticleVersionFunder.objects.bulk_create(
        ArticleVersionFunder(version=version, funder_id=funder)
        for funder in sorted({*site_wide, *restricted})
    )
    ArticleVersionPerson.objects.bulk_create(
        ArticleVersionPerson(version=version, person_id=author.person_id)
        for author in draft.article_authors.all()
    )


def _search_vector(document: Document) -> Any:
    names_and_sources = [
        *(author["name"] for author in document["authors"]),
        *(format_vancouver(reference["csl"]) for reference in document["references"]),
    ]
    texts = {
        "A": document["title"],
        "B": " ".join([*document["objectives"], document["summary"]]),
        "C": document_text(document),
        "D": " ".join(names_and_sources),
    }
    vectors = [
        SearchVector(
            Value(text[:SEARCHABLE_CHARACTERS], output_field=models.TextField()),
            weight=weight,
            config="english",
        )
        for weight, text in texts.items()
    ]
    return vectors[0] + vectors[1] + vectors[2] + vectors[3]
