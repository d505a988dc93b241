"""Labels of choices as documents store them."""

from typing import Any


def label_of(choices: Any, value: str) -> str:
    """Return the label of a stored choice; a choice that exists no more shows its value."""
    return str(choices(value).label) if value in choices.values else value
