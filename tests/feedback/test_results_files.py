"""The tables of a page of results as CSV: the page's own figures, logged, and guarded."""

import csv
import hashlib
import io

import pytest
import time_machine

from feedback.models import Impressions
from feedback.results import counting
from feedback.results.selection import Selection
from portal.core.models import ExportLog
from tests.factories import published_article

from .builders import answer, refresh_tallies
from .desk import DECEMBER, FEBRUARY, JANUARY, MARCH, ROWS, TODAY, at, results_url, text

pytestmark = pytest.mark.django_db

ALL_AGREE = [5, 5, 5, 5]


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(TODAY, tick=False):
        yield


@pytest.fixture
def article():
    """An article whose title a spreadsheet would run, beside another."""
    article = published_article(title="=1+1, or why sums mislead")
    answer(article, ROWS, submitted_at=at(MARCH))
    answer(published_article(title="Another"), [ALL_AGREE] * 20, submitted_at=at(MARCH))
    refresh_tallies()
    return article


def download(client, table, purpose="Annual report", **filters):
    return client.post(results_url(**filters), {"table": table, "purpose": purpose})


def rows_of(response):
    content = response.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(content, newline="")))


def test_the_statements_are_those_of_the_page(desk, article):
    client = desk("Staff")
    response = download(client, "statements", article=article.pk)
    assert response.status_code == 200
    assert response["Content-Disposition"] == (
        'attachment; filename="results-statements-2026-04-10.csv"'
    )
    rows = rows_of(response)
    page = client.get(results_url(article=article.pk))
    [group] = page.context["groups"]
    assert [
        (row["text"], [int(row[f"count_{level}"]) for level in range(1, 6)]) for row in rows
    ] == [(row.figures.text, list(row.figures.counts)) for row in group.rows]
    objectives = rows[1]
    assert {name: objectives[name] for name in ("n", "top_2", "median", "mean", "sd")} == {
        "n": "12",
        "top_2": "6",
        "median": "3.5",
        "mean": "3.25",
        "sd": "1.4848",
    }
    # R: binom::binom.wilson(c(6, 20), c(12, 20))
    assert (objectives["interval_low"], objectives["interval_high"]) == ("25.3782", "74.6218")
    assert (objectives["rest_n"], objectives["rest_interval_low"]) == ("20", "83.8875")
    assert {row["selection"] for row in rows} == {
        "The article “=1+1, or why sums mislead”. Months: all closed ones. Readers: all."
    }


def test_each_file_is_logged_with_its_checksum(desk, article):
    client = desk("Staff")
    response = download(client, "statements", "For the board", article=article.pk)
    [log] = ExportLog.objects.all()
    assert (log.kind, log.purpose, log.row_count) == ("results: statements", "For the board", 4)
    assert log.filters == {"article": article.pk}
    assert log.sha256 == hashlib.sha256(response.content).hexdigest()
    assert log.columns == list(rows_of(response)[0])
    assert log.user_id == int(client.session["_auth_user_id"])


def test_the_trend_says_which_months_are_not_shown(desk):
    article, other = published_article(), published_article()
    for month, n in ((DECEMBER, 15), (JANUARY, 10), (FEBRUARY, 3), (MARCH, 12)):
        answer(article, [ALL_AGREE] * n, submitted_at=at(month))
        answer(other, [ALL_AGREE] * 20, submitted_at=at(month))
    refresh_tallies()
    rows = rows_of(download(desk("Staff"), "trend", article=article.pk))
    assert [(row["month"], row["state"], row["n"]) for row in rows] == [
        *[("2025-12", "shown", "15")] * 4,
        ("2026-01", "not shown", ""),
        ("2026-02", "not shown", ""),
        *[("2026-03", "shown", "12")] * 4,
    ]
    assert [(row["statement"], row["moore_level"]) for row in rows[4:7]] == [
        ("", ""),
        ("", ""),
        ("clear", "2"),
    ]
    assert (rows[-1]["statement"], rows[-1]["moore_level"]) == ("change", "4")


