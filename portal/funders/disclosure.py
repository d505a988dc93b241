"""The disclosure sentence: who pays for the portal, or for an article, on a given day."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from babel.lists import format_list
from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, ngettext_lazy, to_locale
from django.utils.translation import gettext as _

from portal.core.content_cache import content_cached
from portal.core.models import site_settings
from portal.core.page_rows import on_every_page

from .models import Agreement, AgreementQuerySet

# Of one agreement: kind, name of the funder on the day, and what it gives in kind ("" for money).
Support = tuple[str, str, str]
# By the kinds that there are, in this order; lazy texts.
Sentences = Mapping[tuple[str, ...], Any]

SPONSORSHIP = Agreement.Kind.SPONSORSHIP
GRANT = Agreement.Kind.EDUCATIONAL_GRANT
IN_KIND = Agreement.Kind.IN_KIND

# Whole sentences, one for each combination of kinds: glued fragments cannot be translated.
_OF_THE_SITE: Sentences = {
    (): gettext_lazy(
        "%(site)s is an independent medical education platform. No company funds it at present."
    ),
    (SPONSORSHIP,): gettext_lazy(
        "%(site)s is an independent medical education platform, sponsored by %(sponsors)s."
    ),
    (GRANT,): gettext_lazy(
        "%(site)s is an independent medical education platform, supported through "
        "educational grants from %(grantors)s."
    ),
    (IN_KIND,): gettext_lazy(
        "%(site)s is an independent medical education platform, supported in kind by %(givers)s."
    ),
    (SPONSORSHIP, GRANT): gettext_lazy(
        "%(site)s is an independent medical education platform, sponsored by %(sponsors)s "
        "and supported through educational grants from %(grantors)s."
    ),
    (SPONSORSHIP, IN_KIND): gettext_lazy(
        "%(site)s is an independent medical education platform, sponsored by %(sponsors)s "
        "and supported in kind by %(givers)s."
    ),
    (GRANT, IN_KIND): gettext_lazy(
        "%(site)s is an independent medical education platform, supported through "
        "educational grants from %(grantors)s and in kind by %(givers)s."
    ),
    (SPONSORSHIP, GRANT, IN_KIND): gettext_lazy(
        "%(site)s is an independent medical education platform, sponsored by %(sponsors)s, "
        "supported through educational grants from %(grantors)s and supported in kind by "
        "%(givers)s."
    ),
}
_OF_AN_ARTICLE: Sentences = {
    (SPONSORSHIP,): gettext_lazy("This article was sponsored by %(sponsors)s."),
    (GRANT,): ngettext_lazy(
        "This article was supported through an educational grant from %(grantors)s.",
        "This article was supported through educational grants from %(grantors)s.",
        "grants",
    ),
    (IN_KIND,): gettext_lazy("This article was supported in kind by %(givers)s."),
    (SPONSORSHIP, GRANT): ngettext_lazy(
        "This article was sponsored by %(sponsors)s and supported through an educational grant "
        "from %(grantors)s.",
        "This article was sponsored by %(sponsors)s and supported through educational grants "
        "from %(grantors)s.",
        "grants",
    ),
    (SPONSORSHIP, IN_KIND): gettext_lazy(
        "This article was sponsored by %(sponsors)s and supported in kind by %(givers)s."
    ),
    (GRANT, IN_KIND): ngettext_lazy(
        "This article was supported through an educational grant from %(grantors)s and in kind "
        "by %(givers)s.",
        "This article was supported through educational grants from %(grantors)s and in kind "
        "by %(givers)s.",
        "grants",
    ),
    (SPONSORSHIP, GRANT, IN_KIND): ngettext_lazy(
        "This article was sponsored by %(sponsors)s, supported through an educational grant from "
        "%(grantors)s and supported in kind by %(givers)s.",
        "This article was sponsored by %(sponsors)s, supported through educational grants from "
        "%(grantors)s and supported in kind by %(givers)s.",
        "grants",
    ),
}


@dataclass(frozen=True, slots=True)
class FundingStatement:
    """What is said about money: up to three whole sentences, in plain text."""

    support: str
    influence: str
    order: str

    def __str__(self) -> str:
        return " ".join(part for part in (self.support, self.influence, self.order) if part)


def _agreements(on: date) -> AgreementQuerySet:
    return Agreement.objects.active_on(on).site_wide().in_order(on)


@on_every_page("kind", "name_on_day", "nature")
def _agreement_rows() -> AgreementQuerySet:
    return _agreements(timezone.localdate())


def funding_statement(on: date) -> FundingStatement:
    """Compose the site's statement that is true on ``on`` (1 query), by level, then by name."""
    rows: Any = _agreements(on)
    return _of_the_site(rows.values_list("kind", "name_on_day", "nature"))


@content_cached
def current_funding_statement() -> FundingStatement:
    """Return today's statement; remembered until a funder, an agreement or the day changes."""
    return _of_the_site(
        (row["kind"], row["name_on_day"], row["nature"]) for row in _agreement_rows()
    )


def article_funding_statement(supports: Iterable[Support]) -> FundingStatement:
    """Compose what an article says of the agreements made for it alone (0 queries).

    ``supports``: in the order of the day's levels and names; all parts are "" where there is none.
    """
    supports = list(supports)
    return _compose(_OF_AN_ARTICLE, supports) if supports else FundingStatement("", "", "")


def _of_the_site(supports: Iterable[Support]) -> FundingStatement:
    return _compose(_OF_THE_SITE, list(supports))


def _compose(sentences: Sentences, supports: list[Support]) -> FundingStatement:
    # A funder with two agreements of one kind is named once.
    names: dict[str, dict[str, None]] = {SPONSORSHIP: {}, GRANT: {}, IN_KIND: {}}
    for kind, name, nature in supports:
        given = _("%(funder)s (%(nature)s)") % {"funder": name, "nature": nature}
        names[kind][given if nature else name] = None
    support = sentences[tuple(kind for kind in names if names[kind])] % {
        "site": site_settings().name,
        "sponsors": name_list(names[SPONSORSHIP]),
        "grantors": name_list(names[GRANT]),
        "givers": name_list(names[IN_KIND]),
        "grants": Counter(kind for kind, *_rest in supports)[GRANT],
    }
    return FundingStatement(
        support=support,
        influence=_("Funders have no influence on our content.") if supports else "",
        order=(
            _("The order of names reflects the level of funding.")
            if any(len(of_kind) > 1 for of_kind in names.values())
            else ""
        ),
    )


def name_list(names: Iterable[str]) -> str:
    """Return ``names`` as a list in the active language: "A, B and C"; "" for none."""
    return format_list(list(names), locale=to_locale(get_language() or settings.LANGUAGE_CODE))
