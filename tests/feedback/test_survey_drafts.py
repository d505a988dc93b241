"""Drafts of surveys: what they become when they are published, and what the database refuses."""

import threading

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone

from feedback.admin.surveys import shown_versions
from feedback.models import (
    DraftStatement,
    Outcome,
    Statement,
    StatementWording,
    Survey,
    SurveyItem,
    SurveyVersion,
    load_survey_version,
)
from feedback.surveys import (
    DraftHasChanged,
    DraftIsGone,
    DraftIsIncomplete,
    changes_of,
    discard_draft,
    problems_of,
    publish_draft,
    save_draft,
    start_draft,
    suggest_key,
)

from .builders import KEYS
from .drafts import publish, rows_of_draft, token_of, write_draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def survey(db) -> Survey:
    return Survey.objects.get(key="default")


@pytest.fixture
def draft(survey) -> SurveyVersion:
    return start_draft(survey)[0]


def asked(version: SurveyVersion) -> list[tuple[str, str, int, bool]]:
    """Return key, text, number of the wording and "not applicable" of each item, in order."""
    return [
        (
            item.wording.statement.key,
            item.wording.text,
            item.wording.number,
            item.allows_not_applicable,
        )
        for item in version.items.select_related("wording__statement")
    ]


def stored(draft: SurveyVersion) -> list[DraftStatement]:
    return list(draft.draft_statements.select_related("statement"))


def titles(draft: SurveyVersion) -> list[str]:
    return [change.title for change in changes_of(draft, stored(draft))]


def test_a_draft_begins_as_a_copy_of_what_readers_see(survey):
    draft, is_new = start_draft(survey)
    assert is_new
    assert (draft.number, draft.published_at) == (2, None)
    assert [(row.key, row.text) for row in draft.draft_statements.all()] == [
        (item.wording.statement.key, item.wording.text) for item in load_survey_version().items
    ]
    assert [row.speaks_of_objectives for row in draft.draft_statements.all()] == [
        key == "objectives" for key in KEYS
    ]
    assert titles(draft) == []


def test_a_survey_has_one_draft(survey, draft):
    assert start_draft(survey) == (draft, False)
    with pytest.raises(IntegrityError, match="feedback_one_draft_per_survey"), transaction.atomic():
        SurveyVersion.objects.create(survey=survey, number=3)
    assert survey.versions.count() == 2


def test_publishing_freezes_exactly_what_the_draft_asked(survey, draft):
    clear, _objectives, relevant, change = rows_of_draft(draft)
    write_draft(
        draft,
        [
            change | {"allows_not_applicable": "on"},
            {"text": "I will tell a colleague", "key": "tell", "outcome": Outcome.INTENTION},
            clear | {"text": "The content was clear", "is_comparable": "no"},
            relevant | {"text": "This was relevant to my practice", "is_comparable": "yes"},
        ],
        comment_question="What else?",
        **{f"label_{number}": f"Label {number}" for number in range(1, 6)},
    )
    version = publish(draft)
    assert version.labels == [f"Label {number}" for number in range(1, 6)]
    assert version.comment_question == "What else?"
    assert asked(version) == [
        ("change", "I will change my clinical practice as a result of this content", 1, True),
        ("tell", "I will tell a colleague", 1, False),
        ("clear", "The content was clear", 2, False),
        ("relevant", "This was relevant to my practice", 2, False),
    ]
    follows = StatementWording.objects.filter(number=2).values_list(
        "statement__key", "follows__text"
    )
    assert dict(follows) == {"clear": None, "relevant": "The content was relevant to my practice"}
    assert Statement.objects.get(key="tell").outcome == Outcome.INTENTION
    assert not DraftStatement.objects.exists()
    assert load_survey_version().version_id == version.pk
    # The version before is what it was.
    assert [key for key, *_rest in asked(survey.versions.get(number=1))] == list(KEYS)
    for change_it in (
        lambda: SurveyVersion.objects.filter(pk=version.pk).update(comment_question="Else?"),
        lambda: SurveyVersion.objects.filter(pk=version.pk).update(labels=[]),
        lambda: SurveyItem.objects.filter(version=version).update(allows_not_applicable=True),
        lambda: StatementWording.objects.filter(statement__key="tell").update(text="Other"),
        lambda: Statement.objects.filter(key="tell").update(key="told"),
        lambda: Statement.objects.filter(key="tell").update(outcome=Outcome.SATISFACTION),
    ):
        with pytest.raises(ProgrammingError, match=r"frozen|Cannot update"), transaction.atomic():
            change_it()


