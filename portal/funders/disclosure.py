"""The disclosure sentence: who pays for the portal on a given day."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.utils import timezone
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from portal.core.content_cache import content_cached
from portal.core.models import site_settings
from portal.core.page_rows import on_every_page

from .models import Agreement, AgreementQuerySet


@dataclass(frozen=True, slots=True)
class FundingStatement:
    """What every page says about money: three whole sentences, in plain text."""

    support: str
    influence: str
    order: str

    def __str__(self) -> str:
        return " ".join(part for part in (self.support, self.influence, self.order) if part)


def _agreements(on: date) -> AgreementQuerySet:
    return Agreement.objects.active_on(on).site_wide().in_order(on)


@on_every_page("kind", "name_on_day")
def _agreement_rows() -> AgreementQuerySet:
    return _agreements(timezone.localdate())


def funding_statement(on: date) -> FundingStatement:
    """Compose the statement that is true on ``on`` (1 query), by level, then by name."""
    return _compose(_agreements(on).values_list("kind", "name_on_day"))


@content_cached
def current_funding_statement() -> FundingStatement:
    """Return today's statement; remembered until a funder, an agreement or the day changes."""
    return _compose((row["kind"], row["name_on_day"]) for row in _agreement_rows())


def _compose(agreements: Iterable[tuple[str, str]]) -> FundingStatement:
    """Compose the statement from kinds of agreements and funders' names, in their order."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for kind, name in agreements:
        by_kind[kind].append(name)
    sponsors = by_kind[Agreement.Kind.SPONSORSHIP]
    grantors = by_kind[Agreement.Kind.EDUCATIONAL_GRANT]
    names = {
        "site": site_settings().name,
        "sponsors": get_text_list(sponsors, _("and")),
        "grantors": get_text_list(grantors, _("and")),
    }
    # Whole sentences, one for each case: glued fragments cannot be translated.
    if sponsors and grantors:
        support = _(
            "%(site)s is an independent medical education platform, sponsored by %(sponsors)s "
            "and supported through educational grants from %(grantors)s."
        )
    elif sponsors:
        support = _(
            "%(site)s is an independent medical education platform, sponsored by %(sponsors)s."
        )
    elif grantors:
        support = _(
            "%(site)s is an independent medical education platform, supported through "
            "educational grants from %(grantors)s."
        )
    else:
        support = _(
            "%(site)s is an independent medical education platform. No company funds it at present."
        )
    return FundingStatement(
        support=support % names,
        influence=_("Funders have no influence on our content.") if sponsors or grantors else "",
        order=(
            _("The order of names reflects the level of funding.")
            if len(sponsors) > 1 or len(grantors) > 1
            else ""
        ),
    )
