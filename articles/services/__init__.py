"""The verbs: each checks who may, where the article stands and what blocks it, writes the log."""

from articles.blocks import Block, PublicationBlocked, publication_blocks

from .independence import assess_relationship, overrule
from .previews import find_preview_link, make_preview_link, revoke_preview_link
from .publishing import publish_article
from .review import (
    ApprovalRefused,
    approve_article,
    approver_objection,
    record_edit,
    return_to_author,
    submit_for_review,
)
from .scheduling import publish_due_articles, schedule_article, unschedule
from .transitions import IllegalTransition, allowed_verbs
from .withdrawal import reinstate_article, withdraw_article

__all__ = [
    "ApprovalRefused",
    "Block",
    "IllegalTransition",
    "PublicationBlocked",
    "allowed_verbs",
    "approve_article",
    "approver_objection",
    "assess_relationship",
    "find_preview_link",
    "make_preview_link",
    "overrule",
    "publication_blocks",
    "publish_article",
    "publish_due_articles",
    "record_edit",
    "reinstate_article",
    "return_to_author",
    "revoke_preview_link",
    "schedule_article",
    "submit_for_review",
    "unschedule",
    "withdraw_article",
]
