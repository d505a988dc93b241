"""What people disclosed: as a version recorded it, and as it is now where that differs."""

from datetime import date
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.people.models import DISCLOSURE_VALIDITY, Disclosure, FinancialRelationship

from .documents import PersonDisclosure
from .labels import label_of
from .models import ArticleVersionPerson, RelevanceAssessment

# As Disclosure rows come from a query of versions: slug, declared_on, has_none, relationships.
Row = dict[str, Any]


def valid_disclosures(on: date) -> ArraySubquery:
    """Return an expression for a query of versions: the valid disclosures of all whom each names.

    JSON objects, the latest of a person last. Part of the version's own query, because a page must
    not cost one more.
    """
    people = ArticleVersionPerson.objects.filter(version=OuterRef(OuterRef("pk"))).values("person")
    relationships = FinancialRelationship.objects.filter(disclosure=OuterRef("pk")).values(
        row=JSONObject(company="company", nature="nature", starts_on="starts_on", ends_on="ends_on")
    )
    rows = Disclosure.objects.filter(
        person__in=people, declared_on__lte=on, declared_on__gt=on - DISCLOSURE_VALIDITY
    ).order_by("declared_on", "pk")
    return ArraySubquery(
        rows.values(
            row=JSONObject(
                slug="person__slug",
                declared_on="declared_on",
                has_none="has_none",
                relationships=ArraySubquery(relationships),
            )
        )
    )


def shown_disclosures(recorded: list[PersonDisclosure], now: list[Row] | None) -> list[Row]:
    """Return what a page says of each person: ``name``, ``text`` as recorded, ``now`` if different.

    ``now``: as ``valid_disclosures`` gives them; None for a draft, which is of today.
    """
    latest = {row["slug"]: row for row in now or []}
    return [
        {
            "name": disclosure["name"],
            "is_approver": disclosure.get("is_approver", False),
            "declares": bool(disclosure["relationships"]),
            "text": disclosure_text(disclosure),
            "now": "" if now is None else _change(disclosure, latest.get(disclosure["slug"])),
        }
        for disclosure in recorded
    ]


def _change(recorded: PersonDisclosure, row: Row | None) -> str:
    if row is None:
        return _("not renewed")
    return "" if declared_facts(recorded) == declared_facts(row) else disclosure_text(row)


def declared_facts(disclosure: Any) -> set[tuple[str, str, str | None]]:
    """Return what a person said, without what staff made of it: to compare with another day."""
    return {
        (relationship["company"], relationship["nature"], relationship["ends_on"])
        for relationship in disclosure["relationships"]
    }


def disclosure_text(disclosure: Any) -> str:
    """Return what a person disclosed, in words; ``disclosure``: of a document, or a ``Row``."""
    if disclosure["relationships"]:
        return "; ".join(_relationship(one) for one in disclosure["relationships"])
    return _("none declared") if disclosure["has_none"] else _("not yet disclosed")


def _relationship(relationship: Row) -> str:
    facts = [label_of(FinancialRelationship.Nature, relationship["nature"])]
    if ended := relationship.get("ends_on"):
        facts.append(_("ended %(year)s") % {"year": ended[:4]})
    if relationship.get("mitigation"):
        what = label_of(RelevanceAssessment.Mitigation, relationship["mitigation"])
        facts.append(_("relevant; mitigated: %(what)s") % {"what": what[:1].lower() + what[1:]})
    return f"{relationship['company']} ({', '.join(facts)})"


def one_line(shown: list[Row]) -> str:
    """Return the line before an article's body; the details follow on demand."""
    declaring = sum(one["declares"] for one in shown)
    if not declaring:
        return _("None declared.")
    return ngettext(
        "%(count)d of %(all)d people in control of this article declared a relationship.",
        "%(count)d of %(all)d people in control of this article declared relationships.",
        declaring,
    ) % {"count": declaring, "all": len(shown)}
