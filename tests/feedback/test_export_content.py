"""What stands in an export, and what does not."""

import datetime
import hmac

import pytest
from django.utils import timezone

from feedback.exports.columns import BASE as COLUMNS
from feedback.exports.orders import Format
from feedback.models import (
    Response,
    Statement,
    StatementWording,
    Survey,
    SurveyItem,
    SurveyVersion,
)
from portal.core.models import ExportLog
from tests.factories import UserFactory, published_article

from .builders import KEYS, answer, export, publish_version_2, rows_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("read_in_the_tests_transaction")]


# --- who is in the file ---------------------------------------------------------------------------


def test_a_reader_is_one_pseudonym_within_a_file_and_another_in_the_next():
    first, second = published_article(), published_article()
    [a, b] = answer(first, [[1, 1, 1, 1], [2, 2, 2, 2]])
    Response.objects.create(
        reader=a.reader,
        article=second,
        article_version=second.published_version,
        survey_version=a.survey_version,
        levels=[3, 3, 3, 3],
        submitted_at=a.submitted_at,
    )
    files = [
        {row["clear"]: row["respondent"] for row in rows_of(content)}
        for content in (export(), export())
    ]
    for names in files:
        assert names["1"] == names["3"] != names["2"]
    assert not set(files[0].values()) & set(files[1].values())
    content = export().decode()
    assert str(a.reader_id) not in content
    assert a.reader_id.hex not in content
    assert b.reader_id.hex not in content


def test_the_pseudonym_is_an_hmac(monkeypatch):
    key = bytes(range(64))
    monkeypatch.setattr("feedback.exports.snapshot.secrets.token_bytes", lambda size: key[:size])
    [response] = answer(published_article(), [[1, 1, 1, 1]])
    [row] = rows_of(export())
    digest = hmac.new(key, response.reader_id.bytes, "sha256").hexdigest()
    assert row["respondent"] == "r" + digest[:20]


def test_the_order_of_rows_says_nothing():
    levels = [[a, b, c, 1] for a in range(1, 6) for b in range(1, 6) for c in range(1, 3)]
    answer(published_article(), levels)
    orders = [
        [(row["clear"], row["objectives"], row["relevant"]) for row in rows_of(export())]
        for _ in range(3)
    ]
    in_the_table = [tuple(map(str, row[:3])) for row in levels]
    assert [sorted(order) for order in orders] == [sorted(in_the_table)] * 3
    # By chance alone two of these are the same less than once in 10^60 times.
    assert len({*map(tuple, orders), tuple(in_the_table), tuple(reversed(in_the_table))}) == 5


def test_profiles_that_few_share_become_other():
    article = published_article()
    common = {"profession": "physician", "specialty": "haematology", "country": "GB"}
    answer(article, [[5, 5, 5, 5]] * 10, **common)
    answer(article, [[4, 4, 4, 4]] * 9, **{**common, "country": "IE"})
    answer(article, [[3, 3, 3, 3]] * 10)
    profiles = {
        (row["clear"], row["profession"], row["specialty"], row["country"])
        for row in rows_of(export())
    }
    assert profiles == {
        ("5", "physician", "haematology", "GB"),
        ("4", "other", "other", "other"),
        ("3", "", "", ""),
    }


def test_people_are_counted_not_rows():
    articles = [published_article() for _ in range(10)]
    [response] = answer(articles[0], [[5, 5, 5, 5]], profession="nurse")
    for article in articles[1:]:
        response.pk = None
        response.article = article
        response.article_version = article.published_version
        response.save(force_insert=True)
    assert {row["profession"] for row in rows_of(export())} == {"other"}
    assert len(rows_of(export())) == 10


def test_the_threshold_holds_within_the_selection():
    articles = [published_article(), published_article()]
    for article in articles:
        answer(article, [[5, 5, 5, 5]] * 5, profession="nurse")
    assert {row["profession"] for row in rows_of(export())} == {"nurse"}
    assert {row["profession"] for row in rows_of(export(articles[0]))} == {"other"}


# --- columns --------------------------------------------------------------------------------------


def test_columns_follow_the_statement_through_versions():
    article = published_article()
    answer(article, [[5, 4, 3, 2]])
    publish_version_2(changed="clear", text="The content was clear")
    answer(article, [[4, 3, 2, 1]])  # objectives, relevant, change, clear
    rows = sorted(rows_of(export()), key=lambda row: row["survey_version"])
    assert [[row["survey_version"], *(row[key] for key in KEYS)] for row in rows] == [
        ["1", "5", "4", "3", "2"],
        ["2", "1", "4", "3", "2"],
    ]
    assert list(rows[0]) == [*COLUMNS, *KEYS]


