"""The portal's default survey, made after migrating so that a flush cannot lose it."""

from typing import Any

from django.apps import AppConfig
from django.db import transaction
from django.utils import timezone

# The customer's four statements, word for word. Keys name columns of exports: never change them.
STATEMENTS = (
    ("clear", "The content was clear and easy to understand"),
    ("objectives", "The content addressed the learning objectives"),
    ("relevant", "The content was relevant to my practice"),
    ("change", "I will change my clinical practice as a result of this content"),
)


def make_default_survey(sender: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Create version 1 of the default survey where there is none; idempotent."""
    from .models import Outcome, Statement, StatementWording, Survey, SurveyItem, SurveyVersion

    # All or nothing: a survey without its version would look as if it were already made.
    with transaction.atomic(using=using):
        survey, created = Survey.objects.using(using).get_or_create(
            key="default", defaults={"name": "Article feedback"}
        )
        if not created:
            return
        version = SurveyVersion.objects.using(using).create(survey=survey, number=1)
        for position, (key, text) in enumerate(STATEMENTS, 1):
            statement = Statement.objects.using(using).create(
                survey=survey,
                key=key,
                outcome=Outcome.INTENTION if key == "change" else Outcome.SATISFACTION,
            )
            wording = StatementWording.objects.using(using).create(statement=statement, text=text)
            SurveyItem.objects.using(using).create(
                version=version,
                wording=wording,
                position=position,
                speaks_of_objectives=key == "objectives",
            )
        version.published_at = timezone.now()
        version.save()
