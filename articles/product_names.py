"""Funders' trade names and sites in an article: independent content advertises nothing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from portal.core.rich_text import plain_text
from portal.funders.models import Funder, ProductSite, TradeName

from .models import Article, Overruling
from .references import reference_links

_HREF = re.compile(r'\shref="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Hit:
    """A trade name, or a link, and where in the form it stands (see ``blocks.Block``)."""

    rule: Overruling.Rule
    found: str  # in small letters, as an overruling names it
    field: str

    @property
    def anchor(self) -> str:
        """The id of the element on the article's form in the admin."""
        return self.field if "-" in self.field else f"id_{self.field}"


def product_hits(article: Article) -> list[Hit]:
    """Return what nobody has overruled, each once per place (at most 7 queries)."""
    overruled = set(article.overrulings.values_list("rule", "found"))
    hits = dict.fromkeys([*_trade_names(article), *_links(article)])
    return [hit for hit in hits if (hit.rule, hit.found) not in overruled]


def _trade_names(article: Article) -> Iterator[Hit]:
    names = {name.casefold() for name in TradeName.objects.values_list("name", flat=True)}
    if not names:
        return
    longest_first = sorted(names, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
    for field, text in _texts(article):
        for found in pattern.findall(" ".join(text.casefold().split())):
            yield Hit(Overruling.Rule.TRADE_NAME, found, field)


def _links(article: Article) -> Iterator[Hit]:
    websites = Funder.objects.exclude(website="").values_list("website", flat=True)
    hosts = {_host(website) for website in websites}
    hosts |= set(ProductSite.objects.values_list("host", flat=True))
    hosts = {host.removeprefix("www.") for host in hosts if host}
    for field, url in _urls(article):
        host = _host(url)
        if any(host == one or host.endswith(f".{one}") for one in hosts):
            yield Hit(Overruling.Rule.LINK, url.lower(), field)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _texts(article: Article) -> Iterator[tuple[str, str]]:
    """Yield every text that readers or subscribers see; names of sources are not the article's."""
    for field in ("title", "summary", "intended_audience", "ai_statement"):
        yield field, getattr(article, field)
    for row, objective in enumerate(article.objectives.all()):
        yield f"objectives-{row}", objective.text
    for row, section in enumerate(article.sections.all()):
        parts = (section.heading, plain_text(section.body), section.alt, section.credit)
        yield f"sections-{row}", "\n".join(parts)
    for row, abbreviation in enumerate(article.abbreviations.all()):
        yield f"abbreviations-{row}", abbreviation.long


def _urls(article: Article) -> Iterator[tuple[str, str]]:
    for row, section in enumerate(article.sections.all()):
        for url in _HREF.findall(section.body):
            yield f"sections-{row}", url
    for row, reference in enumerate(article.references.all()):
        for _label, url in reference_links(reference.csl):
            yield f"references-{row}", url
