"""Surveys at the desk: from a new survey to what readers see, and everything that goes wrong."""

import re
from urllib.parse import unquote

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from feedback.exports.columns import BASE, COMMENT
from feedback.models import ArticleSurvey, Statement, StatementWording, Survey, load_survey_version
from feedback.surveys import start_draft
from tests.abuse.corpus import TEXTS
from tests.factories import published_article

from .builders import answer
from .drafts import (
    filled_draft,
    page,
    problems,
    publish,
    rows_of_draft,
    said,
    send,
    token_of,
    write_draft,
)

pytestmark = pytest.mark.django_db

# Of any page here, with the four of the session, the user and the permissions.
MAX_QUERIES = 17


def test_the_whole_way_from_a_new_survey_to_what_readers_see(staff):
    added = staff.post(
        reverse("admin:feedback_survey_add"), {"name": "After a case", "key": ""}, follow=True
    )
    survey = Survey.objects.get(name="After a case")
    assert survey.key == "after_case"
    assert "No article can have this survey until then" in added.content.decode()

    begun = staff.post(page("survey_start", survey.pk), follow=True)
    assert begun.redirect_chain == [(page("survey_draft", survey.pk), 302)]
    draft = survey.versions.get()
    assert "No statement yet." in begun.content.decode()

    rows = [
        {"text": "The case was like mine", "outcome": 2},
        {
            "text": "I will look for this",
            "outcome": 4,
            "key": "look",
            "allows_not_applicable": "on",
        },
    ]
    previewed = send(staff, draft, rows, button="preview", comment_question="Which one?")
    assert previewed.redirect_chain == [(page("survey_preview", survey.pk), 302)]
    content = previewed.content.decode()
    assert content.index("The case was like mine") < content.index("I will look for this")
    assert previewed["X-Robots-Tag"] == "noindex, nofollow"
    assert "Send feedback" not in content
    assert content.count("Not applicable") == 1
    assert "Which one?" in content
    assert "Please do not write anything about a patient" in content

    asked = staff.get(page("survey_publish", survey.pk))
    assert [change.title for change in asked.context["changes"]] == [
        "New statement: “case_like_mine”",
        "New statement: “look”",
        "A question for free text",
    ]
    assert "no article has this survey" in asked.content.decode()
    published = staff.post(
        page("survey_publish", survey.pk),
        {"draft": draft.pk, "token": token_of(draft)},
        follow=True,
    )
    assert said(published) == ["Version 1 is published. Readers see it from now on."]
    assert [item.wording.text for item in load_survey_version(survey.key).items] == [
        row["text"] for row in rows
    ]
    assert "readers see it now" in published.content.decode()
    assert [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")][1:] == [
        "Began version 1.",
        "Changed the draft of version 1.",
        "Published version 1.",
    ]


def test_the_preview_has_the_labels_and_where_objectives_stand(staff, draft):
    labels = {f"label_{number}": f"Grade {number}" for number in range(1, 6)}
    content = send(staff, draft, button="preview", **labels).content.decode()
    assert content.count("Those of the article stand here.") == 1
    assert content.count("Grade 5") == 4
    assert "Strongly agree" not in content
    # Another save is another preview, from the first moment.
    content = send(staff, draft, rows_of_draft(draft)[:1], button="preview").content.decode()
    assert content.count("Grade 5") == 1


def test_a_survey_is_made_once_and_its_key_stays(staff):
    add = reverse("admin:feedback_survey_add")
    for _click in range(2):
        staff.post(add, {"name": "Twice", "key": ""})
    assert Survey.objects.filter(name="Twice").count() == 1
    for key in ("Übung", "has space", "1st", "default", "dash-ed", "=cmd"):
        response = staff.post(add, {"name": f"Other {key}", "key": key})
        assert response.status_code == 200
        assert response.context["errors"]
    assert Survey.objects.count() == 2
    survey = Survey.objects.get(name="Twice")
    staff.post(page("survey_change", survey.pk), {"name": "Renamed", "key": "changed"})
    survey.refresh_from_db()
    assert (survey.name, survey.key) == ("Renamed", "twice")


