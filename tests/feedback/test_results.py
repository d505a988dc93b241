"""The desk's page of results: any selection, its figures, and who may see them."""

import pytest
import time_machine
from django.urls import reverse

from articles.services import withdraw_article
from feedback.models import Impressions, load_survey_version
from tests.factories import PublishableArticleFactory, published_article

from .builders import answer, publish_version_2, refresh_tallies
from .desk import DECEMBER, FEBRUARY, JANUARY, MARCH, ROWS, TODAY, at, results_url, text

pytestmark = pytest.mark.django_db

ALL_AGREE, ALL_DISAGREE = [5, 5, 5, 5], [1, 1, 1, 1]


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(TODAY, tick=False):
        yield


@pytest.fixture
def article():
    """An article with 12 answers, beside another with 20."""
    article = published_article(title="Late failure")
    answer(article, ROWS, submitted_at=at(MARCH))
    answer(published_article(title="Early success"), [ALL_AGREE] * 20, submitted_at=at(MARCH))
    refresh_tallies()
    return article


# --- figures --------------------------------------------------------------------------------------


def test_an_article_beside_the_rest_of_the_portal(desk, article):
    page = desk("Staff").get(results_url(article=article.pk))
    words = text(page)
    assert page.status_code == 200
    assert "The article “Late failure”. Months: all closed ones. Readers: all." in words
    assert "Responses 12" in words
    # How many chose each level, not applicable, not asked.
    assert (
        "The content addressed the learning objectives 12 2 17% 2 17% 2 17% 3 25% 3 25% 0 0"
    ) in words
    # R: quantile(x, type = 2); sd(x); binom::binom.wilson(6, 12)
    assert (
        "The content addressed the learning objectives 3.5 (2-4.5) 3.25 ± 1.48 6 of 12 (50%) "
        "25-75% 20 of 20 (100%) 50 percentage points lower"
    ) in words
    assert (
        "The content was clear and easy to understand 5 (5-5) 5.00 ± 0.00 12 of 12 (100%) 76-100% "
        "20 of 20 (100%) the same to the nearest percentage point"
    ) in words
    assert "Figures as of 10 April 2026, 13:00." in words
    assert "None of it is measured performance" in words


def test_charts_are_named_described_and_without_inline_style(desk, article):
    source = desk("Staff").get(results_url(article=article.pk)).content.decode()
    # Four statements, each beside the rest of the portal.
    assert source.count('class="bar-chart"') == 8
    assert source.count('class="trend-chart"') == 4
    assert source.count('role="img"') == 12
    assert "Strongly disagree 17%, Disagree 17%, Neither agree nor disagree 17%" in source
    assert "style=" not in source
    assert source.count("url(#hatch-1)") >= 1


def test_the_whole_portal_has_no_rest_and_ranks_its_articles(desk, article):
    page = desk("Staff").get(results_url())
    words = text(page)
    assert "The whole portal. Months: all closed ones. Readers: all." in words
    assert "Responses 32" in words
    assert "Rest of the portal" not in words
    places = page.context["places"].object_list
    assert [(place.number, place.article.title) for place in places] == [
        (1, "Early success"),
        (2, "Late failure"),
    ]
    # 24 of 48 answers by 12 readers: binom::binom.wilson(6, 12)
    assert "2 Late failure 12 24 of 48 (50%) 25-75%" in words
    assert results_url(article=article.pk).partition("?")[2] in page.content.decode()


def test_the_trend_leaves_gaps_where_a_month_is_hidden(desk):
    article, other = published_article(), published_article()
    # February is too small, and January is the smallest that could tell of it.
    for month, n in ((DECEMBER, 15), (JANUARY, 10), (FEBRUARY, 3), (MARCH, 12)):
        answer(article, [ALL_AGREE] * n, submitted_at=at(month))
        answer(other, [ALL_AGREE] * 20, submitted_at=at(month))
    refresh_tallies()
    page = desk("Staff").get(results_url(article=article.pk))
    rows = page.context["trend_rows"]
    assert [(row.month, row.cells[0] and row.cells[0].n) for row in rows] == [
        (MARCH, 12),
        (FEBRUARY, None),
        (JANUARY, None),
        (DECEMBER, 15),
    ]
    assert "Feb 2026 not shown not shown not shown not shown" in text(page)
    assert page.content.decode().count('class="trend-gap"') == 8
    assert page.context["trends"][0].chart.lines == ()


def test_intention_is_labelled_wherever_its_figures_stand(desk, article):
    words = text(desk("Staff").get(results_url(article=article.pk)))
    statement = "I will change my clinical practice as a result of this content"
    label = "Self-reported intention, not measured performance (Moore level 4)"
    # The bars, how many chose each level, the summary; the trend's chart and its table.
    assert words.count(f"{statement} {label}") == 5
    # What is left are the names of two charts of bars, below the first of these.
    assert words.count(statement) == 7


