"""What the desk's start page says about feedback."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .results import MIN_PEOPLE, articles_with_responses

ITEMS = 5


def latest_results(request: HttpRequest) -> dict[str, Any] | None:
    """Return the newest articles that enough readers answered about (1 query)."""
    if not request.user.has_perm("feedback.view_results"):
        return None
    newest = [
        {
            "label": article.title,
            "url": reverse("admin:feedback_article_results", args=[article.pk]),
            "note": ngettext("%(n)d response", "%(n)d responses", article.n) % {"n": article.n},
        }
        for article in articles_with_responses().filter(n__gte=MIN_PEOPLE)[:ITEMS]
    ]
    everything = {"label": _("All results and exports"), "url": reverse("admin:feedback_results")}
    return {"title": _("Survey results"), "items": [*newest, everything]}
