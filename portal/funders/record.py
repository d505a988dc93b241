"""The public record of who funded the site: what the page, the JSON and the CSV tell alike.

Nothing of it is a secret: no reference, no signed document, no trade name, nothing of an agreement
before its first day, and amounts only if the publisher has decided so.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from portal.core.content_cache import content_cached
from portal.core.models import site_settings

from .disclosure import name_list
from .models import Agreement, Funder, SupportLevel
from .supported import SupportedArticle, supported_articles


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementRecord:
    """An agreement as everybody may see it; ``name``: its funder's, today or on its last day."""

    pk: int
    funder: Funder
    name: str
    kind: str
    kind_label: str
    nature: str
    level: SupportLevel
    starts_on: date
    ends_on: date | None
    is_active: bool
    is_site_wide: bool
    purpose: str
    amount: Decimal | None
    currency: str
    articles: tuple[SupportedArticle, ...]

    @property
    def has_purpose(self) -> bool:
        """Whether there is more to say of it than that it is for the whole site."""
        return bool(self.purpose or self.nature or self.amount)


@dataclass(frozen=True, slots=True)
class YearEntry:
    """An agreement in a year; ``name``: what its funder was called then, changes included."""

    name: str
    agreement: AgreementRecord


@dataclass(frozen=True, slots=True)
class FundedYear:
    """Who funded the site at any time of a year, by level, then by name."""

    year: int
    entries: tuple[YearEntry, ...]


@content_cached
def funding_record() -> tuple[AgreementRecord, ...]:
    """Return all agreements that have begun, by level, then by name (3 queries when cold)."""
    today = timezone.localdate()
    begun = Agreement.objects.filter(starts_on__lte=today).in_order(today)
    articles = supported_articles()
    shows_amounts = site_settings().shows_amounts
    return tuple(
        AgreementRecord(
            pk=agreement.pk,
            funder=agreement.funder,
            name=agreement.funder.name_on(min(agreement.ends_on or today, today)),
            kind=agreement.kind,
            kind_label=agreement.get_kind_display(),
            nature=agreement.nature,
            level=agreement.level,
            starts_on=agreement.starts_on,
            ends_on=agreement.ends_on,
            is_active=agreement.is_active(today),
            is_site_wide=agreement.is_site_wide,
            purpose=agreement.purpose,
            amount=agreement.amount if shows_amounts else None,
            currency=agreement.currency if shows_amounts else "",
            articles=tuple(articles.get(agreement.pk, ())),
        )
        for agreement in begun.prefetch_related("funder__former_names")
    )


def funded_years(record: tuple[AgreementRecord, ...], today: date) -> list[FundedYear]:
    """Return the years of ``record``, the latest first, with who funded then (0 queries)."""
    if not record:
        return []
    first = min(agreement.starts_on for agreement in record).year
    return [_year(record, year, today) for year in range(today.year, first - 1, -1)]


def _year(record: tuple[AgreementRecord, ...], year: int, today: date) -> FundedYear:
    first_day, last_day = date(year, 1, 1), min(date(year, 12, 31), today)
    entries = [
        YearEntry(_names(agreement, first, last), agreement)
        for agreement in record
        if (first := max(agreement.starts_on, first_day))
        <= (last := min(agreement.ends_on or last_day, last_day))
    ]
    return FundedYear(
        year,
        tuple(sorted(entries, key=lambda entry: (entry.agreement.level.rank, entry.name.lower()))),
    )


def _names(agreement: AgreementRecord, first: date, last: date) -> str:
    """Return the funder's name on ``last``, and those that it gave up from ``first`` on."""
    name = agreement.funder.name_on(last)
    earlier = [
        _("%(name)s until %(day)s")
        % {"name": former.name, "day": date_format(former.last_day, "j F Y")}
        for former in agreement.funder.former_names.all()
        if first <= former.last_day < last
    ]
    if not earlier:
        return name
    return _("%(name)s (%(earlier)s)") % {"name": name, "earlier": name_list(earlier)}