def test_the_ranking_says_which_levels_it_pools(desk, article):
    words = text(desk("Staff").get(results_url())).partition("Articles in order")[2]
    assert "satisfaction (level 2), and what readers say they intend (level 4" in words


def test_not_applicable_and_not_asked_are_beside_n(desk):
    article, other = published_article(), published_article()
    answer(article, [[5, 0, 3, 1]] * 10 + [ALL_AGREE] * 10, submitted_at=at(MARCH))
    answer(other, [ALL_AGREE] * 20, submitted_at=at(MARCH))
    refresh_tallies()
    words = text(desk("Staff").get(results_url(article=article.pk)))
    assert (
        "The content addressed the learning objectives 10 0 0% 0 0% 0 0% 0 0% 10 100% 10 0"
    ) in words


def test_the_response_rate_and_the_way_to_an_answer(desk, article):
    seen = Impressions.objects.create(
        article=article, month=MARCH, shown=48, started=16, submitted=12
    )
    client = desk("Staff")
    words = text(client.get(results_url(article=article.pk)))
    assert "Response rate 25% 12 of 48 who were shown the survey" in words
    assert "Were shown the survey 48 100% Started to answer 16 33% Sent their answers 12 25%" in (
        words
    )
    # Fewer were counted than answered: counting began too late for a rate.
    Impressions.objects.filter(pk=seen.pk).update(shown=11, started=11, submitted=11)
    words = text(client.get(results_url(article=article.pk)))
    assert "Response rate - not known: too few were counted" in words


def test_no_rate_for_a_part_of_the_readers(desk, article):
    Impressions.objects.create(article=article, month=MARCH, shown=48, started=16, submitted=12)
    words = text(desk("Staff").get(results_url(readers="profession:")))
    assert "Response rate - not known for a part of the readers" in words


def test_wordings_that_do_not_compare_stand_apart(desk):
    article, other = published_article(), published_article()
    answer(article, [ALL_AGREE] * 12, submitted_at=at(MARCH))
    answer(other, [ALL_AGREE] * 12, submitted_at=at(MARCH))
    version = publish_version_2(changed="change", text="I have changed", is_comparable=False)
    for one in (article, other):
        answer(one, [ALL_DISAGREE] * 12, submitted_at=at(MARCH), survey_version_id=version.pk)
    refresh_tallies()
    page = desk("Staff").get(results_url(article=article.pk))
    words = text(page)
    assert "I have changed Self-reported intention, not measured performance (Moore level 4) " in (
        words
    )
    assert "Series 2 of this statement’s wordings: not comparable with the others." in words
    assert "Series 1 of this statement’s wordings: not comparable with the others." in words
    [group] = page.context["groups"]
    assert {
        (row.figures.key, row.figures.series): row.figures.counts
        for row in group.rows
        if row.figures.key == "change"
    } == {("change", 1): (0, 0, 0, 0, 12), ("change", 2): (12, 0, 0, 0, 0)}


# --- states ---------------------------------------------------------------------------------------


def test_nobody_has_answered_at_all(desk):
    published_article()
    page = desk("Staff").get(results_url())
    assert page.status_code == 200
    assert "Nobody has answered here yet." in text(page)
    assert "bar-chart" not in page.content.decode()


@pytest.mark.parametrize("n", [1, 9])
def test_fewer_than_ten_are_not_shown_whether_group_or_rest(desk, n):
    few, many = published_article(title="Few"), published_article(title="Many")
    answer(few, [ALL_AGREE] * n, submitted_at=at(MARCH), comment="Only I say so.")
    answer(many, [ALL_AGREE] * 20, submitted_at=at(MARCH), comment="So do we.")
    refresh_tallies()
    client = desk("Staff")
    pages = [client.get(results_url(article=article.pk)) for article in (few, many)]
    for page in pages:
        assert page.status_code == 200
        assert "These figures are not shown: fewer than 10 people" in text(page)
        assert "chart" not in page.content.decode().partition("</head>")[2]
        assert "say" not in page.content.decode()
        assert "So do" not in page.content.decode()
    # Nothing but the titles tells the small group from the one beside a small rest.
    assert text(pages[0]).replace("Few", "*") == text(pages[1]).replace("Many", "*")


def test_answers_of_the_month_that_is_not_over_do_not_count(desk):
    answer(published_article(), [ALL_AGREE] * 20, submitted_at=TODAY)
    refresh_tallies()
    words = text(desk("Staff").get(results_url()))
    assert "Nobody has answered here yet." in words
    assert "Answers first given in April 2026 count when the month is over." in words


