"""How an article is found: topics, authors, related articles, and what leads there."""

import re

import pytest

from articles.models import ArticleAuthor, Topic, topic_tree
from articles.services import withdraw_article
from portal.core.content_cache import memory
from portal.people.models import Person
from tests.factories import (
    DisclosureFactory,
    PublishableArticleFactory,
    TopicFactory,
    publish,
    published_article,
)

pytestmark = pytest.mark.django_db


def published_about(*topics, **fields):
    """Return an article that is published in ``topics`` alone."""
    article = PublishableArticleFactory(**fields)
    article.topics.set(topics)
    publish(article)
    memory.forget()
    return article


def published_by(*people, **fields):
    """Return an article that is published with ``people`` in its byline."""
    article = PublishableArticleFactory(**fields)
    article.article_authors.all().delete()
    for position, person in enumerate(people, 1):
        ArticleAuthor.objects.create(article=article, person=person, position=position)
    publish(article)
    return article


def author(**fields):
    return DisclosureFactory(**{f"person__{name}": value for name, value in fields.items()}).person


def titles(response):
    """The titles of the cards on a page, in their order."""
    return re.findall(r'card-title"><a href="[^"]+">([^<]+)<', response.content.decode())


def chips(response):
    """Names and counts of the topics offered in the body of a page."""
    html = response.content.decode().partition("<main")[2]
    found = re.findall(r'(?s)class="chip" href="([^"]+)">([^<]+)<.*?</span> (\d+)</span>', html)
    return [(path, name.strip(), int(count)) for path, name, count in found]


# --- topics ---------------------------------------------------------------------------------------


@pytest.fixture
def tree(db):
    """Lymphoma > B-cell > Follicular, and CAR T beside them."""
    lymphoma = TopicFactory(name="Lymphoma", slug="lymphoma")
    b_cell = TopicFactory(name="B-cell", slug="b-cell", parent=lymphoma)
    return {
        "lymphoma": lymphoma,
        "b_cell": b_cell,
        "follicular": TopicFactory(name="Follicular", slug="follicular", parent=b_cell),
        "car_t": TopicFactory(name="CAR T", slug="car-t"),
    }


def test_a_topic_shows_the_articles_of_narrower_topics_each_once(client, tree):
    published_about(tree["lymphoma"], title="Broad")
    published_about(tree["follicular"], tree["b_cell"], title="Narrow twice")
    published_about(tree["car_t"], title="Elsewhere")
    assert titles(client.get("/topics/lymphoma/")) == ["Narrow twice", "Broad"]
    assert titles(client.get("/topics/b-cell/")) == ["Narrow twice"]
    assert titles(client.get("/topics/follicular/")) == ["Narrow twice"]
    assert titles(client.get("/topics/car-t/")) == ["Elsewhere"]


def test_a_topic_offers_narrower_topics_with_articles_and_the_path_of_broader_ones(client, tree):
    TopicFactory(name="Without articles", parent=tree["lymphoma"])
    published_about(tree["follicular"])
    published_about(tree["b_cell"])
    assert chips(client.get("/topics/lymphoma/")) == [("/topics/b-cell/", "B-cell", 2)]
    html = client.get("/topics/follicular/").content.decode()
    path = re.search(r'(?s)<nav class="breadcrumb".*?</nav>', html)[0]
    assert re.findall(r'href="([^"]+)">([^<]+)<', path) == [
        ("/topics/lymphoma/", "Lymphoma"),
        ("/topics/b-cell/", "B-cell"),
    ]
    assert '<li aria-current="page">Follicular</li>' in path
    assert "breadcrumb" not in client.get("/topics/lymphoma/").content.decode()