def test_the_survey_page_shows_versions_word_for_word_and_whether_they_have_answers(staff, survey):
    answer(published_article(), [[4, 4, 4, 4]] * 12)
    draft, _is_new = start_draft(survey)
    rows = rows_of_draft(draft)
    rows[0] |= {"text": "It was clear", "is_comparable": "no"}
    labels = {f"label_{number}": f"Grade {number}" for number in range(1, 6)}
    write_draft(draft, rows, comment_question="Anything else?", **labels)
    publish(draft)
    untouched = staff.get(page("survey_change", survey.pk)).content.decode()
    # Of the month that is not over, too: the results alone say how many.
    answer(published_article(), [[4, 4, 4, 4]], submitted_at=timezone.now())
    start_draft(survey)
    content = " ".join(staff.get(page("survey_change", survey.pk)).content.decode().split())
    assert "Draft of version 3" in content
    assert "Grade 1 · Grade 2 · Grade 3 · Grade 4 · Grade 5" in content
    assert "Wording 2, not comparable with the previous one." in content
    assert "The content was clear and easy to understand" in content
    assert content.count("Anything else?") == 2  # in version 2 and in the draft
    for source, second_says in ((untouched, "No answers yet."), (content, "Has answers.")):
        second, first = source.partition("Version 2, published on")[2].split("Version 1, ")
        assert re.findall("Has answers.|No answers yet.", second) == [second_says]
        assert re.findall("Has answers.|No answers yet.", first) == ["Has answers."]
    assert "Responses" not in content
    assert not re.search(r">\s*12\s*<|fewer than", content)


def _publish_more(survey: Survey, statements: int) -> None:
    """Publish a version with ``statements`` new statements, begin a draft, choose the survey."""
    draft = start_draft(survey)[0]
    new = [{"text": f"Statement {draft.pk} {n}", "outcome": 2} for n in range(statements)]
    write_draft(draft, [*rows_of_draft(draft), *new])
    publish(draft)
    again = start_draft(survey)[0]
    rows = rows_of_draft(again)
    rows[0] |= {"text": f"Reworded {again.pk}", "is_comparable": "yes"}
    write_draft(again, rows)
    ArticleSurvey.objects.create(article=published_article(), survey=survey)


def test_pages_take_as_many_queries_however_much_there_is(staff):
    other = Survey.objects.create(key="other", name="Other")

    def queries() -> dict[str, int]:
        article = ArticleSurvey.objects.latest("pk").article_id
        found = {}
        for view, number in [
            *((view, other.pk) for view in ("survey_change", "survey_draft", "survey_preview")),
            *(("survey_publish", other.pk), ("survey_discard", other.pk)),
            ("article_survey", article),
        ]:
            with CaptureQueriesContext(connection) as context:
                assert staff.get(page(view, number)).status_code == 200
            found[view] = len(context)
        with CaptureQueriesContext(connection) as context:
            staff.get(reverse("admin:feedback_survey_changelist"))
        return {**found, "list": len(context)}

    _publish_more(other, 1)
    queries()  # what every page remembers
    at_one = queries()
    for _number in range(3):
        _publish_more(other, 3)
    _publish_more(Survey.objects.create(key="another", name="Another"), 2)
    ArticleSurvey.objects.filter(survey__key="another").update(survey=other)
    assert queries() == at_one
    assert max(at_one.values()) <= MAX_QUERIES, at_one


def test_rows_move_and_go_without_being_saved_and_nothing_typed_is_lost(staff, draft):
    before = rows_of_draft(draft)

    def texts(response):
        return [form["text"].value() for form in response.context["form"].rows.forms]

    rows = [dict(row) for row in before]
    rows[1] |= {"text": "Typed", "is_comparable": "no", "allows_not_applicable": "on"}
    moved = send(staff, draft, rows, "x", move_up="1", comment_question="Typed, too")
    assert texts(moved)[:2] == ["Typed", before[0]["text"]]
    form = moved.context["form"]
    assert form.rows.forms[0]["is_comparable"].value() == "no"
    assert form.rows.forms[0]["allows_not_applicable"].value()
    assert form.version["comment_question"].value() == "Typed, too"
    assert form.version["token"].value() == token_of(draft)
    assert "Not saved yet." in moved.content.decode()
    assert texts(send(staff, draft, rows, "x", move_down="0"))[0] == "Typed"
    taken = send(staff, draft, rows, "x", take_out="0")
    assert texts(taken) == ["Typed", *(row["text"] for row in before[2:])]
    assert [known.statement.key for known in taken.context["form"].taken_out()] == ["clear"]
    back = send(staff, draft, rows[1:], "x", put_back=str(before[0]["statement"]))
    assert texts(back)[-1] == before[0]["text"]
    assert not back.context["form"].rows.forms[-1]["speaks_of_objectives"].value()
    back = send(staff, draft, rows[:1], "x", put_back=str(before[1]["statement"]))
    assert back.context["form"].rows.forms[-1]["speaks_of_objectives"].value()
    assert texts(send(staff, draft, rows, "x", add=""))[4:] == [""]
    for attack in (
        {"move_up": "-1"},
        {"move_down": "9" * 30},
        {"take_out": "³"},
        {"put_back": "x"},
    ):
        assert texts(send(staff, draft, rows, "x", **attack)) == [row["text"] for row in rows]
    assert rows_of_draft(draft) == before


