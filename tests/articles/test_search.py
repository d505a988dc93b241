from html import unescape

import pytest
from django.db import connection

from articles import search
from articles.models import Article
from portal.core.content_cache import memory
from tests.factories import (
    ArticleFactory,
    PublishableArticleFactory,
    TopicFactory,
    publish,
    published_article,
)

pytestmark = pytest.mark.django_db


def found(client, query, **filters):
    response = client.get("/search/", {"q": query, **filters})
    assert response.status_code == 200
    return [plain(hit.card.title) for hit in response.context.get("hits", [])]


def plain(html):
    return unescape(str(html).replace("<mark>", "").replace("</mark>", ""))


def heading(response):
    return " ".join(response.content.decode().split("<h1>")[1].split("</h1>")[0].split())


def choices(response):
    """Return {group: {label: count}} as the page offers them."""
    return {
        group.name: {choice.label: choice.count for choice in group.choices}
        for group in response.context["groups"]
    }


def article_with_text(body, **fields):
    article = PublishableArticleFactory(**fields)
    article.sections.create(position=9, heading="x", body=body)
    publish(article)
    return article


# --- what is found, in which order ----------------------------------------------------------------


def test_the_title_weighs_more_than_the_text(client):
    article_with_text("<p>bispecific antibodies</p>", title="In the text")
    published_article(title="Bispecific antibody")
    published_article(title="Elsewhere", summary="bispecific")
    published_article(title="Nothing of it")
    assert found(client, "bispecific") == ["Bispecific antibody", "Elsewhere", "In the text"]


def test_authors_and_references_are_found(client):
    article = published_article(title="By somebody")
    assert found(client, f'"{article.article_authors.get().person.name}"') == ["By somebody"]
    assert found(client, "transplantation") == ["By somebody"]


def test_web_search_syntax(client):
    published_article(title="CAR T-cell therapy")
    published_article(title="Therapy of cells")
    assert found(client, '"cell therapy"') == ["CAR T-cell therapy"]
    assert found(client, "therapy -car") == ["Therapy of cells"]
    assert sorted(found(client, "car OR cells")) == ["CAR T-cell therapy", "Therapy of cells"]
    assert found(client, "-car") == []


def test_no_draft_is_found(client):
    article = published_article(title="One")
    article.title = "Draft title"
    article.save()
    ArticleFactory(title="Draft body")
    assert found(client, "body") == ["One"]
    assert found(client, "draft") == []


# --- the page -------------------------------------------------------------------------------------


def test_the_number_of_results_stands_in_the_heading(client):
    published_article(title="Alpha")
    assert heading(client.get("/search/?q=alpha")) == "1 article matches “alpha”"
    published_article(title="Alpha two")
    assert heading(client.get("/search/?q=alpha")) == "2 articles match “alpha”"


def test_a_capped_result_says_so_and_offers_what_no_candidate_has(client, monkeypatch):
    monkeypatch.setattr(search, "MAX_CANDIDATES", 2)
    for kind in ("review", "review", "short_report"):
        published_article(title="Alpha", type=kind)
    response = client.get("/search/?q=alpha")
    assert heading(response) == "More than 2 articles match “alpha”"
    assert "the best of 2 matches; there are more" in response.content.decode()
    assert len(response.context["hits"]) == 2
    counts = choices(response)["type"]
    assert sorted(counts) == ["Congress report", "Expert opinion", "Review", "Short report"]
    assert counts["Expert opinion"] == ""
    assert set(counts.values()) <= {"", "1+", "2+"}


def test_results_are_not_for_search_engines_nor_for_shared_caches(client):
    response = client.get("/search/?q=alpha")
    assert '<meta name="robots" content="noindex">' in response.content.decode()
    assert response["Cache-Control"] == "private, no-cache"
    assert "Cookie" in response["Vary"]


def test_nothing_found_says_what_to_try(client):
    article = published_article(title="Alpha")
    memory.forget()
    response = client.get("/search/?q=omega&type=short_report")
    html = response.content.decode()
    assert heading(response) == "No articles match “omega”"
    assert "Try fewer or other words" in html
    assert "Remove a filter." in html
    assert article.topics.get().get_absolute_url() in html
    assert [card.title for card in response.context["latest"]] == ["Alpha"]


@pytest.mark.parametrize("count", [1, 3])
def test_a_search_costs_four_queries_and_five_when_nothing_is_remembered(
    client, django_assert_num_queries, count
):
    for _ in range(count):
        published_article(title="Alpha")
    client.get("/search/")
    with django_assert_num_queries(5):
        client.get("/search/?q=alpha")
    with django_assert_num_queries(4):
        client.get("/search/?q=alpha")
    client.get("/search/?q=omega")
    with django_assert_num_queries(2):
        assert client.get("/search/?q=alpha&year=1999").context["hits"] == []


