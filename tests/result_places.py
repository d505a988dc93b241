"""The pages of results in the states that matter, for the gallery."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from articles.models import Article
from feedback.models import (
    NOT_APPLICABLE,
    HiddenComment,
    Impressions,
    Response,
    Statement,
    StatementWording,
    Survey,
    SurveyItem,
    SurveyVersion,
    Tally,
)
from feedback.models.tallies import ALL_READERS
from feedback.tallies import refresh
from portal.accounts.models import User
from portal.attestation.models import Reader
from portal.demo.users import STAFF
from tests.places import DESK_STAFF, Place

COMMENTS = (
    "Concise, and the forest plot was explained better than in the paper itself.",
    "I would have liked a word about patients over 80.\nOtherwise helpful for our tumour board.",
    "=1+1 is what my spreadsheet made of the table when I copied it. <b>Please</b> offer a file.",
    "My own patient from last week (Mr M., 62) had exactly this course.",
    "Too long for a train journey.",
)
# What the fourth says about a patient, nobody should read.
HIDDEN = 3
SHOWN = "hazard-ratio"
ASKED_OTHERWISE = "registries-and-randomised-trials"
SCALE = ["Not at all", "A little", "Somewhat", "Mostly", "Completely"]


def result_places(few: Article) -> list[Place]:
    """Let readers of one article write something; ``few`` is one that few answered about."""
    article = Article.objects.get(slug=SHOWN)
    _write(article)
    other = Article.objects.get(slug=ASKED_OTHERWISE)
    _ask_otherwise(other)
    # What Celery's beat does every minute.
    refresh()
    _show_the_survey()
    address = reverse("admin:feedback_results")

    def staff(name: str, status: int = 200, **filters: object) -> Place:
        query = f"?{urlencode(filters)}" if filters else ""
        return Place(name, f"{address}{query}", DESK_STAFF, status=status)

    month = f"{timezone.localdate().replace(day=1) - timedelta(days=1):%Y-%m}"
    return [
        staff("desk-results"),
        staff("desk-article-results", article=article.pk),
        staff("desk-article-results-few", article=few.pk),
        staff("desk-results-surveys", article=other.pk),
        staff("desk-results-readers", article=article.pk, readers="profession:physician"),
        staff("desk-results-month", month=month),
        staff("desk-results-filter-error", 400, article="curve", topic="x", month="2025-13"),
    ]


def _show_the_survey() -> None:
    """Have a survey seen by four times as many as answered it."""
    Impressions.objects.bulk_create(
        Impressions(
            article_id=row["article"],
            month=row["month"],
            shown=4 * row["answered"] + 7,
            started=row["answered"] + row["answered"] // 3,
            submitted=row["answered"],
        )
        for row in Tally.objects.filter(dimension=ALL_READERS)
        .values("article", "month")
        .annotate(answered=Sum("n"))
    )


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


def _ask_otherwise(article: Article) -> None:
    """Have two versions of another survey answered, which do not compare in one statement."""
    survey = Survey.objects.create(key="workshop", name="Workshop feedback")
    for number, (text, day) in enumerate(
        [("I could follow the argument", 70), ("I could explain the argument to a trainee", 40)], 1
    ):
        version = SurveyVersion.objects.create(survey=survey, number=number, labels=SCALE)
        for position, (key, wording) in enumerate(
            [("argument", text), ("pace", "The pace was right for me")], 1
        ):
            statement, _is_new = Statement.objects.get_or_create(survey=survey, key=key)
            worded, _is_new = StatementWording.objects.get_or_create(
                statement=statement,
                text=wording,
                defaults={"number": number},
            )
            SurveyItem.objects.create(
                version=version,
                wording=worded,
                position=position,
                allows_not_applicable=True,
            )
        version.published_at = timezone.now()
        version.save()
        _answer(article, version, timezone.now() - timedelta(days=day))


def _answer(article: Article, version: SurveyVersion, moment: datetime) -> None:
    readers = [Reader(profession="nurse", country="GB") for _reader in range(16)]
    Reader.objects.bulk_create(readers)
    Response.objects.bulk_create(
        Response(
            reader=reader,
            article=article,
            article_version_id=article.published_version_id,
            survey_version=version,
            levels=[2 + number % 4, NOT_APPLICABLE if number < 4 else 1 + number % 5],
            profession=reader.profession,
            country=reader.country,
            submitted_at=moment,
            updated_at=moment,
        )
        for number, reader in enumerate(readers)
    )
