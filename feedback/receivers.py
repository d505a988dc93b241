"""What happens to responses when something happens to their readers."""

from typing import Any

from portal.attestation.models import Reader

from .services import merge_responses


def merge_on_meeting(sender: Any, pseudonym: Reader, reader: Reader, **kwargs: Any) -> None:
    """Give the account's reader what its browser answered before it signed in."""
    merge_responses(source=pseudonym, target=reader)