def test_pages_of_results_keep_the_question_and_the_filters(client, monkeypatch):
    monkeypatch.setattr("articles.search_views.PER_PAGE", 1)
    for _ in range(2):
        published_article(title="A & B", type="review")
    first = client.get("/search/", {"q": "a & b", "type": "review"})
    assert 'href="?q=a+%26+b&amp;type=review&amp;page=2"' in first.content.decode()
    second = client.get("/search/?q=a+%26+b&type=review&page=2")
    assert len(second.context["hits"]) == 1
    assert second.context["hits"][0].card.slug != first.context["hits"][0].card.slug
    assert '<input type="hidden" name="type" value="review">' in second.content.decode()


# --- highlights -----------------------------------------------------------------------------------


def hit_of(client, query):
    (hit,) = client.get("/search/", {"q": query}).context["hits"]
    return hit


def test_the_words_are_marked_on_the_card(client):
    published_article(title="Reading a curve", summary="Curves & steps of a <curve>. [@halpern]")
    hit = hit_of(client, "curve")
    assert hit.card.title == "Reading a <mark>curve</mark>"
    assert hit.card.summary == ("<mark>Curves</mark> &amp; steps of a &lt;<mark>curve</mark>&gt;.")
    assert hit.excerpt == ""


def test_an_objective_that_matches_is_shown(client):
    published_article(title="One")
    hit = hit_of(client, "hazard ratio")
    assert hit.excerpt == "Interpret a <mark>hazard</mark> <mark>ratio</mark>"


def test_only_attested_readers_see_words_of_the_text(client, attested):
    article_with_text("<p>Only here: apheresis, said once.</p>", title="One")
    assert "<mark>apheresis</mark>, said once" in hit_of(attested, "apheresis").excerpt
    attested.cookies.clear()
    response = attested.get("/search/?q=apheresis")
    assert response.context["hits"][0].excerpt == ""
    assert "said once" not in response.content.decode()


def test_citations_are_no_part_of_an_excerpt(attested):
    article_with_text("<p>Apheresis [@halpern] was done.</p>", title="One")
    assert "<mark>Apheresis</mark> was done" in hit_of(attested, "apheresis").excerpt


STAND_INS = "\x01\x02\x03\x04"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script> curve",
        "<b>curve</b> &lt;b&gt; &amp;",
        '"curve" onmouseover="x" \'curve\'',
        "curve </mark><img src=x>",
        "curve < curve > a<b",
        f"{STAND_INS} curve <{STAND_INS[2]}",
        f"{STAND_INS[2]}curve{STAND_INS[3]}",
    ],
)
def test_nothing_but_marks_comes_out_of_a_text(attested, text):
    published_article(title=text, summary=text)
    hit = hit_of(attested, "curve")
    for shown in (hit.card.title, hit.card.summary):
        assert shown.count("<mark>") == shown.count("</mark>") == text.count("curve")
        assert "<mark>curve</mark>" in shown
        bare = shown.replace("<mark>", "").replace("</mark>", "")
        assert not set(bare) & set("<>\"'" + STAND_INS)
        assert unescape(bare) == text.translate(dict.fromkeys(map(ord, STAND_INS)))


# --- filters --------------------------------------------------------------------------------------


@pytest.fixture
def tree(db):
    """Three topics, one below the other, with an article each."""
    blood = TopicFactory(name="Blood", slug="blood")
    lymphoma = TopicFactory(name="Lymphoma", slug="lymphoma", parent=blood)
    follicular = TopicFactory(name="Follicular", slug="follicular", parent=lymphoma)
    for topic in (blood, lymphoma, follicular):
        article = PublishableArticleFactory(title=f"Alpha {topic.name}")
        article.topics.set([topic])
        publish(article)
    return blood, lymphoma, follicular


def test_a_topic_includes_what_is_narrower(client, tree):
    assert sorted(found(client, "alpha", topic="lymphoma")) == [
        "Alpha Follicular",
        "Alpha Lymphoma",
    ]
    assert found(client, "alpha", topic="follicular") == ["Alpha Follicular"]


def test_topics_are_counted_with_what_is_narrower(client, tree):
    assert choices(client.get("/search/?q=alpha"))["topic"] == {
        "Blood": "3",
        "Follicular": "1",
        "Lymphoma": "2",
    }
    # Inside a topic only narrower ones are offered.
    assert choices(client.get("/search/?q=alpha&topic=lymphoma"))["topic"] == {"Follicular": "1"}


