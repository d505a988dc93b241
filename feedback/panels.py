"""What the desk's start page says about feedback."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .results.ratings import latest_ratings, low_ratings

ITEMS = 5


def latest_results(request: HttpRequest) -> dict[str, Any] | None:
    """Return the newest articles whose figures are shown."""
    if not request.user.has_perm("feedback.view_results"):
        return None
    newest = [
        {
            "label": rating.title,
            "url": _results_of(rating.article_id),
            "note": ngettext("%(n)d reader answered", "%(n)d readers answered", rating.n)
            % {"n": rating.n},
        }
        for rating in latest_ratings(ITEMS)
    ]
    everything = {"label": _("All results and exports"), "url": reverse("admin:feedback_results")}
    return {"title": _("Latest results"), "items": [*newest, everything]}


def low_rated(request: HttpRequest) -> dict[str, Any] | None:
    """Return the articles that few readers agree with, where their figures are shown."""
    user = request.user
    may_see_results = user.has_perm("feedback.view_results")
    if not (may_see_results or user.has_perm("articles.change_article")):
        return None
    return {
        "title": _("Low ratings"),
        "items": [
            {
                "label": rating.title,
                "url": _results_of(rating.article_id)
                if may_see_results
                else reverse("admin:articles_article_change", args=[rating.article_id]),
                "note": _("%(percent)d %% of all answers agree (%(n)d readers)")
                % {"percent": rating.top_2_percent, "n": rating.n},
            }
            for rating in low_ratings(ITEMS)
        ],
        "empty": _("No article is rated low."),
    }


def _results_of(article_id: int) -> str:
    return f"{reverse('admin:feedback_results')}?article={article_id}"