def test_a_statement_that_few_were_asked_is_hidden_and_counted(desk):
    article, other = published_article(), published_article()
    for one in (article, other):
        answer(one, [ALL_AGREE] * 20, submitted_at=at(MARCH))
    version = publish_version_2(changed="change", text="I have changed", is_comparable=False)
    answer(article, [ALL_AGREE] * 3, submitted_at=at(MARCH), survey_version_id=version.pk)
    refresh_tallies()
    page = desk("Staff").get(results_url())
    assert "I have changed" not in text(page)
    assert "not shown: fewer than 10 people" in text(page)


# --- addresses, permissions, queries --------------------------------------------------------------


def test_an_articles_own_address_leads_to_its_figures(desk, article):
    client = desk("Staff")
    own = reverse("admin:feedback_article_results", args=[article.pk])
    assert client.get(own)["Location"] == results_url(article=article.pk)
    draft = PublishableArticleFactory()
    assert client.get(reverse("admin:feedback_article_results", args=[draft.pk])).status_code == 404


def test_a_withdrawn_article_keeps_its_figures(desk, article):
    withdraw_article(article=article, user=None, reason="Wrong.")
    refresh_tallies()
    page = desk("Staff").get(results_url(article=article.pk))
    assert page.context["figures"].n == 12


def test_weird_numbers_give_404_or_the_first_page(desk, article):
    client = desk("Staff")
    for address in ("0/", "999999999/", "9" * 30 + "/", "9" * 5000 + "/"):
        assert client.get(results_url() + address).status_code in {302, 404}
    for page in ("x", "0", "-1", "9" * 5000, "1e9"):
        assert client.get(results_url(page=page, comments=page)).status_code == 200
    assert client.put(results_url()).status_code == 405


@pytest.mark.parametrize("articles", [1, 3, 6])
def test_queries_do_not_grow(desk, django_assert_num_queries, articles):
    made = [published_article() for _ in range(articles)]
    for one in made:
        answer(one, ROWS, submitted_at=at(MARCH), comment="A word.")
    refresh_tallies()
    client = desk("Staff")
    for filters in ({}, {"article": made[0].pk}):
        client.get(results_url(**filters))
    # session, user, 2 permissions; the desk's list of apps
    frame = 5
    # authors, countries; months, figures, trend and ranking, each of which asks for news; titles;
    # readers who saw the survey, all and by month; as of; comments: count, order and texts
    with django_assert_num_queries(frame + 13):
        assert client.get(results_url()).status_code == 200
    # the article and another of its title, and the rest with its readers, but no ranking; where
    # there is a rest, a question of how many people are in it
    with django_assert_num_queries(frame + (16 if articles == 1 else 17)):
        assert client.get(results_url(article=made[0].pk)).status_code == 200


@pytest.mark.parametrize("group", ["Editors", ""])
def test_without_the_permission_403_and_a_line_in_the_log(desk, caplog, group):
    client = desk(group)
    caplog.clear()
    own = reverse("admin:feedback_article_results", args=[published_article().pk])
    for url in (results_url(), own, reverse("admin:feedback_results_articles")):
        assert client.get(url).status_code == 403
    lines = [r.getMessage() for r in caplog.records if r.name == "portal.core.desk_pages"]
    assert lines == [
        f"Refused: {view} without the permission feedback.view_results"
        for view in ("results_view", "article_results_view", "suggestions_view")
    ]


def test_strangers_are_asked_to_sign_in(client):
    own = reverse("admin:feedback_article_results", args=[published_article().pk])
    for url in (results_url(), own, reverse("admin:feedback_results_articles")):
        assert client.get(url)["Location"].startswith(reverse("admin:login"))


# --- the start page and the surveys ---------------------------------------------------------------


def test_the_start_page_leads_to_the_results(desk):
    few, enough = published_article(title="Few"), published_article(title="Enough")
    other = published_article(title="Other")
    answer(few, ROWS, submitted_at=TODAY)  # in the month that is not over
    for one in (enough, other):
        answer(one, ROWS, submitted_at=at(MARCH))
    refresh_tallies()
    page = desk("Staff").get(reverse("admin:index"))
    [panel] = [panel for panel in page.context["panels"] if panel["title"] == "Latest results"]
    note = "12 readers answered"
    assert panel["items"] == [
        {"label": "Other", "url": results_url(article=other.pk), "note": note},
        {"label": "Enough", "url": results_url(article=enough.pk), "note": note},
        {"label": "All results and exports", "url": results_url()},
    ]
    editors = desk("Editors").get(reverse("admin:index"))
    assert "Latest results" not in [panel["title"] for panel in editors.context["panels"]]


def test_surveys_are_there_to_look_at(desk):
    client = desk("Staff")
    page = client.get(reverse("admin:feedback_survey_changelist")).content.decode()
    assert results_url() in page
    assert reverse("admin:feedback_export") in page
    survey = load_survey_version().survey_id
    url = reverse("admin:feedback_survey_change", args=[survey])
    assert "I will change my clinical practice" in text(client.get(url))
