"""Writing and reviewing: whoever wrote cannot approve, and what is approved stays as it is."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from articles.approval import content_sha256
from articles.blocks import NO_APPROVER_PERSON, Block, publication_blocks
from articles.documents import build_document
from articles.models import Article, Verb
from portal.accounts.models import User
from portal.people.models import Person

from .transitions import (
    check_permission,
    check_transition,
    is_possible,
    lock_article,
    move,
    refuse_if_blocked,
)


class ApprovalRefused(Exception):  # noqa: N818 - it reads as what happened
    """Raised where somebody would approve what they wrote; the message says why it counts so."""


def writer_objection(article: Article, user: User) -> str:
    """Return why ``user`` counts as a writer of ``article``, or "" (at most 2 queries)."""
    if article.submitted_by_id == user.pk:
        return _("You have submitted this article: somebody else must approve it.")
    if article.editors.filter(user=user).exists():
        return _("You have changed this draft: somebody else must approve it.")
    if article.article_authors.filter(person__user=user).exists():
        return _("You are an author of this article: somebody else must approve it.")
    return ""


def approver_objection(article: Article, user: User) -> str:
    """Return why ``user`` may not approve ``article``, or "" (at most 5 queries)."""
    if objection := writer_objection(article, user):
        return objection
    # By their names: agreements belong to another room, and no account holds both duties.
    if user.has_perm("funders.add_agreement") or user.has_perm("funders.change_agreement"):
        return _("You may change agreements with funders: somebody else must approve articles.")
    person = Person.objects.filter(user=user).first()
    if person is None:
        return str(NO_APPROVER_PERSON)
    if person.current_disclosure() is None:
        return _("You have no current disclosure of financial relationships.")
    return ""


def writers(article: Article) -> set[int]:
    """Return the accounts of whoever submitted, edited or signs ``article`` (2 queries)."""
    found = {*article.editors.values_list("user", flat=True), article.submitted_by_id}
    found |= set(article.article_authors.values_list("person__user", flat=True))
    return {user for user in found if user is not None}


@transaction.atomic
def submit_for_review(*, article: Article, user: User | None, comment: str = "") -> None:
    """Ask for the medical review. ``article`` is refreshed.

    Raises ``PermissionDenied``, ``IllegalTransition`` or ``PublicationBlocked``: what could not
    be published need not be reviewed.
    """
    check_permission(user, Verb.SUBMIT)
    draft = lock_article(article)
    check_transition(draft, Verb.SUBMIT)
    refuse_if_blocked(publication_blocks(draft))
    move(draft, Verb.SUBMIT, user=user, comment=comment, submitted_by=user)
    article.refresh_from_db()


@transaction.atomic
def return_to_author(*, article: Article, user: User | None, comment: str = "") -> None:
    """Give the article back to be changed; an approval is void with it. ``article`` is refreshed.

    Raises ``PermissionDenied`` or ``IllegalTransition``.
    """
    check_permission(user, Verb.RETURN)
    draft = lock_article(article)
    check_transition(draft, Verb.RETURN)
    move(draft, Verb.RETURN, user=user, comment=comment, submitted_by=None)
    article.refresh_from_db()


@transaction.atomic
def approve_article(
    *, article: Article, user: User | None, comment: str = "", revision: int | None = None
) -> None:
    """Approve exactly this content. ``article`` is refreshed.

    ``revision``: the one that the reviewer has seen (default: whatever there is now). Raises
    ``PermissionDenied``, ``IllegalTransition``, ``ApprovalRefused`` to a writer of the article, or
    ``PublicationBlocked``.
    """
    check_permission(user, Verb.APPROVE)
    draft = lock_article(article)
    check_transition(draft, Verb.APPROVE)
    if user is not None and (objection := approver_objection(draft, user)):
        raise ApprovalRefused(objection)
    if revision is not None and revision != draft.revision:
        refuse_if_blocked([Block("", _("The article has been changed since you looked at it."))])
    refuse_if_blocked(publication_blocks(draft))
    move(
        draft,
        Verb.APPROVE,
        user=user,
        comment=comment,
        approved_by=user,
        approved_at=timezone.now(),
        approved_sha256=content_sha256(build_document(draft, timezone.localdate())),
    )
    article.refresh_from_db()


@transaction.atomic
def record_edit(*, article: Article, user: User) -> None:
    """Note that ``user`` has changed the draft: a new revision, and no approval any more.

    In review the article stays there: the reviewer is told that it is another revision.
    ``article`` is refreshed.
    """
    draft = lock_article(article)
    Article.objects.filter(pk=draft.pk).update(revision=draft.revision + 1, edited_by=user)
    draft.editors.update_or_create(user=user, defaults={"edited_at": timezone.now()})
    if is_possible(draft, Verb.REVISE):
        move(draft, Verb.REVISE, user=user, submitted_by=None)
    article.refresh_from_db()
