"""What an approval is about: the content, as one number."""

import hashlib
import json

from .documents import Document

# Parts of the document that publishing sets, or that are as of that day.
OF_THE_DAY = ("funding", "disclosures", "published_on", "updated_on")


def content_sha256(document: Document) -> str:
    """Return the SHA-256 (hex) of the canonical JSON of what was reviewed.

    That is all of ``document`` but what depends on the day; of the funding, the article's own
    agreements, which an editor chooses.
    """
    content = {key: value for key, value in document.items() if key not in OF_THE_DAY}
    # By key: a funder that renames itself voids no approval.
    restricted = document["funding"]["restricted"]
    content["restricted"] = sorted(support["agreement"] for support in restricted)
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
