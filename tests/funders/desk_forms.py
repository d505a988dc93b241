"""What the desk's forms of funders and agreements post, and what they answer."""

import datetime

from django.urls import reverse

from portal.funders.models import Agreement, Funder, SupportLevel


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def change(thing: Funder | Agreement) -> str:
    return reverse(f"admin:funders_{thing._meta.model_name}_change", args=[thing.pk])


def funder_form(**fields: object) -> dict[str, object]:
    """Return what the form of a funder posts; ``former=[{…}]`` fills rows that are new."""
    data: dict[str, object] = {"name": "Ada", "country": "", "website": "", "ror_id": ""}
    for prefix in ("agreements", "former_names", "trade_names", "product_sites"):
        rows = fields.pop(prefix, [])
        data |= {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": 0}
        for number, row in enumerate(rows):
            data |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return data | fields


def agreement_form(funder: Funder, **fields: object) -> dict[str, object]:
    level = SupportLevel.objects.get(rank=1)
    return {
        "funder": funder.pk,
        "kind": "sponsorship",
        "level": level.pk,
        "starts_on": "2026-01-01",
        "is_site_wide": "on",
    } | fields


def errors(response) -> str:
    assert response.status_code == 200
    form = response.context["adminform"].form
    rows = [str(formset.formset.errors) for formset in response.context["inline_admin_formsets"]]
    return f"{form.errors} {rows}"