def test_type_and_year_narrow_and_are_counted(client):
    published_article(title="Alpha review", type="review")
    old = published_article(title="Alpha report")
    Article.objects.filter(pk=old.pk).update(first_published_at="2019-12-31T23:30:00Z")
    memory.forget()
    response = client.get("/search/?q=alpha")
    assert choices(response)["type"] == {"Short report": "1", "Review": "1"}
    assert choices(response)["year"]["2019"] == "1"
    assert found(client, "alpha", type="review") == ["Alpha review"]
    assert found(client, "alpha", year="2019") == ["Alpha report"]
    assert found(client, "alpha", year="2019", type="review") == []


def test_filters_follow_what_was_published_not_the_draft(client):
    article = published_article(title="Alpha", type="review")
    article.type = "short_report"
    article.save()
    article.topics.set([TopicFactory(slug="later")])
    assert found(client, "alpha", type="review") == ["Alpha"]
    assert found(client, "alpha", topic="later") == []


def test_each_filter_is_removed_by_a_link(client, tree):
    response = client.get("/search/?q=alpha&topic=blood&type=short_report&year=2020")
    assert {(choice.label, choice.address) for choice in response.context["active"]} == {
        ("Blood", "?q=alpha&type=short_report&year=2020"),
        ("Short report", "?q=alpha&topic=blood&year=2020"),
        ("2020", "?q=alpha&topic=blood&type=short_report"),
    }
    assert "<title>Search for “alpha”, Blood, Short report, 2020 " in response.content.decode()
    assert '<a class="chip" href="?q=alpha&amp;type=short_report&amp;year=2020">' in (
        response.content.decode()
    )


def test_a_deleted_topic_is_no_longer_counted(client, tree):
    follicular = tree[2]
    follicular.articles.clear()
    follicular.delete()
    memory.forget()
    assert choices(client.get("/search/?q=alpha"))["topic"] == {"Blood": "2", "Lymphoma": "1"}


def test_topics_in_a_ring_end(client, tree):
    blood, _, follicular = tree
    blood.parent = follicular
    blood.save()
    memory.forget()
    assert len(found(client, "alpha", topic="blood")) == 3


# --- bad input ------------------------------------------------------------------------------------

WEIRD = [
    "", " ", "the", "'", '"', "\\", "&|!():*<->", "%", "_", "(((", "'; DROP TABLE x; --", "-",
    "or or", "\u202e", "😀", "a" * 200, ":*", "a:b", "@@", "<script>", "'''''\\'", '"unbalanced',
    "OR", "-a -b", "{candidates}", "%s", "%(text)s", "\x03\x04",
]  # fmt: skip


def test_weird_questions_get_an_answer(client):
    published_article()
    answers = {query: client.get("/search/", {"q": query}).status_code for query in WEIRD}
    assert set(answers.values()) == {200}, answers


@pytest.mark.parametrize("length", [201, 5_000, 10_000])
def test_too_long_a_question_is_an_error_on_the_page(client, length):
    response = client.get("/search/", {"q": "a" * length})
    assert response.status_code == 200
    assert "Error:" in response.content.decode().split("</title>")[0]


def test_bytes_that_are_no_text(client):
    for name in ("q", "topic", "type", "year", "page"):
        assert client.get(f"/search/?q=a&{name}=%00").status_code == 400
    assert client.get("/search/?q=%ff%fe").status_code == 200
    assert client.get("/search/?q[]=a&q=b&q=c").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        "topic=nowhere",
        "topic=" + "x" * 10_000,
        "type=novel",
        "year=99999999999",
        "year=" + "9" * 5_000,
        "year=0",
        "year=-1",
        "year=2999.5",
        "year=x",
    ],
)
def test_an_unknown_filter_is_named_and_left_out(client, wrong):
    published_article(title="Alpha")
    response = client.get(f"/search/?q=alpha&{wrong}")
    html = response.content.decode()
    assert response.status_code == 200
    assert "Error:" in html.split("</title>")[0]
    assert "it was left out" in html
    assert [plain(hit.card.title) for hit in response.context["hits"]] == ["Alpha"]
    assert response.context["active"] == []


@pytest.mark.parametrize("page", ["0", "-1", "2", "x", "9" * 5_000, "1e3"])
def test_a_page_that_is_not_there(client, page):
    published_article(title="Alpha")
    assert client.get(f"/search/?q=alpha&page={page}").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_search_that_takes_too_long_is_stopped(client, monkeypatch):
    published_article(title="Alpha")
    monkeypatch.setattr(search, "_SUMMARY", search._SUMMARY + ", pg_sleep(5)")
    monkeypatch.setattr(search, "TIMEOUT_SECONDS", 0.2)
    response = client.get("/search/?q=alpha")
    assert "This search took too long" in response.content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)
