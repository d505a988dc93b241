from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.core.paginator import InvalidPage, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.core.doors import public
from portal.core.http import private

from .forms import SearchForm
from .highlights import highlight
from .models import Article, topics_in_use
from .pages import latest_cards
from .search import (
    Filters,
    SearchResults,
    SearchTooSlowError,
    published_years,
    result_cards,
    search_articles,
    search_topics,
)

PER_PAGE = 10
LATEST_WHEN_NOTHING_IS_FOUND = 3


@public
@private
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Search what is published (4 queries when warm; none without a question).

    Only attested readers are shown words of the articles' text.
    """
    form = SearchForm(request.GET, auto_id="search-%s")
    text, filters = form.searched()
    context: dict[str, object] = {"form": form, "query": text, "topics": topics_in_use()}
    if text:
        try:
            results = search_articles(text, filters)
        except SearchTooSlowError:
            form.add_error(None, _("This search took too long. Try fewer or rarer words."))
        else:
            context |= _found(request, text, filters, results)
    return render(request, "articles/search.html", context)


def _found(
    request: HttpRequest, text: str, filters: Filters, results: SearchResults
) -> dict[str, object]:
    try:
        page = Paginator(results.ids, PER_PAGE).page(request.GET.get("page", 1))
    except InvalidPage as error:
        raise Http404 from error
    cards = result_cards(list(page))
    is_attested = getattr(request, "attested_reader", None) is not None
    return {
        "results": results,
        "count": len(results.ids),
        "count_label": f"{len(results.ids):,}",
        "hits": highlight(cards, text, with_text=is_attested),
        "page_obj": page,
        "query_string": _address(text, filters).removeprefix("?") + "&",
        "hidden_fields": _fields(filters),
        "active": list(_active(text, filters)),
        "groups": [group for group in _groups(text, filters, results) if group.choices],
        "latest": [] if cards else latest_cards(0, LATEST_WHEN_NOTHING_IS_FOUND),
    }


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a filter: the address narrows the search to it, or lifts it."""

    label: str
    address: str
    count: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    name: str  # of the form's field
    label: str
    choices: list[Choice]


def _fields(filters: Filters) -> dict[str, str]:
    fields = {
        "topic": filters.topic.slug if filters.topic else "",
        "type": filters.type,
        "year": str(filters.year or ""),
    }
    return {name: value for name, value in fields.items() if value}


def _address(text: str, filters: Filters) -> str:
    return "?" + urlencode({"q": text, **_fields(filters)})


def _active(text: str, filters: Filters) -> Iterator[Choice]:
    """Yield the filters that are on, each with the address without it."""
    if filters.topic:
        yield Choice(filters.topic.name, _address(text, replace(filters, topic=None)))
    if filters.type:
        label = str(Article.Type(filters.type).label)
        yield Choice(label, _address(text, replace(filters, type="")))
    if filters.year:
        yield Choice(str(filters.year), _address(text, replace(filters, year=None)))


def _groups(text: str, filters: Filters, results: SearchResults) -> Iterator[Group]:
    """Yield what narrows the search further, with counts.

    Behind a capped result may be values that no candidate has: they are offered without a count.
    """

    def choice(label: str, narrowed: Filters, count: int) -> list[Choice]:
        if not count and not results.is_capped:
            return []
        shown = f"{count:,}{'+' if results.is_capped else ''}" if count else ""
        return [Choice(label, _address(text, narrowed), shown)]

    within = filters.topic
    topics: list[Choice] = []
    for topic in search_topics().values():
        if within is None or (topic.id in within.family and topic.id != within.id):
            narrowed = replace(filters, topic=topic)
            topics += choice(topic.name, narrowed, results.topics[topic.id])
    yield Group("topic", _("Topic"), topics)
    types: list[Choice] = []
    if not filters.type:
        for value, label in Article.Type.choices:
            types += choice(str(label), replace(filters, type=value), results.types[value])
    yield Group("type", _("Type"), types)
    years: list[Choice] = []
    if not filters.year:
        known = published_years() if results.is_capped else sorted(results.years, reverse=True)
        for year in known:
            years += choice(str(year), replace(filters, year=year), results.years[year])
    yield Group("year", _("Year"), years)