def other_survey():
    survey = Survey.objects.create(key="impact", name="Impact")
    version = SurveyVersion.objects.create(survey=survey, number=1)
    for position, key in enumerate(["clear", "-cmd"], 1):
        statement = Statement.objects.create(survey=survey, key=key)
        wording = StatementWording.objects.create(statement=statement, text=key)
        SurveyItem.objects.create(version=version, wording=wording, position=position)
    version.published_at = timezone.now()
    version.save()
    return version


def test_another_surveys_columns_come_at_the_end_under_its_name():
    article = published_article()
    answer(article, [[5, 4, 3, 2]])
    answer(article, [[1, 2]], survey_version_id=other_survey().pk)
    rows = sorted(rows_of(export()), key=lambda row: row["survey"])
    columns = [*KEYS, "impact.clear", "impact.-cmd"]
    assert list(rows[0]) == [*COLUMNS, *columns]
    assert [[row[name] for name in columns] for row in rows] == [
        ["5", "4", "3", "2", "", ""],
        ["", "", "", "", "1", "2"],
    ]


def test_a_column_named_like_a_formula_is_inert():
    statement = Statement.objects.create(survey=Survey.objects.get(), key="-cmd")
    wording = StatementWording.objects.create(statement=statement, text="x")
    version = SurveyVersion.objects.create(survey=statement.survey, number=2)
    SurveyItem.objects.create(version=version, wording=wording, position=1)
    version.published_at = timezone.now()
    version.save()
    answer(published_article(), [[2]], survey_version_id=version.pk)
    [row] = rows_of(export())
    assert (list(row)[-1], row["'-cmd"]) == ("'-cmd", "2")


def test_the_day_is_that_of_the_house(settings):
    settings.TIME_ZONE = "Europe/London"
    midnight = datetime.datetime(2025, 7, 1, 23, 30, tzinfo=datetime.UTC)
    answer(published_article(), [[1, 1, 1, 1]], updated_at=midnight)
    [row] = rows_of(export())
    assert row["answered_on"] == "2025-07-02"


def test_excel_gets_labels_and_a_byte_order_mark():
    article = published_article()
    common = {"profession": "physician", "specialty": "haematology", "country": "GB"}
    answer(article, [[5, 4, 3, 1]] * 10, **common)
    answer(article, [[2, 2, 2, 2]])
    content = export(format=Format.EXCEL)
    assert content.startswith(b"\xef\xbb\xbfrespondent,")
    rows = {
        tuple(row[name] for name in ("profession", "specialty", "country", *KEYS))
        for row in rows_of(content, "utf-8-sig")
    }
    assert rows == {
        (
            "Physician",
            "Haematology",
            "United Kingdom",
            "Strongly agree",
            "Agree",
            "Neither agree nor disagree",
            "Strongly disagree",
        ),
        ("Other", "Other", "Other", "Disagree", "Disagree", "Disagree", "Disagree"),
    }
    assert not export().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("kind", [Format.ANALYSIS, Format.EXCEL])
@pytest.mark.parametrize(
    ("title", "exported"),
    [
        ('=HYPERLINK("https://evil.example","x")', '\'=HYPERLINK("https://evil.example","x")'),
        ("  +1", "'  +1"),
        ("Two, \"quoted\"; 'words'", "Two, \"quoted\"; 'words'"),
        # What a spreadsheet that separates by semicolons would take for a cell.
        ("Two; =1+1 'words'", "Two;' =1+1 'words'"),
        ("100 %s of {braces} \\ € é", "100 %s of {braces} \\ € é"),
    ],
)
def test_titles_are_inert_and_whole(title, exported, kind):
    article = published_article()
    type(article).objects.update(title=title)
    answer(article, [[1, 1, 1, 1]])
    [row] = rows_of(export(format=kind), "utf-8-sig")
    assert row["article_title"] == exported


def test_no_name_and_no_address_in_the_file(reader):
    user = UserFactory(email="dr.who@hospital.example", name="Dr Who")
    reader.user = user
    reader.save()
    article = published_article()
    answer(article, [[1, 1, 1, 1]])
    Response.objects.update(reader=reader)
    content = export().decode()
    assert "hospital.example" not in content
    assert "Dr Who" not in content
    assert "@" not in content


def test_an_empty_selection_is_a_header_alone():
    assert export() == (",".join([*COLUMNS, *KEYS]) + "\n").encode()
    assert ExportLog.objects.get().row_count == 0
