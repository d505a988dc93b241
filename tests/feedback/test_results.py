"""What the desk shows about answers, and what it keeps to itself."""

import html
import re

import pytest
from django.urls import reverse

from articles.services import withdraw_article
from feedback.models import load_survey_version
from feedback.results import article_results
from tests.factories import PublishableArticleFactory, published_article

from .builders import answer, publish_version_2

pytestmark = pytest.mark.django_db

LIST = "admin:feedback_results"
# Statement by statement: 12 readers; counts of levels 1 to 5 reckoned by hand below.
ROWS = [
    [5, 1, 3, 1],
    [5, 1, 3, 2],
    [5, 2, 3, 2],
    [5, 2, 3, 3],
    [5, 3, 3, 3],
    [5, 3, 3, 3],
    [5, 4, 3, 4],
    [5, 4, 3, 4],
    [5, 4, 3, 4],
    [5, 5, 3, 4],
    [5, 5, 3, 5],
    [5, 5, 3, 5],
]


def article_url(article):
    return reverse("admin:feedback_article_results", args=[article.pk])


def text(response):
    """The page's words, tags and runs of space removed."""
    words = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(html.unescape(words).split())


def test_figures_of_a_hand_made_article():
    article = published_article()
    answer(article, ROWS)
    answer(published_article(), [[1, 1, 1, 1]] * 20)
    results = article_results(article)
    assert results.n == 12
    assert [[share.count for share in s.shares] for s in results.statements] == [
        [0, 0, 0, 0, 12],
        [2, 2, 2, 3, 3],
        [0, 0, 12, 0, 0],
        [1, 2, 3, 4, 2],
    ]
    assert [s.text for s in results.statements] == [
        item.wording.text for item in load_survey_version().items
    ]
    assert [(s.n, s.top_2, s.top_2_percent) for s in results.statements] == [
        (12, 12, 100.0),
        (12, 6, 50.0),
        (12, 0, 0.0),
        (12, 6, 50.0),
    ]
    # R: binom::binom.wilson(c(12, 6, 0, 6), 12)
    assert [s.top_2_interval for s in results.statements] == [
        pytest.approx((75.7508, 100.0), abs=1e-3),
        pytest.approx((25.3782, 74.6218), abs=1e-3),
        pytest.approx((0.0, 24.2492), abs=1e-3),
        pytest.approx((25.3782, 74.6218), abs=1e-3),
    ]
    assert [s.is_intention for s in results.statements] == [False, False, False, True]


def test_percentages_that_do_not_add_up_are_explained(desk):
    article = published_article()
    # Thirds: 33 + 33 + 33.
    answer(article, [[5, 5, 5, 5], [4, 4, 4, 4], [3, 3, 3, 3]] * 4)
    first = article_results(article).statements[0]
    assert first.rounded_sum == 99
    assert "may add up to 99 or 101" in text(desk("Staff").get(article_url(article)))


def test_percentages_that_add_up_need_no_explanation(desk):
    article = published_article()
    answer(article, [[5, 5, 5, 5], [4, 4, 4, 4]] * 6)
    assert [s.rounded_sum for s in article_results(article).statements] == [100] * 4
    assert "may add up to" not in text(desk("Staff").get(article_url(article)))


def test_halves_are_rounded_as_they_are_shown(desk):
    article = published_article()
    # 12.5 % and 87.5 % of 16: shown as 13 % and 88 %.
    answer(article, [[5, 5, 5, 5]] * 14 + [[4, 4, 4, 4]] * 2)
    assert article_results(article).statements[0].rounded_sum == 101
    assert "2 (13%) 14 (88%)" in text(desk("Staff").get(article_url(article)))


def test_bars_diverge_from_the_middle_of_neither():
    article = published_article()
    answer(article, ROWS)
    clear, objectives, relevant, _change = article_results(article).statements
    # 100 % is 300 long, the middle is at 300.
    assert [(s.x, s.width) for s in clear.shares][-1] == (300, 300)
    assert [(s.x, s.width) for s in relevant.shares][2] == (150, 300)
    assert [(s.x, s.width) for s in objectives.shares] == [
        (175, 50),
        (225, 50),
        (275, 50),
        (325, 75),
        (400, 75),
    ]


def test_the_page_shows_counts_shares_and_denominators(desk):
    article = published_article(title="Late failure")
    answer(article, ROWS)
    page = desk("Staff").get(article_url(article))
    assert page.status_code == 200
    words = text(page)
    assert "Readers who answered 12" in words
    assert (
        "The content addressed the learning objectives 12 2 (17%) 2 (17%) 2 (17%) 3 (25%) 3 (25%) "
        "6 of 12 (50%) 25\u201375%" in words
    )
    assert words.count("Self-reported intention, not measured performance (Moore level 4)") == 2
    source = page.content.decode()
    assert source.count('<svg class="bar-chart"') == 4
    assert "style=" not in source[source.index('<svg class="bar-chart"') :]


@pytest.mark.parametrize(("n", "shown"), [(0, "0"), (1, None), (9, None), (10, "10")])
def test_nothing_is_shown_about_fewer_than_ten(desk, n, shown):
    article = published_article()
    answer(article, ROWS[:n])
    client = desk("Staff")
    words = text(client.get(article_url(article)))
    assert f"Readers who answered {shown or 'fewer than 10'}" in words
    assert ("Agree or strongly agree" in words) == (n >= 10)
    assert ('<svg class="bar-chart"' in client.get(article_url(article)).content.decode()) == (
        n >= 10
    )
    page = client.get(reverse(LIST)).content.decode()
    assert re.search(r'<td class="number">(.*?)</td>', page, re.DOTALL)[1].strip() == (
        shown or "fewer than 10"
    )
    assert len(article_results(article).statements) == (4 if n >= 10 else 0)