def test_until_it_is_published_everything_in_a_draft_can_be_corrected(draft):
    rows = rows_of_draft(draft)
    write_draft(draft, [*rows, {"text": "I tell a coleague", "key": "tel", "outcome": 2}])
    rows = rows_of_draft(draft)
    rows[-1] |= {"text": "I will tell a colleague", "key": "tell", "outcome": 4}
    write_draft(draft, rows)
    # Nothing of it is a statement, a wording or a column before.
    assert Statement.objects.count() == StatementWording.objects.count() == 4
    publish(draft)
    statement = Statement.objects.get(key="tell")
    assert [wording.text for wording in statement.wordings.all()] == ["I will tell a colleague"]


def test_the_same_words_again_are_the_same_wording(survey, draft):
    rows = rows_of_draft(draft)
    old = rows[0]["text"]
    rows[0] |= {"text": "The content was clear", "is_comparable": "no"}
    write_draft(draft, rows)
    publish(draft)
    again, _is_new = start_draft(survey)
    rows = rows_of_draft(again)
    # Asked before: whether it is comparable is no question.
    rows[0] |= {"text": f"  {old} "}
    write_draft(again, rows)
    assert "An earlier wording comes back" in changes_of(again, stored(again))[0].effect
    assert asked(publish(again))[0] == ("clear", old, 1, False)
    assert StatementWording.objects.filter(statement__key="clear").count() == 2


def test_a_statement_can_be_put_back_in(survey, draft):
    write_draft(draft, rows_of_draft(draft)[:3])
    assert titles(draft) == ["Taken out: “change”"]
    publish(draft)
    again, _is_new = start_draft(survey)
    statement = Statement.objects.get(key="change")
    row = {"statement": statement.pk, "text": statement.wordings.get().text}
    write_draft(again, [*rows_of_draft(again), row])
    assert titles(again) == ["Put back in: “change”"]
    assert [key for key, *_rest in asked(publish(again))] == list(KEYS)
    assert Statement.objects.count() == 4


def test_every_change_is_named_with_its_effect(draft):
    clear, objectives, _relevant, change = rows_of_draft(draft)
    del objectives["speaks_of_objectives"]
    write_draft(
        draft,
        [
            objectives,
            clear | {"text": "Clear", "is_comparable": "yes"},
            change | {"allows_not_applicable": "on"},
            {"text": "New", "outcome": 2},
        ],
        comment_question="What else?",
        **{f"label_{number}": str(number) for number in range(1, 6)},
    )
    assert titles(draft) == [
        "The article’s learning objectives no longer stand beside “objectives”",
        "New wording of “clear”",
        "“change” may be answered “not applicable”",
        "New statement: “new”",
        "Taken out: “relevant”",
        "Another order of the statements",
        "Other labels of the scale",
        "A question for free text",
    ]
    assert problems_of(draft, stored(draft), changes_of(draft, stored(draft))) == []


def test_where_the_objectives_stood_stays_with_the_version(survey, draft):
    rows = rows_of_draft(draft)
    del rows[1]["speaks_of_objectives"]
    write_draft(draft, rows)
    publish(draft)
    assert {
        shown.version.number: [statement.speaks_of_objectives for statement in shown.statements]
        for shown in shown_versions(survey)
    } == {1: [False, True, False, False], 2: [False, False, False, False]}


def test_the_usual_labels_written_out_are_the_usual_labels(draft):
    usual = ("Strongly disagree", "Disagree", "Neither agree nor disagree", "Agree")
    labels = {f"label_{number}": label for number, label in enumerate(usual, 1)}
    write_draft(draft, label_5="Strongly agree", **labels)
    assert draft.labels == []


INCOMPLETE = {
    "no statement": lambda draft: draft.draft_statements.all().delete(),
    "nothing changed": lambda draft: None,
    "comparable or not": lambda draft: draft.draft_statements.filter(key="clear").update(text="X"),
    "a key of another statement": lambda draft: draft.draft_statements.filter(key="clear").update(
        statement=None
    ),
    "a column's name": lambda draft: draft.draft_statements.filter(key="clear").update(
        statement=None, key="country"
    ),
}


@pytest.mark.parametrize("spoil", INCOMPLETE.values(), ids=INCOMPLETE)
def test_an_incomplete_draft_is_not_published(draft, spoil):
    spoil(draft)
    with pytest.raises(DraftIsIncomplete) as refused:
        publish(draft)
    assert len(refused.value.problems) == 1
    draft.refresh_from_db()
    assert draft.published_at is None
    assert not draft.items.exists()


