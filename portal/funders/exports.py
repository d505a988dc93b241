"""The public record as JSON and as CSV; ``docs/funders-json.md`` describes both."""

import json
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.urls import reverse
from django.utils import timezone

from portal.core.content_cache import content_cached
from portal.core.models import site_settings
from portal.core.spreadsheets import as_csv

from .disclosure import current_funding_statement
from .models import Funder
from .record import AgreementRecord, funding_record

SCHEMA = 1
COLUMNS = (
    "agreement",
    "funder",
    "name",
    "former_names",
    "country",
    "website",
    "ror",
    "kind",
    "nature",
    "level_rank",
    "level",
    "starts_on",
    "ends_on",
    "in_force",
    "scope",
    "purpose",
    "articles",
    "amount",
    "currency",
)


@content_cached
def funders_json() -> bytes:
    """Return the record as a JSON document (0 queries once remembered)."""
    statement = current_funding_statement()
    agreements: dict[Funder, list[AgreementRecord]] = {}
    for agreement in funding_record():
        agreements.setdefault(agreement.funder, []).append(agreement)
    document = {
        "schema": SCHEMA,
        "url": settings.SITE_URL + reverse("funder_list"),
        "site": site_settings().name,
        "as_of": timezone.localdate(),
        "statement": str(statement),
        "amounts_are_public": site_settings().shows_amounts,
        "funders": [_funder(funder, theirs) for funder, theirs in agreements.items()],
    }
    text = json.dumps(document, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
    return text.encode() + b"\n"


def _funder(funder: Funder, agreements: list[AgreementRecord]) -> dict[str, Any]:
    return {
        "id": funder.pk,
        **_identity(funder),
        "former_names": [
            {"name": former.name, "last_day": former.last_day} for former in _former_names(funder)
        ],
        "agreements": [
            {
                **_terms(agreement),
                "level": {"rank": agreement.level.rank, "label": agreement.level.label},
                "articles": [
                    {"title": article.title, "url": article.url} for article in agreement.articles
                ],
                "amount": agreement.amount,
                "currency": agreement.currency or None,
            }
            for agreement in agreements
        ],
    }


def _identity(funder: Funder) -> dict[str, str]:
    return {
        # Today's: what a funder will be called is not yet so.
        "name": funder.name_on(timezone.localdate()),
        "country": funder.country.code or "",
        "website": funder.website,
        "ror": f"https://ror.org/{funder.ror_id}" if funder.ror_id else "",
    }


def _former_names(funder: Funder) -> list[Any]:
    today = timezone.localdate()
    return [former for former in funder.former_names.all() if former.last_day < today]


def _terms(agreement: AgreementRecord) -> dict[str, Any]:
    return {
        "id": agreement.pk,
        "kind": agreement.kind,
        "nature": agreement.nature,
        "starts_on": agreement.starts_on,
        "ends_on": agreement.ends_on,
        "in_force": agreement.is_active,
        "scope": "site" if agreement.is_site_wide else "articles",
        "purpose": agreement.purpose,
    }


@content_cached
def funders_csv() -> bytes:
    """Return the record as CSV, a row for each agreement (0 queries once remembered).

    Text that a spreadsheet would run as a formula has an apostrophe before it.
    """
    rows: list[list[object]] = [list(COLUMNS)]
    for agreement in funding_record():
        terms = _terms(agreement)
        former = _former_names(agreement.funder)
        row = {
            **_identity(agreement.funder),
            **terms,
            "agreement": terms["id"],
            "funder": agreement.funder.pk,
            "former_names": "; ".join(f"{name.name} ({name.last_day})" for name in former),
            "level_rank": agreement.level.rank,
            "level": agreement.level.label,
            "in_force": "yes" if agreement.is_active else "no",
            "articles": " ".join(article.url for article in agreement.articles),
            "amount": agreement.amount,
            "currency": agreement.currency,
        }
        rows.append([row[name] for name in COLUMNS])
    # With a mark of its encoding, without which spreadsheets guess another.
    return b"\xef\xbb\xbf" + as_csv(rows, line_end="\r\n").encode()