@pytest.mark.parametrize("query", ["?survey_version=1", "?country=GB", "?profession=nurse", "?q=x"])
def test_no_filter_gets_at_a_small_group(desk, query):
    article = published_article()
    answer(article, ROWS, country="DE")
    client = desk("Staff")
    assert text(client.get(article_url(article) + query)) == text(client.get(article_url(article)))


def test_comparable_wordings_are_added_up_and_others_stand_apart():
    article = published_article()
    answer(article, [[5, 5, 5, 5]] * 10)
    publish_version_2(changed="clear", text="The content was clear")
    answer(article, [[4, 4, 4, 4]] * 10)  # objectives, relevant, change, clear
    publish_version_2(changed="change", text="I changed my practice", is_comparable=False)
    answer(article, [[1, 1, 1, 2]] * 3)  # objectives, relevant, clear, change
    results = article_results(article)
    assert results.n == 23
    assert {s.text: [share.count for share in s.shares] for s in results.statements} == {
        "The content was clear": [3, 0, 0, 10, 10],
        "The content addressed the learning objectives": [3, 0, 0, 10, 10],
        "The content was relevant to my practice": [3, 0, 0, 10, 10],
        "I changed my practice": [0, 3, 0, 0, 0],
        "I will change my clinical practice as a result of this content": [0, 0, 0, 10, 10],
    }
    assert {s.text: s.is_shown for s in results.statements}["I changed my practice"] is False


def test_the_answers_to_a_wording_that_few_saw_are_not_shown(desk):
    article = published_article()
    answer(article, [[5, 5, 5, 5]] * 10)
    publish_version_2(changed="change", text="I changed my practice", is_comparable=False)
    answer(article, [[1, 1, 1, 2]] * 3)
    words = text(desk("Staff").get(article_url(article)))
    assert "I changed my practice Self-reported intention" in words
    assert "fewer than 10 not shown" in words
    assert "Fewer than 10 readers answered this wording." in words


def test_the_list_leaves_out_drafts_without_answers(desk):
    shown = published_article(title="Shown")
    withdrawn = published_article(title="Withdrawn")
    answer(withdrawn, ROWS)
    withdraw_article(article=withdrawn, user=None, reason="Wrong.")
    draft = PublishableArticleFactory(title="Not yet seen")
    page = desk("Staff").get(reverse(LIST)).content.decode()
    assert article_url(shown) in page
    assert article_url(withdrawn) in page
    assert article_url(draft) not in page


def test_weird_numbers_give_404_or_the_first_page(desk):
    client = desk("Staff")
    base = reverse(LIST)
    for address in ("0/", "999999999/", "9" * 30 + "/", "9" * 5000 + "/"):
        assert client.get(base + address).status_code in (302, 404)
    for page in ("x", "0", "-1", "9" * 5000, "1e9"):
        assert client.get(base, {"page": page}).status_code == 200
    assert client.post(base).status_code == 405


@pytest.mark.parametrize("articles", [1, 3])
def test_queries_do_not_grow(desk, django_assert_num_queries, articles):
    made = [published_article() for _ in range(articles)]
    for article in made:
        answer(article, ROWS)
    client = desk("Staff")
    client.get(reverse(LIST))
    # session, user, 2 permissions; the desk's list of apps; count, page
    with django_assert_num_queries(7):
        client.get(reverse(LIST))
    # session, user, 2 permissions; the desk's list of apps; article, n, answers, items, wordings
    with django_assert_num_queries(10):
        client.get(article_url(made[0]))


# --- who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["Editors", ""])
def test_without_the_permission_403_and_a_line_in_the_log(desk, caplog, group):
    article = published_article()
    client = desk(group)
    caplog.clear()
    for url in (reverse(LIST), article_url(article)):
        assert client.get(url).status_code == 403
    lines = [r.getMessage() for r in caplog.records if r.name == "feedback.admin"]
    assert lines == [
        "Refused: results_view without the permission feedback.view_results",
        "Refused: article_results_view without the permission feedback.view_results",
    ]


def test_strangers_are_asked_to_sign_in(client):
    article = published_article()
    for url in (reverse(LIST), article_url(article)):
        assert client.get(url).status_code == 302
        assert client.get(url)["Location"].startswith(reverse("admin:login"))


# --- the start page and the surveys ---------------------------------------------------------------


def test_the_start_page_leads_to_the_results(desk):
    few, enough = published_article(title="Few"), published_article(title="Enough")
    answer(few, ROWS[:9])
    answer(enough, ROWS)
    page = desk("Staff").get(reverse("admin:index"))
    [panel] = [panel for panel in page.context["panels"] if panel["title"] == "Latest results"]
    assert panel["items"] == [
        {"label": "Enough", "url": article_url(enough), "note": "12 readers answered"},
        {"label": "All results and exports", "url": reverse("admin:feedback_results")},
    ]
    editors = desk("Editors").get(reverse("admin:index"))
    assert "Latest results" not in [panel["title"] for panel in editors.context["panels"]]


def test_surveys_are_there_to_look_at(desk):
    client = desk("Staff")
    page = client.get(reverse("admin:feedback_survey_changelist")).content.decode()
    assert reverse(LIST) in page
    assert reverse("admin:feedback_export") in page
    survey = load_survey_version().survey_id
    url = reverse("admin:feedback_survey_change", args=[survey])
    assert "4. I will change my clinical practice" in text(client.get(url))
    assert client.post(url, {"name": "Other", "key": "other"}).status_code == 403
    assert client.get(reverse("admin:feedback_survey_add")).status_code == 403
    assert client.post(reverse("admin:feedback_survey_delete", args=[survey])).status_code == 403
