"""A cited source: CSL-JSON in the database, Vancouver style on the page."""

from .csl import (
    Csl,
    describe_updates,
    is_cited_as_retracted,
    is_retracted,
    reference_links,
    retraction_of,
    safe_url,
    set_retraction,
)
from .vancouver import format_vancouver

__all__ = [
    "Csl",
    "describe_updates",
    "format_vancouver",
    "is_cited_as_retracted",
    "is_retracted",
    "reference_links",
    "retraction_of",
    "safe_url",
    "set_retraction",
]
