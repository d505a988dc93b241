"""Which survey stands under an article."""

from django.db.models import Exists, OuterRef, QuerySet

from articles.models import Article
from feedback.models import ArticleSurvey, Survey, SurveyVersion

DEFAULT = "default"


def published_surveys() -> QuerySet[Survey]:
    """Return the surveys that may stand under an article, the default one first."""
    published = SurveyVersion.objects.filter(survey=OuterRef("pk"), published_at__isnull=False)
    return Survey.objects.filter(Exists(published)).order_by(
        # False sorts before true.
        Exists(Survey.objects.filter(pk=OuterRef("pk")).exclude(key=DEFAULT)),
        "name",
        "pk",
    )


def choose_survey(*, article: Article, survey: Survey) -> None:
    """Let ``survey`` stand under ``article``; choosing the default one takes any other away.

    Responses that are there stay with the survey that they answered.
    """
    if survey.key == DEFAULT:
        ArticleSurvey.objects.filter(article=article).delete()
    else:
        ArticleSurvey.objects.update_or_create(article=article, defaults={"survey": survey})
