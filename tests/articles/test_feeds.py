"""Atom feeds: well formed, teasers alone, fetched again only when something has changed."""

from xml.etree import ElementTree

import pytest

from articles.models import Article
from articles.services import withdraw_article
from portal.core.content_cache import memory
from portal.core.models import SiteSettings
from tests.articles.test_discovery import author, published_about, published_by
from tests.factories import PublishableArticleFactory, TopicFactory, publish, published_article

pytestmark = pytest.mark.django_db

ATOM = {"a": "http://www.w3.org/2005/Atom"}


def read(client, path="/feed/"):
    response = client.get(path)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/atom+xml; charset=utf-8"
    return ElementTree.fromstring(response.content)  # noqa: S314 - our own


def entry_titles(feed):
    return [title.text for title in feed.findall("a:entry/a:title", ATOM)]


def test_a_feed_holds_exactly_the_teasers(client):
    SiteSettings.objects.create(name="The Hub", publisher_name="A Publisher", tagline="For <you>")
    article = published_by(
        author(name="Ada <A>"),
        author(name="Ben & B"),
        title="A <title>",
        summary="S <1> [@halpern]",
    )
    memory.forget()
    day = article.first_published_at
    written = article.published_version.published_at.isoformat()
    feed = read(client)
    assert feed.attrib == {"{http://www.w3.org/XML/1998/namespace}lang": "en-gb"}

    def flat(element):
        found = []
        for child in element:
            name = child.tag.removeprefix(f"{{{ATOM['a']}}}")
            if name in ("entry", "author"):
                found.append((name, flat(child)))
            else:
                found.append((name, child.text, child.attrib))
        return found

    address = f"http://testserver/articles/{article.slug}/"
    assert flat(feed) == [
        ("title", "The Hub", {}),
        ("link", None, {"rel": "alternate", "href": "http://testserver/"}),
        ("link", None, {"rel": "self", "href": "http://testserver/feed/"}),
        ("id", "http://testserver/feed/", {}),
        ("updated", written, {}),
        ("author", [("name", "A Publisher", {})]),
        ("subtitle", "For <you>", {}),
        (
            "entry",
            [
                ("title", "A <title>", {}),
                ("link", None, {"href": address, "rel": "alternate"}),
                ("published", day.isoformat(), {}),
                ("updated", written, {}),
                ("id", f"tag:testserver,{day:%Y-%m-%d}:article-{article.pk}", {}),
                ("summary", "S &lt;1&gt;", {"type": "html"}),
                ("author", [("name", "Ada <A>", {})]),
                ("author", [("name", "Ben & B", {})]),
            ],
        ),
    ]


def test_the_latest_twenty_come_first_and_no_drafts(client):
    titles = [published_article().title for _ in range(21)]
    PublishableArticleFactory(title="A draft")
    assert entry_titles(read(client)) == titles[:0:-1]


def test_a_topic_has_a_feed_with_the_articles_of_narrower_topics(client):
    broad = TopicFactory(name="Broad", slug="broad", description="All of it.")
    narrow = TopicFactory(parent=broad, slug="narrow")
    published_about(narrow, title="Narrow")
    published_about(broad, title="Broad")
    published_about(TopicFactory(), title="Elsewhere")
    feed = read(client, "/topics/broad/feed/")
    assert entry_titles(feed) == ["Broad", "Narrow"]
    assert feed.find("a:title", ATOM).text == "Broad – Lymphoma Education Hub"  # noqa: RUF001
    assert feed.find("a:subtitle", ATOM).text == "All of it."
    assert feed.find("a:id", ATOM).text == "http://testserver/topics/broad/feed/"
    assert entry_titles(read(client, "/topics/narrow/feed/")) == ["Narrow"]
    assert client.get("/topics/unknown/feed/").status_code == 404
    assert client.post("/feed/").status_code == 405


def test_pages_tell_readers_of_feeds_where_they_are(client):
    topic = TopicFactory(name="Lymphoma", slug="lymphoma")
    published_about(topic)
    site_feed = 'type="application/atom+xml" title="Lymphoma Education Hub" href="/feed/"'
    assert site_feed in " ".join(client.get("/").content.decode().split())
    html = " ".join(client.get("/topics/lymphoma/").content.decode().split())
    assert site_feed in html
    assert 'type="application/atom+xml" title="Lymphoma" href="/topics/lymphoma/feed/"' in html


def test_an_unchanged_feed_is_not_sent_again(client, settings):
    settings.CONTENT_STAMP_SECONDS = 0
    first, second = published_article(), published_article(title="Second")
    etag = client.get("/feed/")["ETag"]
    unchanged = client.get("/feed/", headers={"if-none-match": etag})
    assert unchanged.status_code == 304
    assert unchanged.content == b""
    # What is gone is seen, too, although the latest date is now an older one.
    withdraw_article(article=second, user=None, reason="Wrong.")
    for headers in ({"if-none-match": etag}, {"if-modified-since": "Fri, 1 Jan 2100 00:00:00 GMT"}):
        changed = client.get("/feed/", headers=headers)
        assert changed.status_code == 200
        assert b"Second" not in changed.content
    first.title = "Corrected"
    first.save()
    publish(first)
    assert entry_titles(read(client)) == ["Corrected"]


def test_the_id_of_an_entry_outlives_its_address(client, settings):
    settings.CONTENT_STAMP_SECONDS = 0
    article = published_article()
    before = read(client).find("a:entry/a:id", ATOM).text
    Article.objects.filter(pk=article.pk).update(slug="elsewhere")
    assert read(client).find("a:entry/a:id", ATOM).text == before


def test_what_xml_cannot_hold_is_left_out(client):
    # Word's manual line break, as it comes with a paste.
    published_article(title="A\x0btitle\x1f\uffff", summary="A\x0bsummary")
    feed = read(client)
    assert entry_titles(feed) == ["Atitle"]
    assert feed.find("a:entry/a:summary", ATOM).text == "Asummary"


def test_a_feed_of_nothing_is_a_feed(client):
    assert entry_titles(read(client)) == []


def test_a_feed_names_the_sites_own_address_whatever_host_was_asked(client):
    published_article()
    content = client.get("/feed/", headers={"host": "other.example"}).content.decode()
    assert "other.example" not in content


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("path", ["/feed/", "/topics/lymphoma/feed/"])
def test_a_feed_costs_one_query_at_any_length(client, django_assert_num_queries, path, count):
    topic = TopicFactory(slug="lymphoma")
    for _ in range(count):
        published_about(topic)
    client.get("/patients/")
    with django_assert_num_queries(1):
        assert len(entry_titles(read(client, path))) == count
    with django_assert_num_queries(0):
        client.get(path)
