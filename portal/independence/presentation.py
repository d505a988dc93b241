"""A report in words: the facts, with keys resolved to what they are called today."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from articles.disclosures import disclosure_text
from articles.labels import label_of
from articles.models import (
    Article,
    ArticleAuthor,
    ArticleVersion,
    Overruling,
    RelevanceAssessment,
    Verb,
)
from portal.accounts.models import User
from portal.core.models import site_settings
from portal.funders.models import Agreement, SupportLevel
from portal.people.models import FinancialRelationship, Person

from .report import Facts


def shown_report(facts: Facts) -> dict[str, Any]:
    """Return what the page of a report shows (5 queries; 4 unless amounts are public).

    Keys: ``agreements``, ``versions``, ``steps``, ``assessments``, ``overrulings``, ``audits``,
    each a list of objects of words and dates, and ``shows_amounts``.
    """
    names = _Names(facts)
    shows_amounts = site_settings().shows_amounts
    amounts = _amounts(facts) if shows_amounts else {}
    return {
        "shows_amounts": shows_amounts,
        "agreements": [
            {
                "names": _(", then ").join(one["names"]),
                "kind": label_of(Agreement.Kind, one["kind"]),
                "nature": one["nature"],
                "rank": one["level"],
                "level": names.levels.get(one["level"], ""),
                "starts_on": _day(one["starts_on"]),
                "ends_on": _day(one["ends_on"]),
                "purpose": one["purpose"] or _("the whole site"),
                "amount": amounts.get(one["agreement"], ""),
            }
            for one in facts["agreements"]
        ],
        "versions": [_version(one, names) for one in facts["versions"]],
        "steps": [
            {
                "article": names.article(one["article"]),
                "what": label_of(Verb, one["verb"]),
                "at": _moment(one["at"]),
                "who": names.account(one["account"]),
                "version": one["version"],
                "comment": one["comment"],
            }
            for one in facts["steps"]
        ],
        "assessments": [_assessment(one, names) for one in facts["assessments"]],
        "overrulings": [
            {
                "article": names.article(one["article"]),
                "rule": label_of(Overruling.Rule, one["rule"]),
                "found": one["found"],
                "reason": one["reason"],
                "at": _moment(one["overruled_at"]),
                "who": names.account(one["overruled_by"]),
            }
            for one in facts["overrulings"]
        ],
        "audits": _audits(facts, names),
    }


class _Names:
    """What the keys of a report are called today (4 queries)."""

    def __init__(self, facts: Facts) -> None:
        findings = [audit["findings"] for audit in facts["audits"]]
        accounts = {
            *(one["account"] for one in facts["steps"]),
            *(one["assessed_by"] for one in facts["assessments"]),
            *(one["overruled_by"] for one in facts["overrulings"]),
            *(pk for one in findings for pk in (*one["both_duties"], *one["superusers"])),
        }
        for version in facts["versions"]:
            accounts |= {version["published_by"], version["approved_by"], *version["written_by"]}
        self._accounts = User.objects.in_bulk([pk for pk in accounts if pk is not None])
        self._people = Person.objects.in_bulk({one["person"] for one in facts["assessments"]})
        parts = ("versions", "steps", "assessments", "overrulings")
        self._articles = Article.objects.only("title").in_bulk(
            {one["article"] for part in parts for one in facts[part]}
        )
        self.levels = dict(SupportLevel.objects.values_list("rank", "label"))

    def account(self, key: int | None) -> str:
        if key is None:
            return _("the portal itself")
        return str(self._accounts.get(key) or _("account %d") % key)

    def accounts(self, keys: Iterable[int]) -> str:
        return ", ".join(self.account(key) for key in keys)

    def person(self, key: int) -> str:
        return str(self._people[key])

    def article(self, key: int) -> Article:
        return self._articles[key]


def _amounts(facts: Facts) -> dict[int, str]:
    agreements = Agreement.objects.filter(
        pk__in=[one["agreement"] for one in facts["agreements"]], amount__isnull=False
    )
    return {
        pk: f"{currency} {number_format(amount, 2, force_grouping=True)}"
        for pk, currency, amount in agreements.values_list("pk", "currency", "amount")
        if amount is not None
    }


def _version(version: Facts, names: _Names) -> dict[str, Any]:
    funding = version["funding"]
    return {
        "title": version["title"],
        "article": version["article"],
        "number": version["number"],
        "at": _moment(version["published_at"]),
        "kind": label_of(ArticleVersion.Kind, version["kind"]),
        "notice": version["notice"],
        "authors": ", ".join(version["authors"]),
        "contributors": [
            (label_of(ArticleAuthor.Contribution, one["contribution"]), one["name"])
            for one in version["contributors"]
        ],
        "written_by": names.accounts(version["written_by"]),
        "approved_by": names.account(version["approved_by"]),
        "approver": ", ".join(
            one["name"] for one in version["disclosures"] if one.get("is_approver")
        ),
        "approved_at": _moment(version["approved_at"]),
        "published_by": names.account(version["published_by"]),
        "content_sha256": version["content_sha256"],
        "statement": funding["statement"],
        "support": ", ".join(one["name"] for one in funding["restricted"]),
        "disclosures": [
            {
                "name": one["name"],
                "text": disclosure_text(one),
                "declared_on": _day(one["declared_on"]),
            }
            for one in version["disclosures"]
        ],
    }


def _assessment(assessment: Facts, names: _Names) -> dict[str, Any]:
    return {
        "article": names.article(assessment["article"]),
        "person": names.person(assessment["person"]),
        "company": assessment["company"],
        "nature": label_of(FinancialRelationship.Nature, assessment["nature"]),
        "is_relevant": assessment["is_relevant"],
        "reason": assessment["reason"],
        "mitigation": label_of(RelevanceAssessment.Mitigation, assessment["mitigation"]),
        "details": assessment["mitigation_details"],
        "mitigated_on": _day(assessment["mitigated_on"]),
        "at": _moment(assessment["assessed_at"]),
        "who": names.account(assessment["assessed_by"]),
    }


def _audits(facts: Facts, names: _Names) -> dict[str, Any]:
    """Return how many nights were audited, and spans of days on which the same was found."""
    spans: list[dict[str, Any]] = []
    for audit in facts["audits"]:
        if spans and spans[-1]["findings"] == audit["findings"]:
            spans[-1]["last"] = _day(audit["day"])
            continue
        found = audit["findings"]
        spans.append(
            {
                "findings": found,
                "first": _day(audit["day"]),
                "last": _day(audit["day"]),
                "both_duties": names.accounts(found["both_duties"]),
                "superusers": names.accounts(found["superusers"]),
                "approved_by_writer": len(found["approved_by_writer"]),
            }
        )
    return {"count": len(facts["audits"]), "spans": spans}


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


def _moment(value: str | None) -> datetime | None:
    return timezone.localtime(datetime.fromisoformat(value)) if value else None
