"""Making surveys: drafts, what publishing one changes, and which survey an article has."""

from .articles import choose_survey, published_surveys
from .changes import Change, asked_so_far, changes_of, problems_of
from .drafts import (
    DraftHasChanged,
    DraftIsGone,
    DraftIsIncomplete,
    discard_draft,
    draft_token,
    preview_survey,
    publish_draft,
    save_draft,
    start_draft,
)
from .keys import KEY_PATTERN, is_reserved, suggest_key

__all__ = [
    "KEY_PATTERN",
    "Change",
    "DraftHasChanged",
    "DraftIsGone",
    "DraftIsIncomplete",
    "asked_so_far",
    "changes_of",
    "choose_survey",
    "discard_draft",
    "draft_token",
    "is_reserved",
    "preview_survey",
    "problems_of",
    "publish_draft",
    "published_surveys",
    "save_draft",
    "start_draft",
    "suggest_key",
]
