"""Drafts of survey versions: from a copy of what readers see to what they will see next."""

import hashlib
import json
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from feedback.models import (
    DraftStatement,
    PublishedSurvey,
    Statement,
    StatementWording,
    Survey,
    SurveyItem,
    SurveyVersion,
)

from .changes import asked_so_far, changes_of, newest_published, problems_of

# What an editor may change of a draft's statement, and what tells whether somebody has.
FIELDS = (
    "statement_id",
    "key",
    "text",
    "is_comparable",
    "outcome",
    "speaks_of_objectives",
    "allows_not_applicable",
)


class DraftIsGone(Exception):  # noqa: N818 - it reads as what happened
    """Raised where the draft has been published or thrown away in the meantime."""


class DraftHasChanged(Exception):  # noqa: N818
    """Raised where somebody has changed the draft since the page was opened."""


class DraftIsIncomplete(Exception):  # noqa: N818
    """Raised where a draft cannot be published; ``problems`` says why, in sentences."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def draft_token(draft: SurveyVersion, statements: Sequence[DraftStatement]) -> str:
    """Return what a page remembers of the draft that it shows, to notice that it has changed."""
    content = [
        draft.pk,
        draft.labels,
        draft.comment_question,
        [[getattr(row, name) for name in FIELDS] for row in statements],
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


@transaction.atomic
def start_draft(survey: Survey) -> tuple[SurveyVersion, bool]:
    """Return the survey's draft and whether it is new: a copy of the newest published version.

    A survey has one draft at a time: whoever comes second gets that of the first.
    """
    Survey.objects.select_for_update(no_key=True).get(pk=survey.pk)
    if draft := survey.versions.filter(published_at__isnull=True).first():
        return draft, False
    last = survey.versions.aggregate(number=Max("number"))["number"] or 0
    draft = SurveyVersion(survey=survey, number=last + 1)
    newest = newest_published(survey)
    if newest is None:
        draft.save()
        return draft, True
    draft.labels, draft.comment_question = newest.labels, newest.comment_question
    draft.save()
    DraftStatement.objects.bulk_create(
        DraftStatement(
            version=draft,
            statement=item.wording.statement,
            position=position,
            key=item.wording.statement.key,
            text=item.wording.text,
            outcome=item.wording.statement.outcome,
            speaks_of_objectives=item.speaks_of_objectives,
            allows_not_applicable=item.allows_not_applicable,
        )
        for position, item in enumerate(newest.items.select_related("wording__statement"), 1)
    )
    return draft, True


@transaction.atomic
def save_draft(
    *,
    draft_id: int,
    token: str,
    statements: Sequence[DraftStatement],
    labels: Sequence[str],
    comment_question: str,
) -> SurveyVersion:
    """Put what an editor wrote in the place of the whole draft; ``statements`` in their order.

    Raises ``DraftIsGone``, and ``DraftHasChanged`` where ``token`` is that of another state.
    """
    draft, _stored = _lock(draft_id, token)
    draft.labels, draft.comment_question = list(labels), comment_question
    draft.save(update_fields=["labels", "comment_question"])
    draft.draft_statements.all().delete()
    for position, row in enumerate(statements, 1):
        row.version, row.position = draft, position
    DraftStatement.objects.bulk_create(statements)
    return draft


@transaction.atomic
def discard_draft(*, draft_id: int, token: str) -> None:
    """Throw the draft away. Raises ``DraftIsGone`` and ``DraftHasChanged``."""
    draft, _stored = _lock(draft_id, token)
    draft.delete()


@transaction.atomic
def publish_draft(*, draft_id: int, token: str) -> SurveyVersion:
    """Freeze the draft as what readers see from now on.

    Raises ``DraftIsGone``, ``DraftHasChanged`` and ``DraftIsIncomplete``. The database refuses
    every later change of the version.
    """
    # Exports order columns by the statements' numbers: surveys that are published at one time
    # wait for each other, so that no smaller number comes after a greater one.
    list(Survey.objects.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    draft, rows = _lock(draft_id, token)
    if problems := problems_of(draft, rows, changes_of(draft, rows)):
        raise DraftIsIncomplete(problems)
    for row in rows:
        SurveyItem.objects.create(
            version=draft,
            wording=_wording(row, draft.survey),
            position=row.position,
            speaks_of_objectives=row.speaks_of_objectives,
            allows_not_applicable=row.allows_not_applicable,
        )
    draft.draft_statements.all().delete()
    draft.published_at = timezone.now()
    draft.save(update_fields=["published_at"])
    return draft


def _lock(draft_id: int, token: str) -> tuple[SurveyVersion, list[DraftStatement]]:
    draft = (
        SurveyVersion.objects.select_for_update(of=("self",), no_key=True)
        .select_related("survey")
        .filter(pk=draft_id, published_at__isnull=True)
        .first()
    )
    if draft is None:
        raise DraftIsGone
    rows = list(draft.draft_statements.all())
    if draft_token(draft, rows) != token:
        raise DraftHasChanged
    return draft, rows


def _wording(row: DraftStatement, survey: Survey) -> StatementWording:
    """Return the wording that ``row`` asks: the same words again are the same wording."""
    statement = row.statement
    if statement is None:
        statement = Statement.objects.create(survey=survey, key=row.key, outcome=row.outcome)
    wordings = list(statement.wordings.order_by("-number"))
    for wording in wordings:
        if wording.text == row.text:
            return wording
    asked = asked_so_far([statement.pk]).get(statement.pk) if row.is_comparable else None
    return StatementWording.objects.create(
        statement=statement,
        number=wordings[0].number + 1 if wordings else 1,
        text=row.text,
        # What was asked last: not what is newest where an earlier wording had come back.
        follows=asked[0].wording if asked else None,
    )


def preview_survey(
    draft: SurveyVersion, statements: Sequence[DraftStatement]
) -> PublishedSurvey | None:
    """Return the draft as readers' form takes it, from memory; None where it asks nothing yet."""
    items = tuple(
        SurveyItem(
            # Any will do: items must be told apart, and each save of the draft makes new rows.
            pk=row.pk,
            position=row.position,
            version=draft,
            speaks_of_objectives=row.speaks_of_objectives,
            allows_not_applicable=row.allows_not_applicable,
            wording=StatementWording(
                text=row.text,
                statement=Statement(survey=draft.survey, key=row.key, outcome=row.outcome),
            ),
        )
        for row in statements
    )
    if not items:
        return None
    return PublishedSurvey(
        version_id=draft.pk,
        survey_id=draft.survey_id,
        items=items,
        labels=tuple(draft.labels),
        comment_question=draft.comment_question,
    )
