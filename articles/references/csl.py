"""CSL-JSON, the format of a stored source, and what it says beside its formatted line.

A retraction is kept where CSL has a place for it: ``status`` is "retracted", and ``custom`` holds
``retraction`` ({"DOI", "date", "source", "note"}, each if it is known) and ``cited-as-retracted``
(true once an editor has said that the article cites the source for having been retracted).
"""

from typing import Any
from urllib.parse import quote, urlsplit

from django.utils.translation import gettext as _

Csl = dict[str, Any]

RETRACTED = "retracted"
IN_PRESS = "in press"
AHEAD_OF_PRINT = "advance online publication"


def text_of(csl: Csl, field: str) -> str:
    """Return the one line of text or the number in ``field``, else an empty string."""
    value = csl.get(field)
    return str(value).strip() if isinstance(value, str | int) else ""


def reference_links(csl: Csl) -> list[tuple[str, str]]:
    """Return (label, address) of where the source can be read: DOI, PubMed, or its web address."""
    links = []
    if doi := text_of(csl, "DOI"):
        links.append(("DOI", f"https://doi.org/{quote(doi, safe='/')}"))
    if (pmid := text_of(csl, "PMID")).isdecimal():
        links.append(("PubMed", f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/"))
    if not links and (url := safe_url(csl)):
        links.append((_("Website"), url))
    return links


def safe_url(csl: Csl) -> str:
    """Return the source's web address if it is one, else an empty string."""
    url = text_of(csl, "URL")
    try:
        is_web = urlsplit(url).scheme in {"http", "https"}
    except ValueError:
        return ""
    return url if is_web else ""


def is_retracted(csl: Csl) -> bool:
    return text_of(csl, "status") == RETRACTED


def is_cited_as_retracted(csl: Csl) -> bool:
    """Whether an editor has said that the retraction is what the article cites the source for."""
    return is_retracted(csl) and _custom(csl).get("cited-as-retracted") is True


def retraction_of(csl: Csl) -> dict[str, str]:
    """Return what is known of the retraction: some of "DOI", "date", "source" and "note"."""
    known = _custom(csl).get("retraction")
    if not (is_retracted(csl) and isinstance(known, dict)):
        return {}
    return {name: text for name in known if (text := text_of(known, name))}


def set_retraction(csl: Csl, *, retracted: bool, cited_as_retracted: bool = False) -> None:
    """Change what ``csl`` says of a retraction; what is known of it stays while it stands."""
    custom = _custom(csl)
    custom.pop("cited-as-retracted", None)
    if retracted:
        csl["status"] = RETRACTED
    elif is_retracted(csl):
        del csl["status"]
        custom.pop("retraction", None)
    if retracted and cited_as_retracted:
        custom["cited-as-retracted"] = True
    if custom:
        csl["custom"] = custom
    else:
        csl.pop("custom", None)


def describe_updates(updates: Any) -> str:
    """Return "erratum, 2025-03-01, doi: 10.1/x" for each of a reference's ``updates``."""
    lines = []
    for update in updates if isinstance(updates, list) else []:
        doi = text_of(update, "DOI")
        parts = (text_of(update, "kind"), text_of(update, "date"), f"doi: {doi}" if doi else "")
        lines.append(", ".join(part for part in parts if part))
    return "; ".join(lines)


def _custom(csl: Csl) -> dict[str, Any]:
    custom = csl.get("custom")
    return dict(custom) if isinstance(custom, dict) else {}
