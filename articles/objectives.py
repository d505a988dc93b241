"""Learning objectives must be measurable: some verbs never are."""

import re

BANNED_VERBS = (
    "understand",
    "know",
    "learn",
    "appreciate",
    "be familiar with",
    "become familiar with",
)

# The verb stands first, perhaps after "To" or an adverb ("Better understand …").
_BANNED = re.compile(
    rf"^\W*(?:to\s+)?(?:\w+ly\s+|better\s+)?({'|'.join(BANNED_VERBS)})\b", re.IGNORECASE
)


def banned_verb(objective: str) -> str:
    """Return the verb of ``objective`` that cannot be measured, in lower case, or ""."""
    match = _BANNED.match(objective)
    return match[1].lower() if match else ""
