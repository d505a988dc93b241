"""What migrations make of surveys that were there before, and what they leave as it was."""

from collections.abc import Callable, Iterator

import pytest
from django.apps.registry import Apps
from django.db import ProgrammingError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from feedback.models import StatementWording, Survey, SurveyItem, load_survey_version
from feedback.results.statements import first_comparable_wordings
from feedback.surveys import start_draft

from .drafts import publish, rows_of_draft, write_draft

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def migrate(transactional_db: None) -> Iterator[Callable[[str], Apps]]:
    """Return a function that brings the rooms' tables to a migration and returns its models."""

    def to(name: str) -> Apps:
        MigrationExecutor(connection).migrate([("feedback", name)])
        return MigrationExecutor(connection).loader.project_state([("feedback", name)]).apps

    newest = MigrationExecutor(connection).loader.graph.leaf_nodes("feedback")[0][1]
    yield lambda name: to(name or newest)
    to(newest)


def test_wordings_stay_in_the_series_in_which_they_were_counted(migrate):
    before = migrate("0009_find_comments_in_the_index")
    wordings = before.get_model("feedback", "StatementWording").objects
    statements = before.get_model("feedback", "Statement").objects
    comparable = {"clear": [True, False, True], "change": [False, True]}
    numbers = {}
    for key, chain in comparable.items():
        statement = statements.get(key=key)
        numbers[key] = [wordings.get(statement=statement).pk]
        numbers[key] += [
            wordings.create(
                statement=statement, number=number, text=str(number), is_comparable=compares
            ).pk
            for number, compares in enumerate(chain, 2)
        ]
    migrate("")
    first = first_comparable_wordings()
    one, two, three, _four = numbers["clear"]
    assert [first[pk] for pk in numbers["clear"]] == [one, one, three, three]
    follows = dict(StatementWording.objects.values_list("pk", "follows"))
    assert [follows[pk] for pk in numbers["clear"]] == [None, one, None, three]
    one, two, three = numbers["change"]
    assert [first[pk] for pk in numbers["change"]] == [one, two, two]
    with pytest.raises(ProgrammingError, match="Cannot update"):
        StatementWording.objects.update(follows=None)

    wordings = migrate("0009_find_comments_in_the_index").get_model("feedback", "StatementWording")
    assert comparable == {
        key: [wordings.objects.get(pk=pk).is_comparable for pk in pks[1:]]
        for key, pks in numbers.items()
    }


def test_items_speak_of_the_objectives_where_their_statement_did(migrate):
    before = migrate("0010_wordings_follow")
    statement = before.get_model("feedback", "Statement").objects.filter(key="relevant")
    statement.update(speaks_of_objectives=True)
    migrate("")
    assert [item.speaks_of_objectives for item in load_survey_version().items] == [
        *(False, True, True, False)
    ]
    with pytest.raises(ProgrammingError, match="frozen"), transaction.atomic():
        SurveyItem.objects.update(speaks_of_objectives=False)

    draft, _is_new = start_draft(Survey.objects.get(key="default"))
    rows = rows_of_draft(draft)
    del rows[1]["speaks_of_objectives"]
    write_draft(draft, rows)
    publish(draft)
    after = migrate("0010_wordings_follow").get_model("feedback", "Statement").objects
    assert [s.key for s in after.filter(speaks_of_objectives=True)] == ["relevant"]
