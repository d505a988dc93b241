import pytest

from articles import search
from tests.factories import ArticleFactory, PublishableArticleFactory, publish, published_article

pytestmark = pytest.mark.django_db


def found(client, query):
    response = client.get("/search/", {"q": query})
    assert response.status_code == 200
    return [card.title for card in response.context.get("articles", [])]


def test_the_title_weighs_more_than_the_text(client):
    in_text = PublishableArticleFactory(title="In the text")
    in_text.sections.create(position=9, heading="x", body="<p>bispecific antibodies</p>")
    publish(in_text)
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


def test_results_show_public_text_only_and_no_draft(client):
    article = published_article(title="One")
    article.title = "Draft title"
    article.save()
    ArticleFactory(title="Draft body")
    response = client.get("/search/", {"q": "body"})
    assert [card.title for card in response.context["articles"]] == ["One"]
    assert "The body of it" not in response.content.decode()
    assert found(client, "draft") == []


def test_the_number_of_results_stands_in_the_heading(client):
    published_article(title="Alpha")
    html = client.get("/search/", {"q": "alpha"}).content.decode()
    assert " ".join(html.split("<h1>")[1].split("</h1>")[0].split()) == "1 article matches “alpha”"
    published_article(title="Alpha two")
    html = client.get("/search/", {"q": "alpha"}).content.decode()
    assert " ".join(html.split("<h1>")[1].split("</h1>")[0].split()) == "2 articles match “alpha”"


def test_a_capped_result_says_so(client, monkeypatch):
    monkeypatch.setattr(search, "MAX_CANDIDATES", 2)
    for _ in range(3):
        published_article(title="Alpha")
    response = client.get("/search/", {"q": "alpha"})
    assert "More than 2 articles match" in response.content.decode()
    assert len(response.context["articles"]) == 2


@pytest.mark.parametrize("count", [1, 3])
def test_a_search_costs_two_queries(client, django_assert_num_queries, count):
    for _ in range(count):
        published_article(title="Alpha")
    client.get("/search/")
    with django_assert_num_queries(2):
        client.get("/search/", {"q": "alpha"})


def test_pages_of_results_keep_the_question(client, monkeypatch):
    monkeypatch.setattr("articles.views.PER_PAGE", 1)
    for _ in range(2):
        published_article(title="A & B")
    response = client.get("/search/", {"q": "a & b"})
    assert 'href="?q=a+%26+b&amp;page=2"' in response.content.decode()
    assert len(client.get("/search/?q=a+%26+b&page=2").context["articles"]) == 1
    assert client.get("/search/?q=a+%26+b&page=3").status_code == 404


WEIRD = [
    "", " ", "the", "'", '"', "\\", "&|!():*<->", "%", "_", "(((", "'; DROP TABLE x; --", "-",
    "or or", "\u202e", "😀", "a" * 200, ":*", "a:b", "@@", "<script>", "'''''\\'",
]  # fmt: skip


def test_weird_questions_get_an_answer(client):
    published_article()
    answers = {query: client.get("/search/", {"q": query}).status_code for query in WEIRD}
    assert set(answers.values()) == {200}, answers


def test_too_long_a_question_is_an_error_on_the_page(client):
    response = client.get("/search/", {"q": "a" * 5000})
    assert response.status_code == 200
    assert "Error:" in response.content.decode().split("</title>")[0]
    assert client.get("/search/?q=%00").status_code == 400
    assert client.get("/search/?q=%ff%fe").status_code == 200
    assert client.get("/search/?q[]=a&q=b&q=c").status_code == 200
