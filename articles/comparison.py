"""What differs between two documents of an article, in words."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from django.utils.translation import gettext as _

from portal.core.rich_text import plain_text

from .documents import Document, DocumentSection
from .models import Article, Section
from .references import format_vancouver


@dataclass(frozen=True, slots=True)
class Difference:
    """A field whose text differs: runs of words, each "equal", "delete" or "insert"."""

    label: str
    parts: list[tuple[str, str]]


def compare(old: Document, new: Document) -> list[Difference]:
    """Return what differs from ``old`` to ``new``, field by field, in the order of the page."""
    before, after = document_texts(old), document_texts(new)
    # The new order, and what is only in the old one at the end.
    return [
        Difference(label, _parts(before.get(label, ""), after.get(label, "")))
        for label in dict.fromkeys([*after, *before])
        if before.get(label, "") != after.get(label, "")
    ]


def document_texts(document: Document) -> dict[str, str]:
    """Return the plain text of each field by its label, in the order of the page."""
    texts = {
        _("Title"): document["title"],
        _("Address"): document["slug"],
        _("Type"): str(dict(Article.Type.choices).get(document["type"], document["type"])),
        _("Summary"): document["summary"],
        _("Authors"): "\n".join(
            ", ".join(filter(None, (author["name"], author["role"], author["affiliation"])))
            for author in document["authors"]
        ),
        _("Topics"): "\n".join(topic["name"] for topic in document["topics"]),
        _("Medically reviewed on"): document["medically_reviewed_on"] or "",
        _("Learning objectives"): "\n".join(document["objectives"]),
    }
    for section in document["sections"]:
        kind = dict(Section.Kind.choices).get(section["kind"], section["kind"])
        label = f"{kind}: {section['heading']}" if section["heading"] else str(kind)
        number = 1
        while (name := label if number == 1 else f"{label} ({number})") in texts:
            number += 1
        texts[name] = _section_text(section)
    texts[_("References")] = "\n".join(
        f"{reference['key']}: {format_vancouver(reference['csl'])}"
        for reference in document["references"]
    )
    texts[_("Disclosures")] = "\n".join(
        f"{disclosure['name']}: "
        + (
            "; ".join(
                f"{relationship['company']} ({relationship['nature']})"
                for relationship in disclosure["relationships"]
            )
            or (_("none declared") if disclosure["has_none"] else _("not yet disclosed"))
        )
        for disclosure in document["disclosures"]
    )
    return texts


def _section_text(section: DocumentSection) -> str:
    text = plain_text(section["html"])
    figure = section.get("figure")
    if figure is None:
        return text
    return "\n".join([text, figure["original"], figure["alt"], figure["credit"], figure["licence"]])


def _parts(old: str, new: str) -> list[tuple[str, str]]:
    before, after = re.findall(r"\s+|\S+", old), re.findall(r"\s+|\S+", new)
    parts = []
    for operation, i1, i2, j1, j2 in SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        if operation == "equal":
            parts.append(("equal", "".join(before[i1:i2])))
            continue
        if i2 > i1:
            parts.append(("delete", "".join(before[i1:i2])))
        if j2 > j1:
            parts.append(("insert", "".join(after[j1:j2])))
    return parts
