"""Writing the draft down as the version that readers see."""

from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchVector
from django.db import models, transaction
from django.db.models import Max, Value
from django.db.models.functions import Least
from django.utils import timezone
from django.utils.translation import gettext as _

from articles.blocks import Block
from articles.citations import strip_citations
from articles.competing_interests import people_in_control
from articles.documents import Document, build_document, document_text
from articles.models import (
    Article,
    ArticleVersion,
    ArticleVersionFunder,
    ArticleVersionPerson,
    Verb,
)
from articles.references import format_vancouver
from articles.signals import article_published
from portal.accounts.models import User
from portal.funders.models import Agreement

from .review import writers
from .transitions import (
    approval_blocks,
    check_permission,
    check_transition,
    lock_article,
    move,
    refuse_if_blocked,
)

Kind = ArticleVersion.Kind

# PostgreSQL refuses a search vector of more than 1 MB; no article comes near this.
SEARCHABLE_CHARACTERS = 200_000


@transaction.atomic
def publish_article(
    *,
    article: Article,
    user: User | None,
    kind: str = "",
    notice: str = "",
    comment: str = "",
    published_at: datetime | None = None,
    after_version: int | None = None,
) -> ArticleVersion:
    """Write the approved draft down as the version that readers see, and tell the listeners.

    ``user``: who publishes; None is the system (commands, demo, schedule). ``kind``: of
    ``ArticleVersion.Kind``, by default the first publication, then updates; a correction has a
    public ``notice``. ``published_at``: for content that was published elsewhere before, a time
    in the past (default: now). ``after_version``: the number of the latest version that the user
    knew of (0: none), so that a button pressed twice publishes once. Raises ``PermissionDenied``,
    ``ValueError`` for a time to come or a kind that does not fit, ``IllegalTransition`` for what
    is not approved, or ``PublicationBlocked`` with every reason: what is missing or stale, and a
    change since the approval. ``article`` itself is refreshed.
    """
    check_permission(user, Verb.PUBLISH)
    draft = lock_article(article)
    now = _publication_time(published_at)
    today = timezone.localdate(now)
    latest = draft.versions.aggregate(latest=Max("number"))["latest"] or 0
    if after_version is not None and after_version != latest:
        refuse_if_blocked([Block("", _("Version %d has been published in the meantime.") % latest)])
    check_transition(draft, Verb.PUBLISH)
    kind = check_kind(kind, notice, is_first=latest == 0)
    document = build_document(draft, today)
    refuse_if_blocked(approval_blocks(draft, document, today))
    version = ArticleVersion.objects.create(
        article=draft,
        number=latest + 1,
        document=document,
        published_at=now,
        published_by=user,
        kind=kind,
        notice=notice.strip(),
        comment=comment,
        approved_by=draft.approved_by,
        approved_at=draft.approved_at,
        written_by=sorted(writers(draft)),
        content_sha256=draft.approved_sha256,
    )
    _protect_the_named(version, draft)
    move(
        draft,
        Verb.PUBLISH,
        user=user,
        comment=comment,
        version=version,
        published_version=version,
        first_published_at=draft.first_published_at or now,
        search_vector=_search_vector(document),
        search_type=document["type"],
        search_topics=sorted(topic.pk for topic in draft.topics.all()),
        search_objectives=strip_citations(" ".join(document["objectives"])),
        search_text=strip_citations(document_text(document))[:SEARCHABLE_CHARACTERS],
        # Never later than the version that holds the change.
        updated_at=Least("updated_at", Value(now)),
        withdrawn_at=None,
        withdrawal_reason="",
    )
    # From here on everybody is new to the next draft.
    draft.editors.all().delete()
    article.refresh_from_db()
    article_published.send(sender=Article, article=article, version=version, is_first=latest == 0)
    return version


def _publication_time(published_at: datetime | None) -> datetime:
    now = timezone.now()
    if published_at is not None and published_at > now:
        raise ValueError("An article cannot be published in the future")
    return published_at or now


def check_kind(kind: str, notice: str, *, is_first: bool) -> str:
    """Return the kind of the next version, by default the plainest that fits.

    Raises ``ValueError`` where it does not fit: only what is first is a first publication, and
    just a correction has a notice.
    """
    kind = kind or (Kind.FIRST if is_first else Kind.UPDATE)
    if kind not in Kind.values or (kind == Kind.FIRST) != is_first:
        raise ValueError("This kind of version does not fit")
    if (kind == Kind.CORRECTION) != bool(notice.strip()):
        raise ValueError("A correction, and nothing else, has a public notice")
    return kind


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
        ArticleVersionPerson(version=version, person=holder.person)
        for holder in people_in_control(draft, today)
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
