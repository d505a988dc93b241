"""What no page, e-mail or export may hold: a funder's trade name, its logo, a link to it."""

import re
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from django.utils.text import slugify

from portal.funders.models import FormerName, Funder, ProductSite, TradeName

OWN_HOSTS = {"", "testserver"}
PICTURES = {"img", "source", "svg", "use", "image", "object", "embed", "video", "link", "input"}
_URL = re.compile(r"url\(\s*[\"']?([^\"')]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Funders:
    """What to look for, in small letters."""

    names: frozenset[str]  # legal ones: text may hold them, a picture may not
    trade_names: frozenset[str]
    hosts: frozenset[str]

    @classmethod
    def all(cls) -> "Funders":
        names = [*_values(Funder, "name"), *_values(FormerName, "name")]
        hosts = [urlsplit(site).hostname or "" for site in _values(Funder, "website")]
        return cls(
            names=frozenset({*names, *(slugify(name) for name in names)}),
            trade_names=frozenset(_values(TradeName, "name")),
            hosts=frozenset(
                host.removeprefix("www.")
                for host in [*hosts, *_values(ProductSite, "host")]
                if host
            ),
        )

    def advertisements(self, body: str, *, is_html: bool, may_link: bool = False) -> list[str]:
        """Return what in ``body`` is a funder's; ``may_link``: a link to a website is none."""
        found = [f"trade name {name}" for name in self._trade_names(unescape(body))]
        if is_html:
            found += _Pictures(body, self, may_link).found
        elif not may_link:
            found += [f"site {host}" for host in sorted(self.hosts) if host in body.lower()]
        return found

    def _trade_names(self, text: str) -> list[str]:
        text = " ".join(text.lower().split())
        return [
            name
            for name in sorted(self.trade_names)
            if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
        ]

    def is_site(self, url: str) -> bool:
        host = urlsplit(url).hostname or ""
        return any(host == one or host.endswith(f".{one}") for one in self.hosts)

    def names_one(self, text: str) -> bool:
        return any(name in text.lower() for name in self.names | self.trade_names)


class _Pictures(HTMLParser):
    """Collects pictures that name a funder or come from elsewhere, and links to a funder."""

    def __init__(self, html: str, funders: Funders, may_link: bool) -> None:
        super().__init__()
        self.found: list[str] = []
        self._funders, self._may_link = funders, may_link
        self._depth = 0  # within <svg>
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "svg" or self._depth:
            self._depth += tag not in {"img", "source", "input", "link"}
        if tag in {"a", "area"} and self._funders.is_site(given.get("href", "")):
            if not self._may_link:
                self.found.append(f"link {given['href']}")
        elif tag in PICTURES or self._depth:
            self._look_at(tag, given)
        for url in _URL.findall(given.get("style", "")):
            self._look_at("style", {"src": url})

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        self._depth -= bool(self._depth)

    def handle_endtag(self, tag: str) -> None:
        self._depth -= bool(self._depth)

    def handle_data(self, data: str) -> None:
        if self._depth and self._funders.names_one(data):
            self.found.append(f"drawing {data.strip()}")
        for url in _URL.findall(data):
            self._look_at("style", {"src": url})

    def _look_at(self, tag: str, given: dict[str, str]) -> None:
        is_picture = (
            tag not in {"link", "input"}
            or "icon" in given.get("rel", "")
            or (given.get("type") == "image")
        )
        if not is_picture:
            return
        urls = [given.get(name, "") for name in ("src", "href", "data", "poster", "xlink:href")]
        urls += [part.split()[0] for part in given.get("srcset", "").split(",") if part.strip()]
        foreign = [
            url
            for url in urls
            if urlsplit(url).scheme != "data" and (urlsplit(url).hostname or "") not in OWN_HOSTS
        ]
        self.found += [f"picture {url}" for url in foreign]
        if any(self._funders.names_one(value) for value in given.values()):
            self.found.append(f"picture {sorted(given.items())}")


def _values(model: Any, field: str) -> list[str]:
    return [value.lower() for value in model.objects.values_list(field, flat=True) if value]
