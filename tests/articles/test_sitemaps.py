"""What crawlers are told: the sitemap and robots.txt."""

from xml.etree import ElementTree

import pytest

from articles import sitemaps
from portal.core.content_cache import memory
from portal.core.models import Page
from tests.articles.test_discovery import author, published_about, published_by
from tests.factories import (
    PublishableArticleFactory,
    TopicFactory,
    publish,
    published_article,
)

pytestmark = pytest.mark.django_db

NAMESPACE = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
SITE = "http://testserver"


def read(client, path):
    """Return the addresses in a map (or index) with their last changes."""
    response = client.get(path)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/xml"
    assert response["X-Robots-Tag"] == "noindex, noodp, noarchive"
    root = ElementTree.fromstring(response.content)  # noqa: S314 - our own
    return {
        element.find("s:loc", NAMESPACE).text: element.findtext("s:lastmod", None, NAMESPACE)
        for element in root
    }


def test_robots_are_told_where_the_sitemap_is(client):
    assert client.get("/robots.txt").content.decode() == (
        "User-agent: *\nDisallow: /admin/\nDisallow: /accounts/\n\n"
        "Sitemap: http://testserver/sitemap.xml\n"
    )


def test_the_index_lists_all_maps(client):
    assert list(read(client, "/sitemap.xml")) == [
        f"{SITE}/sitemap-pages.xml",
        f"{SITE}/sitemap-topics.xml",
        f"{SITE}/sitemap-authors.xml",
        f"{SITE}/sitemap-articles.xml",
    ]


def test_articles_stand_there_with_the_day_of_their_version_and_drafts_do_not(client):
    article = published_article(slug="one")
    PublishableArticleFactory(slug="a-draft")
    day = article.published_version.published_at.strftime("%Y-%m-%d")
    assert read(client, "/sitemap-articles.xml") == {f"{SITE}/articles/one/": day}


def test_pages_topics_and_authors(client):
    page = Page.objects.create(slug="about", title="About", body="<p>x</p>")
    broad = TopicFactory(slug="broad")
    article = published_by(author(slug="ada"), author(slug="ben"))
    article.topics.set([TopicFactory(slug="narrow", parent=broad)])
    publish(article)
    draft = PublishableArticleFactory()  # with a topic and an author of its own
    # Named by the version without being its author.
    article.published_version.people.through.objects.create(
        version=article.published_version, person=draft.article_authors.get().person
    )
    memory.forget()
    assert read(client, "/sitemap-pages.xml") == {
        f"{SITE}/": None,
        f"{SITE}/articles/": None,
        f"{SITE}/funders/": None,
        f"{SITE}/funders/changes/": None,
        f"{SITE}/patients/": None,
        f"{SITE}/pages/about/": page.updated_at.strftime("%Y-%m-%d"),
    }
    assert set(read(client, "/sitemap-topics.xml")) == {
        f"{SITE}/topics/broad/",
        f"{SITE}/topics/narrow/",
    }
    assert set(read(client, "/sitemap-authors.xml")) == {
        f"{SITE}/authors/ada/",
        f"{SITE}/authors/ben/",
    }


def test_every_address_in_the_maps_answers(client):
    published_by(author())
    Page.objects.create(slug="about", title="About", body="<p>x</p>")
    memory.forget()
    for part in read(client, "/sitemap.xml"):
        for address in read(client, part.removeprefix(SITE)):
            response = client.get(address.removeprefix(SITE))
            assert response.status_code == 200
            canonical = response.content.decode().split('rel="canonical"')[1].split('"')[1]
            assert canonical == address


def test_a_long_map_has_parts(client, monkeypatch):
    monkeypatch.setattr(sitemaps.ArticleSitemap, "limit", 2)
    slugs = [published_article().slug for _ in range(3)]
    parts = [address for address in read(client, "/sitemap.xml") if "articles" in address]
    assert parts == [f"{SITE}/sitemap-articles.xml", f"{SITE}/sitemap-articles.xml?p=2"]
    listed = [list(read(client, part.removeprefix(SITE))) for part in parts]
    assert listed == [
        [f"{SITE}/articles/{slug}/" for slug in slugs[:2]],
        [f"{SITE}/articles/{slugs[2]}/"],
    ]
    for part in ("0", "3", "-1", "x", "1e400", "9" * 5000):
        assert client.get(f"/sitemap-articles.xml?p={part}").status_code == 404


def test_a_map_that_does_not_exist_is_a_404(client):
    assert client.get("/sitemap-drafts.xml").status_code == 404
    assert client.post("/sitemap.xml").status_code == 405


def test_maps_name_the_sites_own_address_and_are_not_sent_twice(client):
    published_article()
    for path in ("/sitemap.xml", "/sitemap-articles.xml"):
        response = client.get(path, headers={"host": "other.example"})
        assert "other.example" not in response.content.decode()
        assert "Last-Modified" not in response
        again = client.get(path, headers={"if-none-match": response["ETag"]})
        assert again.status_code == 304


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/sitemap.xml", 3),  # pages, authors, articles
        ("/sitemap-pages.xml", 1),
        ("/sitemap-topics.xml", 0),
        ("/sitemap-authors.xml", 2),
        ("/sitemap-articles.xml", 2),
    ],
)
def test_maps_cost_the_same_at_any_length(client, django_assert_num_queries, path, queries, count):
    for number in range(count):
        published_about(TopicFactory())
        Page.objects.create(slug=f"page-{number}", title=f"Page {number}", body="<p>x</p>")
    memory.forget()
    client.get("/patients/")
    with django_assert_num_queries(queries):
        read(client, path)