def test_a_topic_that_only_the_draft_has_shows_nothing_before_it_is_published(client, tree):
    article = published_about(tree["lymphoma"], title="Out")
    article.topics.set([tree["car_t"]])
    memory.forget()
    assert titles(client.get("/topics/lymphoma/")) == ["Out"]
    assert titles(client.get("/topics/car-t/")) == []
    assert chips(client.get("/")) == [("/topics/lymphoma/", "Lymphoma", 1)]
    publish(article)
    memory.forget()
    assert titles(client.get("/topics/lymphoma/")) == []
    assert titles(client.get("/topics/car-t/")) == ["Out"]
    assert chips(client.get("/")) == [("/topics/car-t/", "CAR T", 1)]


def test_home_counts_the_articles_of_narrower_topics_once_and_no_drafts(client, tree):
    published_about(tree["follicular"], tree["b_cell"])
    published_about(tree["lymphoma"])
    PublishableArticleFactory().topics.set(tree.values())
    memory.forget()
    assert [(name, count) for _, name, count in chips(client.get("/"))] == [
        ("B-cell", 1),
        ("Follicular", 1),
        ("Lymphoma", 2),
    ]


def test_topics_in_a_circle_do_no_harm(client, tree):
    published_about(tree["b_cell"], title="Here")
    Topic.objects.filter(pk=tree["lymphoma"].pk).update(parent=tree["follicular"])
    memory.forget()
    for slug in ("lymphoma", "b-cell", "follicular"):
        assert titles(client.get(f"/topics/{slug}/")) == ["Here"]
    found = topic_tree()
    path = [topic.slug for topic in found.path(found.topics[tree["lymphoma"].pk])]
    assert path == ["b-cell", "follicular"]


def test_a_topic_without_articles_is_a_page_without_queries(
    client, tree, django_assert_num_queries
):
    client.get("/patients/")
    with django_assert_num_queries(1):  # how many articles each topic has
        response = client.get("/topics/follicular/")
    assert "No articles on this topic yet" in response.content.decode()


def test_a_page_of_a_topic_has_its_own_canonical_address(client, tree):
    for _ in range(21):
        published_about(tree["car_t"])
    for query, canonical in (("", ""), ("?page=2", "?page=2"), ("?page=1&utm_source=x", "")):
        html = client.get(f"/topics/car-t/{query}").content.decode()
        found = re.findall(r'<link rel="canonical"\s+href="([^"]+)"', html)
        assert found == [f"http://testserver/topics/car-t/{canonical}"]


@pytest.mark.parametrize(
    "path", ["/", "/articles/", "/funders/", "/patients/", "/healthcare-professionals/"]
)
def test_public_pages_name_their_address_without_a_query(client, path):
    html = client.get(f"{path}?utm_source=x&next=/").content.decode()
    assert re.findall(r'<link rel="canonical"\s+href="([^"]+)"', html) == [
        f"http://testserver{path}"
    ]


# --- authors --------------------------------------------------------------------------------------


def test_an_author_has_a_page_with_the_facts_and_the_articles(client):
    person = author(
        name="Dr <Ada>",
        slug="ada",
        role="Writer",
        affiliation="A hospital",
        orcid="0000-0002-1825-0097",
    )
    published_by(person, title="First")
    published_by(author(), person, title="Second")
    published_by(author(), title="Of another")
    response = client.get("/authors/ada/")
    html = response.content.decode()
    assert "<h1>Dr &lt;Ada&gt;</h1>" in html
    assert "<li>Writer</li>" in html
    assert "<li>A hospital</li>" in html
    assert 'href="https://orcid.org/0000-0002-1825-0097"' in html
    assert titles(response) == ["Second", "First"]
    assert '<link rel="canonical"\n        href="http://testserver/authors/ada/">' in html


def test_the_byline_leads_to_the_author(attested, client):
    article = published_by(author(name="Ada", slug="ada"))
    link = '<a class="byline-name" href="/authors/ada/">Ada</a>'
    assert link in attested.get(article.get_absolute_url()).content.decode()
    client.cookies.clear()
    assert link in client.get(article.get_absolute_url()).content.decode()


