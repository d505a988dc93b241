"""Keys: what names the columns of exports, and never changes once something is published."""

from collections.abc import Collection

from django.utils.text import slugify

from feedback.exports.columns import BASE, COMMENT

# What every program for statistics takes as a name.
KEY_PATTERN = r"^[a-z][a-z0-9_]*\Z"
MAX_SUGGESTED = 30  # characters
# Words that tell statements apart seldom.
_DULL = frozenset(
    (
        *("a", "an", "and", "as", "at", "be", "by", "content", "for", "from", "have", "i", "in"),
        *("is", "it", "my", "of", "on", "or", "that", "the", "this", "to", "was", "were", "will"),
        "with",
    )
)
WORDS = 3


def suggest_key(text: str, taken: Collection[str] = ()) -> str:
    """Return a key for a new statement that is none of ``taken``: its first telling words."""
    words = slugify(text).replace("-", " ").split()
    telling = [word for word in words if word not in _DULL] or words
    stem = "_".join(telling[:WORDS])[:MAX_SUGGESTED].strip("_") or "statement"
    if not stem[0].isalpha():
        stem = f"s_{stem}"
    key, number = stem, 1
    while key in taken or is_reserved(key):
        number += 1
        key = f"{stem}_{number}"
    return key


def is_reserved(key: str) -> bool:
    """Whether a column of every export has this name already."""
    return key in {*BASE, COMMENT, "free_text"}