def test_a_page_that_is_out_of_date_saves_and_publishes_nothing(draft):
    old = token_of(draft)
    write_draft(draft, rows_of_draft(draft)[:2])
    mine = {"statements": [], "labels": [], "comment_question": ""}
    with pytest.raises(DraftHasChanged):
        save_draft(draft_id=draft.pk, token=old, **mine)
    with pytest.raises(DraftHasChanged):
        publish_draft(draft_id=draft.pk, token=old)
    with pytest.raises(DraftHasChanged):
        discard_draft(draft_id=draft.pk, token=old)
    assert draft.draft_statements.count() == 2
    publish(draft)
    for write in (publish_draft, discard_draft):
        with pytest.raises(DraftIsGone):
            write(draft_id=draft.pk, token=token_of(draft))
    with pytest.raises(DraftIsGone):
        save_draft(draft_id=draft.pk, token=token_of(draft), **mine)


def test_a_draft_is_thrown_away_whole(survey, draft):
    discard_draft(draft_id=draft.pk, token=token_of(draft))
    assert survey.versions.count() == 1
    assert not DraftStatement.objects.exists()


def _second_wording(wording: StatementWording) -> StatementWording:
    return StatementWording.objects.create(statement=wording.statement, number=2, text="Again")


def _publish_by_hand(draft: SurveyVersion, *wordings: StatementWording) -> None:
    for position, wording in enumerate(wordings, 1):
        SurveyItem.objects.create(version=draft, wording=wording, position=position)
    SurveyVersion.objects.filter(pk=draft.pk).update(published_at=timezone.now())


REFUSED_BY_THE_DATABASE = {
    "publish without statements": _publish_by_hand,
    "publish from the start": lambda draft: SurveyVersion.objects.create(
        survey=draft.survey, number=9, published_at=timezone.now()
    ),
    "ask a statement twice": lambda draft: _publish_by_hand(
        draft, StatementWording.objects.first(), _second_wording(StatementWording.objects.first())
    ),
    "ask a statement of another survey": lambda draft: _publish_by_hand(
        draft,
        StatementWording.objects.create(
            statement=Statement.objects.create(
                survey=Survey.objects.create(key="other", name="Other"), key="foreign"
            ),
            text="Foreign",
        ),
    ),
}


@pytest.mark.parametrize(
    "publish_it", REFUSED_BY_THE_DATABASE.values(), ids=REFUSED_BY_THE_DATABASE
)
def test_the_database_publishes_nothing_incomplete(draft, publish_it):
    with pytest.raises(ProgrammingError, match="A survey version"), transaction.atomic():
        publish_it(draft)


@pytest.mark.parametrize("count", [1, 4, 6])
def test_the_database_takes_five_labels_or_none(draft, count):
    with pytest.raises(IntegrityError, match="feedback_no_or_five_labels"), transaction.atomic():
        SurveyVersion.objects.filter(pk=draft.pk).update(labels=["Label"] * count)


@pytest.mark.parametrize("same", ["key", "position"])
def test_the_database_takes_no_statement_twice_into_a_draft(draft, same):
    with pytest.raises(IntegrityError, match=f"feedback_draft_{same}"), transaction.atomic():
        draft.draft_statements.filter(position=2).update(
            **{same: {"key": "clear", "position": 1}[same]}
        )


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("I will tell a colleague of this content", "tell_colleague"),
        ("The content was relevant to my practice", "relevant_practice"),
        ("3 of my patients", "s_3_patients"),
        ("Было ясно", "statement"),
        ("", "statement"),
        ("The country", "country_2"),
        ("Tell", "tell_2"),
        ("It is", "it_is"),
    ],
)
def test_a_key_is_suggested_from_the_words(text, key):
    assert suggest_key(text, {"tell"}) == key


def _at_once(work, times=2):
    """Run ``work`` in several threads from one moment on; return what each returned or raised."""
    results, barrier = [], threading.Barrier(times)

    def run():
        try:
            barrier.wait()
            results.append(work())
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(results) == times
    return results


@pytest.mark.django_db(transaction=True)
def test_two_who_begin_or_publish_at_once_do_it_once():
    survey = Survey.objects.get(key="default")
    started = _at_once(lambda: start_draft(survey), times=4)
    assert sorted(is_new for _draft, is_new in started) == [False, False, False, True]
    [draft] = {draft for draft, _is_new in started}
    write_draft(draft, rows_of_draft(draft)[:3])
    token = token_of(draft)
    published = _at_once(lambda: publish_draft(draft_id=draft.pk, token=token), times=4)
    assert sorted(type(result).__name__ for result in published) == [
        *["DraftIsGone"] * 3,
        "SurveyVersion",
    ]
    assert draft.items.count() == 3
