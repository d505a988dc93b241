"""What stands about feedback beside an article's form at the desk."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from articles.models import Article


def survey_link(request: HttpRequest, article: Article) -> dict[str, str] | None:
    """Return the link to the article's survey, None for who may not see it (no query)."""
    if not request.user.has_perm("feedback.view_articlesurvey"):
        return None
    address = reverse("admin:feedback_article_survey", args=[article.pk])
    return {"label": _("Survey"), "url": address}
