from collections.abc import Sequence
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from feedback.forms import SurveyForm
from feedback.impressions import countable_article
from feedback.models import current_survey_version
from portal.core.content_cache import content_cached

register = template.Library()


@content_cached
def statement_fields(
    article_id: int, version_id: int | None, objectives: tuple[str, ...]
) -> SafeString:
    """Return the form's fields as HTML: the same for everybody, nothing preselected."""
    form = SurveyForm(
        survey=current_survey_version(article_id),
        article_id=article_id,
        article_version_id=version_id or 0,
        objectives=objectives,
    )
    return render_to_string("feedback/_statements.html", {"form": form})


@register.inclusion_tag("feedback/_survey_form.html", takes_context=True)
def survey_form(
    context: template.Context,
    *,
    slug: str,
    article_id: int,
    version_id: int | None,
    objectives: Sequence[str] = (),
) -> dict[str, Any]:
    """Show the survey under an article (0 queries once remembered).

    ``version_id``: the published version on the page; None in an editor's preview, where nothing
    can be sent. ``objectives``: the learning objectives of what is on the page.
    """
    visitor = context.get("visitor")
    return {
        "slug": slug,
        "fields": statement_fields(article_id, version_id, tuple(objectives)),
        "is_preview": version_id is None,
        # Staff look at articles for other reasons than readers do.
        "countable": "" if visitor and visitor.is_staff else countable_article(article_id),
    }
