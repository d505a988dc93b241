"""An earlier wording came back before a new one: whose answers the new one’s are added to."""

import json
import zipfile
from io import BytesIO

import pytest
from django.db import ProgrammingError, transaction

from feedback.exports.orders import Order
from feedback.exports.writing import write
from feedback.models import Statement, StatementWording, Survey, SurveyVersion, load_survey_version
from feedback.results.counting import figures
from feedback.results.selection import Selection
from feedback.surveys import changes_of, start_draft
from tests.factories import published_article

from .builders import answer, refresh_tallies, rows_of
from .drafts import page, publish, rows_of_draft, write_draft

pytestmark = pytest.mark.django_db

FIRST = "The content was clear and easy to understand"
OTHER = "The content was new to me"
NEW = "The content was easy to follow"
COMPARABLE = "Comparable: results add up the answers to both wordings under the new one."


def reword(text: str, is_comparable: str = "") -> SurveyVersion:
    """Return a draft that words the first statement as ``text``."""
    draft, _is_new = start_draft(Survey.objects.get(key="default"))
    rows = rows_of_draft(draft)
    rows[0] |= {"text": text, "is_comparable": is_comparable}
    write_draft(draft, rows)
    return draft


@pytest.fixture
def came_back(db) -> list[SurveyVersion]:
    """Three versions: one wording, another that is not comparable, and the first again."""
    return [
        load_survey_version().items[0].version,
        publish(reword(OTHER, "no")),
        publish(reword(FIRST)),
    ]


@pytest.fixture
def answered(came_back):
    """A fourth version, whose wording is comparable, and twelve answers to each of the four."""
    article = published_article()
    for version, level in zip([*came_back, publish(reword(NEW, "yes"))], (5, 1, 4, 2), strict=True):
        answer(article, [[level, 3, 3, 3]] * 12, survey_version_id=version.pk)
    return article


def test_results_add_it_to_the_one_that_came_back(answered):
    refresh_tallies()
    shown = figures(Selection(article=answered.pk)).statements
    assert {(s.series, s.text): s.counts for s in shown if s.key == "clear"} == {
        (1, NEW): (0, 12, 0, 12, 12),
        (2, OTHER): (12, 0, 0, 0, 0),
    }


@pytest.mark.usefixtures("read_in_the_tests_transaction")
def test_exports_have_it_in_the_column_of_the_one_that_came_back(answered):
    target = BytesIO()
    write(Order(), target)
    with zipfile.ZipFile(target) as packed:
        [name] = [name for name in packed.namelist() if name.startswith("responses")]
        rows = rows_of(packed.read(name))
        columns = {c["key"]: c for c in json.loads(packed.read("codebook.json"))["columns"]}
    assert {row["survey_version"]: (row["clear"], row["clear.2"]) for row in rows} == {
        "1": ("5", ""),
        "2": ("", "1"),
        "3": ("4", ""),
        "4": ("2", ""),
    }
    said = {
        key: [
            (wording["survey_version"], wording["text"], wording["comparable_with_previous"])
            for wording in columns[key]["wordings"]
        ]
        for key in ("clear", "clear.2")
    }
    assert said == {
        "clear": [(1, FIRST, None), (3, FIRST, None), (4, NEW, True)],
        "clear.2": [(2, OTHER, False)],
    }


def test_the_desk_shows_the_one_that_came_back_and_compares_with_it(came_back, staff):
    draft, _is_new = start_draft(came_back[0].survey)
    shown = staff.get(page("survey_draft", draft.survey_id))
    assert f'<p class="asked-text">{FIRST}</p>' in shown.content.decode()
    assert OTHER not in shown.content.decode()
    assert not shown.context["form"].rows.forms[0].is_open
    reword(NEW, "yes")
    assert (
        f'<p class="asked-text">{FIRST}</p>'
        in staff.get(page("survey_draft", draft.survey_id)).content.decode()
    )
    [change] = staff.get(page("survey_publish", draft.survey_id)).context["changes"]
    assert (change.before, change.after) == (FIRST, NEW)
    assert change.effect.startswith(COMPARABLE)
    publish(draft)
    assert StatementWording.objects.get(text=NEW).follows.text == FIRST


@pytest.mark.parametrize(
    ("is_comparable", "effect", "follows"),
    [
        ("yes", COMPARABLE, FIRST),
        ("no", "Not comparable: results show the two wordings apart", None),
    ],
    ids=["comparable", "not comparable"],
)
def test_a_statement_is_put_back_in_with_a_new_wording(
    came_back, staff, is_comparable, effect, follows
):
    without, _is_new = start_draft(came_back[0].survey)
    write_draft(without, rows_of_draft(without)[1:])
    publish(without)
    draft, _is_new = start_draft(came_back[0].survey)
    clear = Statement.objects.get(key="clear").pk
    [taken_out] = staff.get(page("survey_draft", draft.survey_id)).context["form"].taken_out()
    assert taken_out.text == FIRST
    row = {"statement": clear, "text": NEW, "is_comparable": is_comparable}
    write_draft(draft, [*rows_of_draft(draft), row])
    [change] = changes_of(draft, list(draft.draft_statements.all()))
    assert change.title == "Put back in: “clear”"
    assert (change.before, change.after) == (FIRST, NEW)
    assert change.effect.startswith(effect)
    publish(draft)
    wording = StatementWording.objects.get(text=NEW)
    assert (wording.follows and wording.follows.text) == follows


def follow(number: int, followed: StatementWording) -> StatementWording:
    return StatementWording.objects.create(
        statement=Statement.objects.get(key="clear"), number=number, text="x", follows=followed
    )


REFUSED = {
    "another statement's": lambda: follow(2, StatementWording.objects.get(statement__key="change")),
    "a later one": lambda: follow(0, StatementWording.objects.get(statement__key="clear")),
}


@pytest.mark.parametrize("write_it", REFUSED.values(), ids=REFUSED)
def test_the_database_lets_a_wording_follow_an_earlier_one_of_its_statement_alone(write_it):
    with (
        pytest.raises(ProgrammingError, match="none but an earlier one of its own statement"),
        transaction.atomic(),
    ):
        write_it()


def test_the_database_keeps_what_a_wording_follows():
    follow(2, StatementWording.objects.get(statement__key="clear"))
    with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
        StatementWording.objects.filter(number=2).update(follows=None)
