"""The default survey, and what the database refuses to change."""

import threading

import pytest
from django.apps import apps
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone

from feedback.default_survey import STATEMENTS, make_default_survey
from feedback.models import (
    Response,
    ResponseHistory,
    Statement,
    StatementWording,
    Survey,
    SurveyItem,
    SurveyVersion,
    current_survey_version,
    load_survey_version,
)
from tests.factories import published_article

from .builders import answer, publish_version_2

pytestmark = pytest.mark.django_db

REFUSED = "frozen|Cannot (update|delete)"


def test_there_is_a_default_survey_and_making_it_again_changes_nothing():
    before = list(SurveyItem.objects.values())
    make_default_survey(apps.get_app_config("feedback"))
    assert list(SurveyItem.objects.values()) == before
    assert [(s.survey.key, s.key) for s in Statement.objects.order_by("pk")] == [
        ("default", key) for key, _text in STATEMENTS
    ]
    survey = load_survey_version()
    assert [item.wording.text for item in survey.items] == [text for _key, text in STATEMENTS]
    assert [item.wording.statement.outcome for item in survey.items] == [2, 2, 2, 4]
    assert [item.speaks_of_objectives for item in survey.items] == [False, True, False, False]


def test_the_current_version_is_the_newest_published_one():
    version = publish_version_2(changed="clear", text="The content was clear")
    draft = SurveyVersion.objects.create(survey=version.survey, number=3)
    assert load_survey_version().version_id == version.pk
    SurveyItem.objects.create(version=draft, wording=StatementWording.objects.first(), position=1)
    assert load_survey_version().version_id == version.pk
    with pytest.raises(SurveyVersion.DoesNotExist):
        load_survey_version("no-such-survey")


def test_the_current_version_is_remembered(django_assert_num_queries):
    article = published_article()
    current_survey_version(article.pk)
    with django_assert_num_queries(0):
        survey = current_survey_version(article.pk)
        assert [item.wording.statement.key for item in survey.items] == [
            key for key, _text in STATEMENTS
        ]


FROZEN = {
    "rename a version": lambda: SurveyVersion.objects.update(number=7),
    "withdraw a version": lambda: SurveyVersion.objects.update(published_at=None),
    "delete a version": lambda: delete("feedback_surveyversion"),
    "move an item": lambda: SurveyItem.objects.filter(position=1).update(position=9),
    "reword an item": lambda: SurveyItem.objects.update(wording=other_wording()),
    "show the objectives beside an item": lambda: SurveyItem.objects.filter(position=1).update(
        speaks_of_objectives=True
    ),
    "delete an item": lambda: SurveyItem.objects.all().delete(),
    "add an item": lambda: SurveyItem.objects.create(
        version=SurveyVersion.objects.get(), wording=other_wording(), position=5
    ),
    "smuggle an item in": lambda: item_of_a_draft(version=SurveyVersion.objects.first()),
    "reword a statement": lambda: StatementWording.objects.update(text="Something else"),
    "delete a wording": lambda: delete("feedback_statementwording"),
    "rename a column": lambda: Statement.objects.filter(key="clear").update(key="klar"),
    "rename a survey": lambda: Survey.objects.update(key="other"),
}


def delete(table):
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")


def other_wording():
    return StatementWording.objects.create(
        statement=Statement.objects.first(), number=2, text="Another wording"
    )


def item_of_a_draft(version):
    draft = SurveyVersion.objects.create(survey=version.survey, number=99)
    item = SurveyItem.objects.create(version=draft, wording=other_wording(), position=5)
    SurveyItem.objects.filter(pk=item.pk).update(version=version)


@pytest.mark.parametrize("change", FROZEN.values(), ids=FROZEN)
def test_what_was_published_is_frozen_by_the_database(change):
    with pytest.raises(ProgrammingError, match=REFUSED), transaction.atomic():
        change()


def test_a_draft_version_can_be_changed():
    draft = SurveyVersion.objects.create(survey=Survey.objects.get(), number=2)
    wording = StatementWording.objects.first()
    item = SurveyItem.objects.create(version=draft, wording=wording, position=1)
    item.position = 2
    item.save()
    item.delete()
    draft.delete()
    assert SurveyVersion.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_no_item_slips_into_a_version_while_it_is_being_published():
    draft = SurveyVersion.objects.create(survey=Survey.objects.get(), number=2)
    wordings = list(StatementWording.objects.all()[:2])
    SurveyItem.objects.create(version=draft, wording=wordings[0], position=1)
    errors = []

    def add():
        try:
            SurveyItem.objects.create(version=draft, wording=wordings[1], position=2)
        except ProgrammingError as error:
            errors.append(error)
        finally:
            connection.close()

    with transaction.atomic():
        SurveyVersion.objects.filter(pk=draft.pk).update(published_at=timezone.now())
        thread = threading.Thread(target=add)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()  # it waits to see whether the publication is kept
    thread.join(10)
    assert len(errors) == 1
    assert draft.items.count() == 1


@pytest.mark.parametrize("levels", [[], [-1, 1, 1, 1], [1, 2, 3, 6]])
def test_the_database_keeps_levels_on_the_scale(levels):
    article = published_article()
    with pytest.raises(IntegrityError), transaction.atomic():
        answer(article, [levels])


def test_the_database_keeps_one_response_per_reader_and_article():
    article = published_article()
    [response] = answer(article, [[1, 1, 1, 1]])
    response.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        Response.objects.bulk_create([response])


def test_the_database_keeps_the_history():
    article = published_article()
    [response] = answer(article, [[1, 1, 1, 1]])
    ResponseHistory.objects.create(
        response=response,
        answered_at=response.updated_at,
        levels=[2, 2, 2, 2],
        survey_version=response.survey_version,
        article_version=response.article_version,
    )
    with pytest.raises(ProgrammingError, match=REFUSED), transaction.atomic():
        ResponseHistory.objects.update(levels=[3, 3, 3, 3])
    with pytest.raises(ProgrammingError, match=REFUSED), transaction.atomic():
        ResponseHistory.objects.all().delete()
    assert ResponseHistory.objects.get().levels == [2, 2, 2, 2]
