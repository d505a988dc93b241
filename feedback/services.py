"""Writes with several effects."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from articles.models import Article
from portal.attestation.models import Reader

from .models import HiddenComment, Response, ResponseHistory
from .results.selection import open_month
from .tallies import note_meeting

# What an answer consists of, in a response and in its history (ResponseBase).
ANSWER = (
    "levels",
    "comment",
    "survey_version_id",
    "article_version_id",
    "profession",
    "specialty",
    "country",
)


# The whole of a first answer in one statement, so in one round trip and one commit. The lock makes
# it wait for whoever joins two readers; a response that is there already stays as it is.
_FIRST_ANSWER = """
    WITH reader AS (
        SELECT id, profession, specialty, country FROM attestation_reader
        WHERE id = %(reader)s FOR NO KEY UPDATE
    )
    INSERT INTO feedback_response (reader_id, article_id, survey_version_id, article_version_id,
        levels, comment, profession, specialty, country, submitted_at, updated_at)
    SELECT id, %(article)s, %(survey_version)s, %(article_version)s, %(levels)s::smallint[],
        %(comment)s, profession, specialty, country, %(now)s, %(now)s
    FROM reader
    ON CONFLICT (reader_id, article_id) DO NOTHING
"""


def save_response(
    *,
    reader_id: UUID,
    article: Article,
    article_version_id: int,
    survey_version_id: int,
    levels: Sequence[int],
    comment: str = "",
) -> None:
    """Keep what a reader answers about an article: one response, however often it is sent.

    ``levels``: 1 to 5 or NOT_APPLICABLE, in the order of the survey version's items. A changed
    answer moves the one before it to the history; an identical one changes nothing. 1 query for a
    first answer. Raises ``Reader.DoesNotExist`` for a reader whom the database does not know.
    """
    answer = Response(
        article=article,
        article_version_id=article_version_id,
        survey_version_id=survey_version_id,
        levels=list(levels),
        comment=comment,
    )
    # What was there may be given to another reader before it is changed: then ours is the first.
    while not (_keep_first(reader_id, answer) or _change(reader_id, answer)):
        pass


def _keep_first(reader_id: UUID, answer: Response) -> bool:
    """Keep ``answer`` if the reader has none about the article; say whether it was kept."""
    with connection.cursor() as cursor:
        cursor.execute(
            _FIRST_ANSWER,
            {
                "reader": reader_id,
                "article": answer.article_id,
                "survey_version": answer.survey_version_id,
                "article_version": answer.article_version_id,
                "levels": answer.levels,
                "comment": answer.comment,
                "now": timezone.now(),
            },
        )
        return bool(cursor.rowcount == 1)


@transaction.atomic
def _change(reader_id: UUID, answer: Response) -> bool:
    """Let ``answer`` stand in the place of the reader's own, if it says something else.

    Returns whether there was one.
    """
    # The lock makes a double click, or fifty, wait in line.
    reader = Reader.objects.select_for_update(no_key=True).get(pk=reader_id)
    response = Response.objects.filter(reader=reader, article=answer.article_id).first()
    if response is None:
        return False
    if not _is_same(response, answer):
        answer.profession, answer.specialty = reader.profession, reader.specialty
        answer.country = reader.country
        _keep_in_history(response, of=response)
        _replace(response, by=answer, at=timezone.now())
    return True


@transaction.atomic
def merge_responses(*, source: Reader, target: Reader) -> None:
    """Give the responses of ``source`` to ``target``, a reader who turned out to be the same.

    Where both answered about an article, the latest answer stands and the other is history. The
    text that stands stays hidden where staff have hidden it.
    """
    Reader.objects.select_for_update(no_key=True).get(pk=target.pk)
    # Locked, so that no text is hidden meanwhile in a row that is about to go.
    responses = Response.objects.select_for_update()
    own = {response.article_id: response for response in responses.filter(reader=target)}
    given = list(responses.filter(reader=source))
    is_of_closed_month = any(
        timezone.localdate(moved.submitted_at) < open_month() for moved in given
    )
    for moved in given:
        response = own.get(moved.article_id)
        if response is None:
            moved.reader = target
            moved.save(update_fields=["reader"])
            continue
        ResponseHistory.objects.filter(response=moved).update(response=response)
        response.submitted_at = min(response.submitted_at, moved.submitted_at)
        if moved.updated_at > response.updated_at:
            _keep_in_history(response, of=response)
            _replace(response, by=moved, at=moved.updated_at)
        else:
            _keep_in_history(moved, of=response)
            response.save(update_fields=["submitted_at"])
        if response.comment == moved.comment:
            _hide_as(moved, response)
        moved.delete()
    if is_of_closed_month:
        note_meeting(target)


def _is_same(one: Response, other: Response) -> bool:
    return (one.levels, one.comment, one.survey_version_id, one.article_version_id) == (
        other.levels,
        other.comment,
        other.survey_version_id,
        other.article_version_id,
    )


def _keep_in_history(answer: Response, *, of: Response) -> None:
    ResponseHistory.objects.create(
        response=of,
        answered_at=answer.updated_at,
        **{name: getattr(answer, name) for name in ANSWER},
    )


def _hide_as(moved: Response, response: Response) -> None:
    """Hide the text of ``response`` if the same text of ``moved`` is hidden."""
    if not HiddenComment.objects.filter(response=response).exists():
        HiddenComment.objects.filter(response=moved).update(response=response)


def _replace(response: Response, *, by: Response, at: datetime) -> None:
    if response.comment != by.comment:
        # What staff hid was another text.
        HiddenComment.objects.filter(response=response).delete()
    for name in ANSWER:
        setattr(response, name, getattr(by, name))
    response.updated_at = at
    response.save()
