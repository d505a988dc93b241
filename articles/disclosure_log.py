"""The public change log of an article's disclosures: as of each version, and as of today."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.core.doors import public
from portal.funders.disclosure import current_funding_statement

from .addresses import led_on
from .disclosures import declared_facts, disclosure_text, valid_disclosures
from .models import ArticleVersion


@dataclass(frozen=True, slots=True)
class Entry:
    """What was true of one version, or is true now (``number`` None)."""

    number: int | None
    at: datetime
    funding: str
    people: list[dict[str, Any]]  # name, text, declared_on, before (if it was something else)
    is_funding_changed: bool
    gone: list[str]  # names that no longer stand here


@public
@led_on
@require_safe
def article_disclosures(request: HttpRequest, slug: str) -> HttpResponse:
    """Show whoever asks what was disclosed with each version, the latest first (2 queries).

    Also of a withdrawn article: money is not what a withdrawal hides.
    """
    fields = ("number", "published_at", "document__disclosures", "document__funding")
    rows = ArticleVersion.objects.filter(article__slug=slug).order_by("number").values(*fields)
    versions: list[Any] = list(rows)
    latest = (
        ArticleVersion.objects.filter(article__slug=slug)
        .annotate(disclosed_now=valid_disclosures(timezone.localdate()))
        .values("document__title", "disclosed_now")
        .order_by("-number")
        .first()
    )
    if latest is None:
        raise Http404
    entries = [
        (row["number"], row["published_at"], row["document__funding"], row["document__disclosures"])
        for row in versions
    ]
    entries.append((None, timezone.now(), None, _today(versions[-1], latest["disclosed_now"])))
    return render(
        request,
        "articles/disclosures.html",
        {"title": latest["document__title"], "slug": slug, "entries": _log(entries)},
    )


def _today(version: Any, disclosed_now: list[dict[str, Any]]) -> list[dict[str, Any]]:
    latest = {row["slug"]: row for row in disclosed_now}
    nothing = {"has_none": False, "relationships": []}
    return [
        {**person, "declared_on": None, **latest.get(person["slug"], nothing)}
        for person in version["document__disclosures"]
    ]


def _log(entries: list[Any]) -> list[Entry]:
    """Return the entries, the latest first, each with what it changed."""
    log: list[Entry] = []
    earlier: dict[str, Any] = {}
    money = ""
    for number, at, funding, disclosures in entries:
        shown = str(current_funding_statement()) if funding is None else funding["statement"]
        people = [
            {
                "name": person["name"],
                "text": disclosure_text(person),
                "before": _before(earlier.get(person["slug"]), person),
                "declared_on": _day(person["declared_on"]),
            }
            for person in disclosures
        ]
        present = {person["slug"]: person for person in disclosures}
        gone = [person["name"] for slug, person in earlier.items() if slug not in present]
        log.append(Entry(number, at, shown, people, bool(log) and shown != money, gone))
        earlier, money = present, shown
    return log[::-1]


def _before(earlier: Any, person: Any) -> str:
    """Return what the person said the last time, if that was something else."""
    if earlier is None or _said(earlier) == _said(person):
        return ""
    return disclosure_text(earlier)


def _said(person: Any) -> Any:
    return declared_facts(person), person["has_none"]


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None
