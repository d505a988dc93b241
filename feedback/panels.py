"""What the desk's start page says about feedback."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .results import MIN_PEOPLE, articles_with_responses, low_ratings

ITEMS = 5


def latest_results(request: HttpRequest) -> dict[str, Any] | None:
    """Return the newest articles that enough readers answered about (1 query)."""
    if not request.user.has_perm("feedback.view_results"):
        return None
    newest = [
        {
            "label": article.title,
            "url": reverse("admin:feedback_article_results", args=[article.pk]),
            "note": ngettext("%(n)d reader answered", "%(n)d readers answered", article.n)
            % {"n": article.n},
        }
        for article in articles_with_responses().filter(n__gte=MIN_PEOPLE)[:ITEMS]
    ]
    everything = {"label": _("All results and exports"), "url": reverse("admin:feedback_results")}
    return {"title": _("Latest results"), "items": [*newest, everything]}


def low_rated(request: HttpRequest) -> dict[str, Any] | None:
    """Return the articles that few readers agree with, where enough have answered (1 query)."""
    user = request.user
    may_see_results = user.has_perm("feedback.view_results")
    if not (may_see_results or user.has_perm("articles.change_article")):
        return None
    address = (
        "admin:feedback_article_results" if may_see_results else "admin:articles_article_change"
    )
    return {
        "title": _("Low ratings"),
        "items": [
            {
                "label": rating.title,
                "url": reverse(address, args=[rating.article_id]),
                "note": _("%(percent)d %% agree (%(n)d readers)")
                % {"percent": rating.top_2_percent, "n": rating.n},
            }
            for rating in low_ratings()[:ITEMS]
        ],
        "empty": _("No article is rated low."),
    }
