"""The pages of results in the states that matter, for the gallery."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from articles.models import Article
from feedback.models import HiddenComment, Response
from portal.accounts.models import User
from portal.demo.users import STAFF
from tests.places import DESK_STAFF, Place

COMMENTS = (
    "Concise, and the forest plot was explained better than in the paper itself.",
    "I would have liked a word about patients over 80.\nOtherwise very helpful for our tumour board.",
    "=1+1 is what my spreadsheet made of the table when I copied it. <b>Please</b> offer a file.",
    "My own patient from last week (Mr M., 62) had exactly this course.",
    "Too long for a train journey.",
)
# What the fourth says about a patient, nobody should read.
HIDDEN = 3


def result_places(article: Article, few: Article) -> list[Place]:
    """Let readers of ``article`` write something; ``few`` is one that few answered about."""
    _write(article)
    address = reverse("admin:feedback_results")

    def staff(name: str, status: int = 200, **filters: object) -> Place:
        query = f"?{urlencode(filters)}" if filters else ""
        return Place(name, f"{address}{query}", DESK_STAFF, status=status)

    busy = _busiest_month(article)
    return [
        staff("desk-results"),
        staff("desk-article-results", article=article.pk),
        staff("desk-article-results-few", article=few.pk),
        staff("desk-results-readers", article=article.pk, readers="profession:nurse"),
        staff("desk-results-month", month=f"{busy:%Y-%m}"),
        staff("desk-results-filter-error", 400, article="confidence", month="2025-13"),
    ]


def _write(article: Article) -> None:
    answered = Response.objects.filter(article=article).order_by("submitted_at", "pk")
    for response, comment in zip(answered[: len(COMMENTS)], COMMENTS, strict=True):
        response.comment = comment
        response.save(update_fields=["comment"])
        if comment == COMMENTS[HIDDEN]:
            HiddenComment.objects.create(
                response=response,
                reason="Tells of a patient",
                hidden_by=User.objects.get(email=STAFF.email),
            )


def _busiest_month(article: Article) -> datetime:
    """Return a day of the closed month in which the demo's first article was answered most."""
    first = Response.objects.filter(article=article).earliest("submitted_at").submitted_at
    return min(first + timedelta(days=5), timezone.now() - timedelta(days=31))
