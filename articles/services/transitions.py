"""Where an article may go from where it stands, and who may send it there."""

from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from articles.approval import content_sha256
from articles.blocks import Block, PublicationBlocked, publication_blocks
from articles.documents import Document
from articles.models import Article, ArticleTransition, ArticleVersion, Verb
from portal.accounts.models import User

Status = Article.Status

# Each verb: from which states, and to which. Nothing else is possible.
TRANSITIONS: dict[Verb, tuple[frozenset[Status], Status]] = {
    # From "published": the same content again, with the disclosures and funding of another day.
    Verb.SUBMIT: (frozenset({Status.DRAFT, Status.PUBLISHED}), Status.IN_REVIEW),
    Verb.RETURN: (frozenset({Status.IN_REVIEW, Status.APPROVED}), Status.DRAFT),
    Verb.APPROVE: (frozenset({Status.IN_REVIEW}), Status.APPROVED),
    Verb.SCHEDULE: (frozenset({Status.APPROVED}), Status.SCHEDULED),
    Verb.UNSCHEDULE: (frozenset({Status.SCHEDULED}), Status.APPROVED),
    Verb.FAIL_SCHEDULE: (frozenset({Status.SCHEDULED}), Status.APPROVED),
    Verb.PUBLISH: (frozenset({Status.APPROVED, Status.SCHEDULED}), Status.PUBLISHED),
    Verb.REVISE: (
        frozenset({Status.APPROVED, Status.SCHEDULED, Status.PUBLISHED}),
        Status.DRAFT,
    ),
    # Only what readers see: ``withdraw_article`` asks for a visible version, too.
    Verb.WITHDRAW: (frozenset(Status) - {Status.WITHDRAWN}, Status.WITHDRAWN),
    # Readers go on seeing the withdrawal until a new version has been approved and published.
    Verb.REINSTATE: (frozenset({Status.WITHDRAWN}), Status.DRAFT),
}

# The verbs that people use; the others happen by an edit, or by the schedule.
PERMISSIONS: dict[Verb, str] = {
    Verb.SUBMIT: "articles.submit_article",
    Verb.RETURN: "articles.return_article",
    Verb.APPROVE: "articles.approve_article",
    Verb.SCHEDULE: "articles.schedule_article",
    Verb.UNSCHEDULE: "articles.schedule_article",
    Verb.PUBLISH: "articles.publish_article",
    Verb.WITHDRAW: "articles.withdraw_article",
    Verb.REINSTATE: "articles.reinstate_article",
}

_NO_APPROVAL: dict[str, Any] = {"approved_by": None, "approved_at": None, "approved_sha256": ""}
_NO_SCHEDULE: dict[str, Any] = {
    "scheduled_for": None,
    "scheduled_kind": "",
    "scheduled_notice": "",
}


class IllegalTransition(Exception):  # noqa: N818 - it reads as what happened
    """Raised for a verb that does not lead on from where the article stands."""

    def __init__(self, article: Article, verb: Verb) -> None:
        super().__init__(
            _("“%(verb)s” is not possible: the article is “%(status)s”.")
            % {"verb": verb.label, "status": article.get_status_display()}
        )


def is_possible(article: Article, verb: Verb) -> bool:
    """Whether ``verb`` leads on from where ``article`` stands, whoever asks (0 queries)."""
    if verb == Verb.WITHDRAW and not article.is_visible:
        return False
    return article.status in TRANSITIONS[verb][0]


def allowed_verbs(article: Article, user: Any) -> list[Verb]:
    """Return the verbs that are possible now and that ``user`` has the permission for."""
    return [
        verb
        for verb, permission in PERMISSIONS.items()
        if is_possible(article, verb) and user.has_perm(permission)
    ]


def check_permission(user: User | None, verb: Verb) -> None:
    """Raise ``PermissionDenied`` unless ``user`` may; None is the system, and may."""
    if user is not None and not user.has_perm(PERMISSIONS[verb]):
        raise PermissionDenied


def lock_article(article: Article) -> Article:
    """Return the article's row as it is now; whoever else changes it waits for this transaction."""
    return Article.objects.select_for_update(of=("self",)).get(pk=article.pk)


def check_transition(draft: Article, verb: Verb) -> None:
    """Raise ``IllegalTransition`` where ``verb`` does not lead on."""
    if not is_possible(draft, verb):
        raise IllegalTransition(draft, verb)


def approval_blocks(draft: Article, document: Document, on: date | None = None) -> list[Block]:
    """Return what keeps the approved ``draft`` from being published as ``document``."""
    blocks = publication_blocks(draft, on)
    if content_sha256(document) != draft.approved_sha256:
        blocks.append(Block("", _("The article has been changed since it was approved.")))
    return blocks


def refuse_if_blocked(blocks: list[Block]) -> None:
    if blocks:
        raise PublicationBlocked(blocks)


def move(
    draft: Article,
    verb: Verb,
    *,
    user: User | None,
    comment: str = "",
    version: ArticleVersion | None = None,
    **changes: Any,
) -> None:
    """Write the new state of the locked ``draft``, and the log.

    What the new state knows nothing of is cleared: a time outside "scheduled", an approval in
    "draft". By update(): "changed" goes on saying when somebody last changed the content.
    """
    to = TRANSITIONS[verb][1]
    if to != Status.SCHEDULED:
        changes = {**_NO_SCHEDULE, **changes}
    if to in {Status.DRAFT, Status.IN_REVIEW, Status.WITHDRAWN}:
        changes = {**_NO_APPROVAL, **changes}
    Article.objects.filter(pk=draft.pk).update(status=to, **changes)
    ArticleTransition.objects.create(
        article=draft,
        verb=verb,
        user=user,
        from_status=draft.status,
        to_status=to,
        version=version or draft.published_version,
        comment=comment,
    )
