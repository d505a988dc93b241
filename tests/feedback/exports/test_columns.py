"""Columns by survey: which there are, in which order, and what is in them."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import pytest
from django.utils import timezone

from articles.models import Article
from feedback.exports.columns import ANSWER, BASE
from feedback.exports.orders import Format, Order, Shape
from feedback.exports.writing import count_rows, write
from feedback.models import (
    HiddenComment,
    Response,
    Statement,
    StatementWording,
    Survey,
    SurveyItem,
    SurveyVersion,
)
from tests.factories import UserFactory, published_article
from tests.feedback.builders import KEYS, answer, publish_version_2, rows_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("read_in_the_tests_transaction")]

OTHER_LABELS = ["Never", "Rarely", "Sometimes", "Often", "Always"]


def rows(chosen: Format = Format.ANALYSIS, **order: Any) -> list[dict[str, str]]:
    target = BytesIO()
    write(Order(format=chosen, is_packed=False, **order), target)
    return rows_of(target.getvalue(), "utf-8-sig")


def columns(**order: Any) -> list[str]:
    target = BytesIO()
    return write(Order(is_packed=False, **order), target).columns[len(BASE) :]


def publish(
    survey: Survey,
    items: Sequence[StatementWording],
    *,
    not_applicable: Sequence[StatementWording] = (),
    **fields: Any,
) -> SurveyVersion:
    version = SurveyVersion.objects.create(
        survey=survey, number=survey.versions.count() + 1, **fields
    )
    for position, wording in enumerate(items, 1):
        SurveyItem.objects.create(
            version=version,
            wording=wording,
            position=position,
            allows_not_applicable=wording in not_applicable,
        )
    version.published_at = timezone.now()
    version.save()
    return version


def wordings(survey: Survey, *keys: str) -> list[StatementWording]:
    return [
        StatementWording.objects.create(
            statement=Statement.objects.create(survey=survey, key=key), text=f"I {key}"
        )
        for key in keys
    ]


@pytest.fixture
def article(db: None) -> Article:
    return published_article()


@pytest.fixture
def survey(db: None) -> Survey:
    return Survey.objects.create(key="impact", name="Impact")


def test_columns_stand_in_the_order_of_publication(survey: Survey) -> None:
    first, second, third = wordings(survey, "one", "two", "three")
    publish(survey, [third, first])
    assert columns() == [*KEYS, "impact.three", "impact.one"]
    # A draft brings none.
    SurveyVersion.objects.create(survey=survey, number=2)
    assert columns() == [*KEYS, "impact.three", "impact.one"]
    SurveyVersion.objects.filter(survey=survey, number=2).delete()
    # Something in front, and another survey's new version.
    publish(survey, [second, first, third])
    publish_version_2(changed="clear", text="Clear?", is_comparable=False)
    assert columns() == [*KEYS, "impact.three", "impact.one", "impact.two", "clear.2"]


def test_columns_never_move_whatever_is_published(survey: Survey) -> None:
    one, two = wordings(survey, "one", "two")
    steps = [
        lambda: publish(survey, [one]),
        lambda: publish(survey, [two, one], not_applicable=[one]),
        lambda: publish(survey, [one, two], labels=OTHER_LABELS),
        lambda: publish(survey, [two], comment_question="What else?"),
        lambda: publish_version_2(changed="clear", text="x", is_comparable=False),
        lambda: publish(survey, [two], not_applicable=[two], labels=OTHER_LABELS),
    ]
    before = columns(has_comments=True)
    for step in steps:
        step()
        after = columns(has_comments=True)
        assert after[: len(before)] == before
        before = after
    assert before == [
        *KEYS,
        "impact.one",
        "impact.two",
        "impact.one.not_applicable",
        "impact.one.2",
        "impact.two.2",
        "impact.comment",
        "clear.2",
        "impact.two.not_applicable",
    ]


def test_what_cannot_be_compared_is_in_a_column_of_its_own(article: Article) -> None:
    answer(article, [[5, 4, 3, 2]])
    comparable = publish_version_2(changed="clear", text="It was clear")
    answer(article, [[4, 3, 2, 4]], survey_version_id=comparable.pk)
    clear = Statement.objects.get(key="clear")
    other = StatementWording.objects.create(statement=clear, number=3, text="All of it was clear")
    later = publish(clear.survey, [other])
    answer(article, [[1]], survey_version_id=later.pk)
    # Back to the first wording, which compares with itself.
    again = publish(clear.survey, [clear.wordings.get(number=1)])
    answer(article, [[3]], survey_version_id=again.pk)
    found = {row["survey_version"]: (row["clear"], row["clear.2"]) for row in rows()}
    assert found == {"1": ("5", ""), "2": ("4", ""), "3": ("", "1"), "4": ("3", "")}


def test_other_labels_are_another_scale(article: Article, survey: Survey) -> None:
    [often] = wordings(survey, "often")
    plain = publish(survey, [often])
    labelled = publish(survey, [often], labels=OTHER_LABELS)
    answer(article, [[5]], survey_version_id=plain.pk)
    answer(article, [[5]], survey_version_id=labelled.pk)
    found = {row["survey_version"]: row for row in rows()}
    assert [found["1"][f"impact.often{n}"] for n in ("", ".2")] == ["5", ""]
    assert [found["2"][f"impact.often{n}"] for n in ("", ".2")] == ["", "5"]
    found = {row["survey_version"]: row for row in rows(Format.EXCEL)}
    assert found["1"]["impact.often"] == "Strongly agree"
    assert found["2"]["impact.often.2"] == "Always"


def test_not_applicable_is_no_level(article: Article, survey: Survey) -> None:
    one, two = wordings(survey, "one", "two")
    before = publish(survey, [one])
    version = publish(survey, [two, one], not_applicable=[one])
    answer(article, [[3]], survey_version_id=before.pk)
    answer(article, [[2, 0], [1, 4]], survey_version_id=version.pk)
    answer(article, [[5, 5, 5, 5]])

    def found(chosen: Format) -> set[tuple[str, ...]]:
        names = ("impact.one", "impact.two", "impact.one.not_applicable")
        return {tuple(row[name] for name in names) for row in rows(chosen)}

    assert found(Format.ANALYSIS) == {
        ("3", "", "0"),
        ("", "2", "1"),
        ("4", "1", "0"),
        ("", "", ""),
    }
    assert found(Format.EXCEL) == {
        ("Neither agree nor disagree", "", "0"),
        ("", "Disagree", "1"),
        ("Agree", "Strongly disagree", "0"),
        ("", "", ""),
    }
    assert "impact.two.not_applicable" not in columns()


def test_names_that_meet_are_told_apart(survey: Survey) -> None:
    default = Survey.objects.get(key="default")
    publish(default, wordings(default, "survey", "comment", "level"), comment_question="?")
    clear = Survey.objects.create(key="clear", name="Clear")
    publish(clear, wordings(clear, "2", "not_applicable"))
    publish_version_2(changed="survey", text="x", is_comparable=False)
    assert columns(has_comments=True)[4:] == [
        "survey_2",
        "comment",
        "level_2",
        "comment_2",
        "clear.2",
        "clear.not_applicable",
        "survey.2",
    ]


# --- free text ------------------------------------------------------------------------------------


def test_free_text_only_where_it_is_ordered_and_not_hidden(
    article: Article, survey: Survey
) -> None:
    default = Survey.objects.get(key="default")
    asked = publish(default, wordings(default, "more"), comment_question="What else?")
    other = publish(survey, wordings(survey, "one"), comment_question="And?")
    answer(article, [[1]], survey_version_id=asked.pk, comment="Said =1\n=2")
    [hidden] = answer(article, [[2]], survey_version_id=asked.pk, comment="A name")
    answer(article, [[3]], survey_version_id=other.pk, comment="Of the other")
    HiddenComment.objects.create(response=hidden, reason="Names", hidden_by=UserFactory())
    assert {"comment", "impact.comment"} & set(rows()[0]) == set()
    found = {
        (row["more"] or row["impact.one"], row["comment"], row["impact.comment"])
        for row in rows(has_comments=True)
    }
    assert found == {("1", "Said =1\n'=2", ""), ("2", "", ""), ("3", "", "Of the other")}
    target = BytesIO()
    write(Order(has_comments=False), target)
    assert b"A name" not in target.getvalue()
    assert {row["comment"] for row in rows(shape=Shape.LONG, has_comments=True)} == {
        "Said =1\n'=2",
        "",
        "Of the other",
    }
    assert "comment" not in rows(shape=Shape.LONG)[0]


# --- one row per answer ---------------------------------------------------------------------------


def long_rows(found: Sequence[Mapping[str, str]]) -> list[tuple[str, ...]]:
    return sorted(tuple(row[name] for name in ("survey_version", *ANSWER)) for row in found)


def test_a_row_per_answer(article: Article, survey: Survey) -> None:
    answer(article, [[5, 4, 3, 1]])
    publish_version_2(changed="clear", text="It was clear", is_comparable=False)
    answer(article, [[1, 1, 1, 2]])
    [one] = wordings(survey, "one")
    labelled = publish(survey, [one], labels=OTHER_LABELS, not_applicable=[one])
    answer(article, [[0], [4]], survey_version_id=labelled.pk)
    found = rows(shape=Shape.LONG)
    assert list(found[0]) == [*BASE, *ANSWER]
    assert long_rows([row for row in found if row["survey"] == "default"]) == [
        ("1", "change", "1", "1", "1", "Strongly disagree", "0"),
        ("1", "clear", "1", "1", "5", "Strongly agree", "0"),
        ("1", "objectives", "1", "1", "4", "Agree", "0"),
        ("1", "relevant", "1", "1", "3", "Neither agree nor disagree", "0"),
        ("2", "change", "1", "1", "1", "Strongly disagree", "0"),
        ("2", "clear", "2", "2", "2", "Disagree", "0"),
        ("2", "objectives", "1", "1", "1", "Strongly disagree", "0"),
        ("2", "relevant", "1", "1", "1", "Strongly disagree", "0"),
    ]
    assert long_rows([row for row in found if row["survey"] == "impact"]) == [
        ("1", "one", "1", "1", "", "", "1"),
        ("1", "one", "1", "1", "4", "Often", "0"),
    ]
    assert len({row["respondent"] for row in found}) == 4
    assert count_rows(Order(shape=Shape.LONG)) == len(found) == 10
    assert count_rows(Order()) == Response.objects.count() == 4


def test_answers_of_the_open_month_are_in_no_file(article: Article) -> None:
    answer(article, [[1, 1, 1, 1]])
    answer(article, [[2, 2, 2, 2]], submitted_at=timezone.now())
    # Given last month and changed today: its month is that of the first answer.
    answer(article, [[3, 3, 3, 3]], updated_at=timezone.now())
    assert sorted(row["clear"] for row in rows()) == ["1", "3"]
    assert (count_rows(Order()), count_rows(Order(shape=Shape.LONG))) == (2, 8)