def test_all_articles_are_in_the_file_and_titles_are_guarded(desk, article):
    for number in range(30):
        answer(published_article(title=f"{number:02}"), [ALL_AGREE] * 10, submitted_at=at(MARCH))
    refresh_tallies()
    client = desk("Staff")
    assert len(client.get(results_url()).context["places"]) == 25
    rows = rows_of(download(client, "articles"))
    ranked = counting.ranking(Selection())
    assert [int(row["article_id"]) for row in rows] == [one.article_id for one in ranked]
    assert len(rows) == 32
    assert rows[-1]["title"] == "'=1+1, or why sums mislead"
    assert [row["place"] for row in rows] == [str(place) for place in range(1, 33)]
    assert "style=" not in client.get(results_url()).content.decode()


def test_reach_is_that_of_the_page(desk, article):
    Impressions.objects.create(article=article, month=MARCH, shown=48, started=16, submitted=12)
    rows = rows_of(download(desk("Staff"), "reach", article=article.pk))
    assert [(row["step"], row["readers"], row["percent_of_shown"]) for row in rows] == [
        ("shown", "48", "100.0"),
        ("started", "16", "33.3333"),
        ("submitted", "12", "25.0"),
    ]


@pytest.mark.parametrize(
    ("answered", "counted", "steps"),
    [
        # Fewer than answered: nobody counted readers when the first of them did.
        (20, (18, 18), [("shown", "", ""), ("started", "", ""), ("submitted", "20", "")]),
        (
            20,
            (40, 19),
            [("shown", "40", "100.0"), ("started", "", ""), ("submitted", "20", "50.0")],
        ),
        (0, (40, 9), [("shown", "40", "100.0"), ("started", "", ""), ("submitted", "0", "0.0")]),
        (0, (9, 3), [("shown", "", ""), ("started", "", ""), ("submitted", "0", "")]),
    ],
)
def test_reach_leaves_out_what_the_page_does(desk, article, answered, counted, steps):
    one = published_article()
    answer(one, [ALL_AGREE] * answered, submitted_at=at(MARCH))
    shown, started = counted
    Impressions.objects.create(article=one, month=MARCH, shown=shown, started=started)
    refresh_tallies()
    client = desk("Staff")
    rows = rows_of(download(client, "reach", article=one.pk))
    assert [(row["step"], row["readers"], row["percent_of_shown"]) for row in rows] == steps
    words = text(client.get(results_url(article=one.pk)))
    for (_step, readers, _percent), label in zip(
        steps,
        ("Were shown the survey", "Started to answer", "Sent their answers"),
        strict=True,
    ):
        if steps[0][1]:
            assert f"{label} {readers or 'not shown -'}" in words
        else:
            assert label not in words


@pytest.mark.parametrize("table", ["statements", "trend", "articles", "reach"])
def test_no_file_tells_of_a_small_group(desk, table):
    few = published_article(title="Few")
    answer(few, [ALL_AGREE] * 9, submitted_at=at(MARCH))
    answer(published_article(), [ALL_AGREE] * 9, submitted_at=at(FEBRUARY))
    # Nobody broke off.
    Impressions.objects.create(article=few, month=MARCH, shown=4321, started=9, submitted=9)
    refresh_tallies()
    content = download(desk("Staff"), table, article=few.pk).content.decode()
    assert ",9," not in content
    assert "4321" not in content
    assert "0.2083" not in content  # 9 in 4321
    assert "100" not in content


def test_the_purpose_is_asked_kept_for_the_next_file_and_needed(desk, article):
    client = desk("Staff")
    page = download(client, "trend", "", article=article.pk)
    assert page.status_code == 400
    assert "Enter the purpose." in text(page)
    source = page.content.decode()
    assert 'href="#trend_purpose"' in source
    assert 'id="trend_purpose"' in source
    assert source.count('<details class="download" open>') == 1
    assert not ExportLog.objects.exists()
    download(client, "trend", "For the board", article=article.pk)
    assert 'value="For the board"' in client.get(results_url()).content.decode()


def test_wrong_tables_and_filters_give_no_file(desk, article):
    client = desk("Staff")
    assert download(client, "responses").status_code == 404
    assert download(client, "trend", month="2026-13").status_code == 400
    assert download(client, "trend", "\0").status_code == 400
    assert not ExportLog.objects.exists()
    assert download(desk("Editors"), "trend").status_code == 403