def test_a_new_wording_must_say_whether_it_is_comparable(staff, draft):
    rows = rows_of_draft(draft)
    rows[0] |= {"text": "The content was clear"}
    response = send(staff, draft, rows)
    assert problems(response) == [
        "Statement 1: Say whether the new wording is comparable with the old one."
    ]
    assert "Results add up the answers to both wordings" in response.content.decode()
    assert 'href="#id_statements-0-is_comparable_0"' in response.content.decode()
    assert "<title>Error:" in " ".join(response.content.decode().split()).replace("> E", ">E")
    assert rows_of_draft(draft)[0]["text"] != "The content was clear"
    rows[0] |= {"is_comparable": "maybe"}
    assert len(problems(send(staff, draft, rows))) == 1
    rows[0] |= {"is_comparable": "no"}
    assert said(send(staff, draft, rows)) == ["The draft is saved. Readers do not see it yet."]
    assert draft.draft_statements.get(key="clear").is_comparable is False


def test_what_is_wrong_is_said_at_its_place(staff, draft):
    rows = rows_of_draft(draft)

    def new(**fields):
        return [*rows, {"text": "New", "outcome": 2, **fields}]

    foreign = StatementWording.objects.create(
        statement=Statement.objects.create(
            survey=Survey.objects.create(key="other", name="Other"), key="foreign"
        ),
        text="Foreign",
    )
    for sent, message in (
        ([*rows, rows[0]], "Statement 5: This statement stands in the draft twice."),
        (new(key="clear"), "This is the key of “The content was clear"),
        (new(key="Neu"), "Use small letters, digits and underscores"),
        (new(key="x" * 51), "at most 50 characters"),
        (new(key="=cmd"), "Use small letters"),
        (new(text=" "), "Statement 5: Write the statement, or take it out."),
        (new(text="x" * 301), "at most 300 characters"),
        (new(text=rows[0]["text"].upper()), "Another statement of this draft reads the same."),
        (new(outcome=3), "Select a valid choice"),
        ([*new(key="one"), {"text": "Newer", "outcome": 2, "key": "one"}], "has the same key"),
        (new(statement=foreign.statement_id), "This statement belongs to another survey."),
        (new(statement="9" * 40), "This statement belongs to another survey."),
        ([{"text": f"S {n}", "outcome": 2} for n in range(31)], "at most 30"),
    ):
        found = problems(send(staff, draft, sent))
        assert any(message in problem for problem in found), (message, found)
    for labels in ({"label_1": "Bad"}, {f"label_{n}": "x" for n in range(1, 5)}):
        assert any("all five labels, or none" in m for m in problems(send(staff, draft, **labels)))
    same = {f"label_{n}": "Same" for n in range(1, 6)}
    assert problems(send(staff, draft, **same)) == ["Two labels of the scale are the same."]
    assert rows_of_draft(draft) == rows


@pytest.mark.parametrize("column", [*BASE, COMMENT])
def test_no_key_takes_the_name_of_a_column_that_every_export_has(staff, draft, column):
    rows = [*rows_of_draft(draft), {"text": "New", "outcome": 2, "key": column}]
    assert "Every export has a column of this name" in problems(send(staff, draft, rows))[0]


@pytest.mark.parametrize("text", [unquote(text, errors="replace") for text in TEXTS])
def test_whatever_is_typed_is_words_or_refused(staff, draft, text):
    labels = {f"label_{number}": f"{text[:50]}{number}" for number in range(1, 6)}
    rows = [{"text": text, "key": text, "outcome": text, "is_comparable": text, "statement": text}]
    assert send(staff, draft, rows, comment_question=text, **labels).status_code in (200, 400)
    rows = [*rows_of_draft(draft), {"text": text, "outcome": 2}]
    sent = send(staff, draft, rows, comment_question=text, **labels)
    is_kept = draft.draft_statements.count() == len(rows)
    assert sent.status_code == (200 if is_kept else 400)
    for view in ("survey_change", "survey_draft", "survey_preview", "survey_publish"):
        content = staff.get(page(view, draft.survey_id)).content.decode()
        assert "<script>alert" not in content
    for button in ("move_up", "move_down", "take_out", "put_back"):
        assert send(staff, draft, rows, "x", **{button: text}).status_code in (200, 400)
    for sent in ({"draft": text}, {"draft": draft.pk, "token": text}):
        response = staff.post(page("survey_publish", draft.survey_id), sent)
        assert response.status_code in (400, 404, 409)
    data = filled_draft(draft) | {"token": text, "statements-TOTAL_FORMS": text}
    assert staff.post(page("survey_draft", draft.survey_id), data).status_code in (400, 409)