def test_who_is_no_author_of_a_published_version_has_no_page(client):
    unpublished, reviewer, former = (author(slug=slug) for slug in ("draft", "reviewer", "former"))
    draft = PublishableArticleFactory()
    draft.article_authors.create(person=unpublished)
    # Named by a version, but not in its byline.
    article = published_article()
    article.published_version.people.through.objects.create(
        version=article.published_version, person=reviewer
    )
    # In the byline of an earlier version alone.
    rewritten = published_by(former, author())
    ArticleAuthor.objects.filter(person=former).delete()
    publish(rewritten)
    for slug in ("draft", "reviewer", "former", "nobody"):
        assert client.get(f"/authors/{slug}/").status_code == 404


def test_an_author_of_a_draft_beside_the_version_has_no_page_yet(client):
    article = published_article()
    ArticleAuthor.objects.create(article=article, person=author(slug="new"))
    assert client.get("/authors/new/").status_code == 404
    publish(article)
    memory.forget()
    assert client.get("/authors/new/").status_code == 200


def test_an_author_page_shows_a_change_of_the_person(client, settings):
    settings.CONTENT_STAMP_SECONDS = 0
    person = author(slug="ada")
    published_by(person)
    assert "University of Elsewhere" not in client.get("/authors/ada/").content.decode()
    Person.objects.filter(pk=person.pk).update(affiliation="University of Elsewhere")
    assert "University of Elsewhere" in client.get("/authors/ada/").content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_an_author_page_costs_the_same_at_any_length(client, django_assert_num_queries, count):
    person = author(slug="ada")
    for _ in range(count):
        published_by(person)
    client.get("/patients/")
    with django_assert_num_queries(3):  # the person, the number of articles, the articles
        response = client.get("/authors/ada/")
    assert len(titles(response)) == count
    with django_assert_num_queries(0):
        client.get("/authors/ada/")
    assert client.get("/authors/ada/?page=2").status_code == 404


# --- related articles -----------------------------------------------------------------------------


def test_three_related_articles_by_shared_topics_then_the_newest(attested, tree):
    lymphoma, b_cell, car_t = tree["lymphoma"], tree["b_cell"], tree["car_t"]
    published_about(lymphoma, title="One shared, oldest")
    published_about(lymphoma, b_cell, title="Two shared")
    published_about(b_cell, car_t, title="One shared, older")
    published_about(lymphoma, title="One shared, newest")
    published_about(car_t, title="None shared")
    PublishableArticleFactory(title="A draft").topics.set([lymphoma, b_cell])
    article = published_about(lymphoma, b_cell)
    memory.forget()
    related = ["Two shared", "One shared, newest", "One shared, older"]
    response = attested.get(article.get_absolute_url())
    assert titles(response) == related
    # After the survey, as the last thing on the page.
    html = response.content.decode()
    assert html.index('class="survey"') < html.index('id="related"') < html.index("<footer")
    attested.cookies.clear()
    assert titles(attested.get(article.get_absolute_url())) == related


def test_an_article_without_relatives_has_no_such_section(attested):
    published_article()
    html = attested.get(published_article().get_absolute_url()).content.decode()
    assert "Related articles" not in html


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("has_attested", [True, False])
def test_related_articles_cost_no_query_of_their_own(
    attested, tree, django_assert_num_queries, count, has_attested
):
    articles = [published_about(tree["car_t"]) for _ in range(count + 1)]
    if not has_attested:
        attested.cookies.clear()
    memory.forget()
    with django_assert_num_queries(3):  # the stamp, what every page shows, the version
        response = attested.get(articles[0].get_absolute_url())
    assert len(titles(response)) == count
    with django_assert_num_queries(0):
        attested.get(articles[0].get_absolute_url())


def test_a_related_article_that_is_new_or_gone_is_seen_at_once(attested, tree, settings):
    settings.CONTENT_STAMP_SECONDS = 0
    article = published_about(tree["car_t"])
    other = published_about(tree["car_t"], title="Other")
    assert titles(attested.get(article.get_absolute_url())) == ["Other"]
    withdraw_article(article=other, user=None, reason="Wrong.")
    assert titles(attested.get(article.get_absolute_url())) == []
