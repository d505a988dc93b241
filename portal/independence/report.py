"""The report of a period, as facts: what was paid, written, approved and decided.

It holds only what does not change afterwards: published versions as they were recorded, rows of
logs, agreements clipped to the period and named as in it. What may be renamed at any time
(accounts, people, levels) stands in it by its key, or by rank; amounts and the time of making do
not stand in it at all. So the same period gives the same bytes whenever it is asked for, unless
facts were added or corrected. docs/independence.md describes the shape, which ``SCHEMA`` numbers.
"""

import json
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from articles.models import (
    ArticleTransition,
    ArticleVersion,
    Overruling,
    RelevanceAssessment,
    Verb,
)
from portal.funders.models import Agreement

from .models import MembershipAudit

SCHEMA = 1
Facts = dict[str, Any]

# Steps that say who judged, and what readers no longer see. Publishing stands with the versions.
_VERBS = (Verb.RETURN, Verb.APPROVE, Verb.WITHDRAW, Verb.REINSTATE)


def report_facts(first: date, last: date) -> Facts:
    """Return the facts from ``first`` to ``last``, both included (7 queries)."""
    return {
        "schema": SCHEMA,
        "period": {
            "from": first.isoformat(),
            "to": last.isoformat(),
            "time_zone": settings.TIME_ZONE,
        },
        "agreements": _agreements(first, last),
        "versions": _versions(first, last),
        "steps": _steps(first, last),
        "assessments": _assessments(first, last),
        "overrulings": _overrulings(first, last),
        "audits": [
            {"day": audit.day.isoformat(), "findings": audit.findings}
            for audit in MembershipAudit.objects.filter(day__range=(first, last)).order_by("day")
        ],
    }


def canonical(facts: Facts) -> bytes:
    """Return the one way to write ``facts`` down: JSON with sorted keys and without spaces."""
    written = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return written.encode()


def report_sha256(facts: Facts) -> str:
    """Return the SHA-256 of the canonical JSON, in hexadecimal."""
    return sha256(canonical(facts)).hexdigest()


def _agreements(first: date, last: date) -> list[Facts]:
    in_force = (
        Agreement.objects.filter(Q(ends_on=None) | Q(ends_on__gte=first), starts_on__lte=last)
        .select_related("funder", "level")
        .prefetch_related("funder__former_names")
        .order_by("starts_on", "pk")
    )
    return [
        {
            "agreement": agreement.pk,
            "funder": agreement.funder_id,
            "names": _names(agreement, first, last),
            "kind": agreement.kind,
            "nature": agreement.nature,
            "level": agreement.level.rank,
            "starts_on": agreement.starts_on.isoformat(),
            # An end to come is no fact of the period: it may still be moved.
            "ends_on": (
                agreement.ends_on.isoformat()
                if agreement.ends_on and agreement.ends_on <= last
                else None
            ),
            "is_site_wide": agreement.is_site_wide,
            "purpose": agreement.purpose,
        }
        for agreement in in_force
    ]


def _names(agreement: Agreement, first: date, last: date) -> list[str]:
    """Return what the funder was called while the agreement was in force, the earliest first."""
    begin, end = max(agreement.starts_on, first), min(agreement.ends_on or last, last)
    renamed = (
        former.last_day + timedelta(days=1)
        for former in agreement.funder.former_names.all()
        if begin <= former.last_day < end
    )
    return [agreement.funder.name_on(day) for day in [begin, *renamed]]


def _versions(first: date, last: date) -> list[Facts]:
    rows: Any = (
        ArticleVersion.objects.filter(_within("published_at", first, last))
        .order_by("published_at", "pk")
        .values(
            "article",
            "number",
            "published_at",
            "published_by",
            "kind",
            "notice",
            "written_by",
            "approved_by",
            "approved_at",
            "content_sha256",
            "document__title",
            "document__authors",
            "document__contributors",
            "document__disclosures",
            "document__funding",
        )
    )
    return [
        {
            "article": row["article"],
            "number": row["number"],
            "title": row["document__title"],
            "published_at": _iso(row["published_at"]),
            "published_by": row["published_by"],
            "kind": row["kind"],
            "notice": row["notice"],
            "written_by": row["written_by"],
            "approved_by": row["approved_by"],
            "approved_at": _iso(row["approved_at"]),
            "content_sha256": row["content_sha256"],
            "authors": [author["name"] for author in row["document__authors"]],
            "contributors": [
                {"name": one["name"], "contribution": one["contribution"]}
                # None in documents of schema 1.
                for one in row["document__contributors"] or []
            ],
            "disclosures": row["document__disclosures"],
            "funding": row["document__funding"],
        }
        for row in rows
    ]


def _steps(first: date, last: date) -> list[Facts]:
    steps = ArticleTransition.objects.filter(_within("at", first, last), verb__in=_VERBS)
    return [
        {
            "article": step.article_id,
            "verb": step.verb,
            "at": _iso(step.at),
            "account": step.user_id,
            "version": step.version.number if step.version else None,
            "comment": step.comment,
        }
        for step in steps.select_related("version").order_by("at", "pk")
    ]


def _assessments(first: date, last: date) -> list[Facts]:
    assessments = RelevanceAssessment.objects.filter(_within("assessed_at", first, last))
    return [
        {
            "article": one.article_id,
            "person": one.person_id,
            "company": one.company,
            "nature": one.nature,
            "is_relevant": one.is_relevant,
            "reason": one.reason,
            "mitigation": one.mitigation,
            "mitigation_details": one.mitigation_details,
            "mitigated_on": one.mitigated_on.isoformat() if one.mitigated_on else None,
            "assessed_at": _iso(one.assessed_at),
            "assessed_by": one.assessed_by_id,
        }
        for one in assessments.order_by("assessed_at", "pk")
    ]


def _overrulings(first: date, last: date) -> list[Facts]:
    overrulings = Overruling.objects.filter(_within("overruled_at", first, last))
    return [
        {
            "article": one.article_id,
            "rule": one.rule,
            "found": one.found,
            "reason": one.reason,
            "overruled_at": _iso(one.overruled_at),
            "overruled_by": one.overruled_by_id,
        }
        for one in overrulings.order_by("overruled_at", "pk")
    ]


def _within(field: str, first: date, last: date) -> Q:
    """Return the condition that the time ``field`` falls on these days of the site's time zone."""
    begin, end = (
        timezone.make_aware(datetime.combine(day, time.min))
        for day in (first, last + timedelta(days=1))
    )
    return Q(**{f"{field}__gte": begin, f"{field}__lt": end})


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None
