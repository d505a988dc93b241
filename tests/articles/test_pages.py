"""What readers see: home, lists, topics, teaser and article."""

import re

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from articles.models import Article, ArticleVersion
from portal.core.content_cache import memory
from tests.factories import ArticleFactory, PublishableArticleFactory, publish, published_article

pytestmark = pytest.mark.django_db


def text(response):
    """The words of a page, separated by single spaces."""
    html = re.sub(r"(?s)<head>.*?</head>", "", response.content.decode())
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


# --- home and lists -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/articles/", "/search/", "/search/?q=nothing"])
def test_public_pages_work_before_anything_is_published(client, path):
    assert client.get(path).status_code == 200


def test_home_shows_what_this_is_the_latest_articles_and_topics(client):
    article = published_article(title="Late failure <&>", summary="In a <nutshell>")
    ArticleFactory(title="A draft")
    memory.forget()
    response = client.get("/")
    assert "Late failure &lt;&amp;&gt;" in response.content.decode()
    assert "In a &lt;nutshell&gt;" in response.content.decode()
    assert "A draft" not in response.content.decode()
    assert f'href="/articles/{article.slug}/"' in response.content.decode()
    assert article.topics.get().name in text(response)
    assert date_format(timezone.localdate(), "j F Y") in text(response)


def test_lists_are_paged_newest_first(client):
    titles = [published_article().title for _ in range(21)]
    first = client.get("/articles/").content.decode()
    second = client.get("/articles/?page=2").content.decode()
    assert [title for title in reversed(titles) if f">{title}<" in first] == titles[:0:-1]
    assert f">{titles[0]}<" in second
    assert f">{titles[1]}<" not in second


def test_a_topic_shows_its_articles(client):
    article, other = published_article(), published_article()
    topic = article.topics.get()
    html = client.get(topic.get_absolute_url()).content.decode()
    assert f">{article.title}<" in html
    assert f">{other.title}<" not in html


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("path", ["/", "/articles/", "/topics/{topic}/"])
def test_public_pages_cost_the_same_at_any_length(client, django_assert_num_queries, path, count):
    articles = [published_article() for _ in range(count)]
    path = path.format(topic=articles[0].topics.get().slug)
    for article in articles[1:]:
        article.topics.set(articles[0].topics.all())
    memory.forget()
    client.get("/patients/")  # the frame of every page is remembered from here on
    own = 2  # of home and topics: the articles, and how many each topic has
    with django_assert_num_queries(own):
        client.get(path)
    with django_assert_num_queries(0):
        client.get(path)


@pytest.mark.parametrize("count", [1, 3])
def test_a_cold_process_serves_home_in_four_queries(attested, django_assert_num_queries, count):
    for _ in range(count):
        published_article()
    memory.forget()
    # The stamp, what every page shows, the latest articles, how many each topic has.
    with django_assert_num_queries(4):
        attested.get("/")
    with django_assert_num_queries(0):
        attested.get("/")


@pytest.mark.parametrize(
    "path",
    [
        "/articles/?page=2",
        "/articles/?page=x",
        "/articles/?page=-1",
        "/articles/?page=" + "9" * 5000,
        "/topics/unknown/",
        "/topics/unknown/?page=2",
        "/articles/unknown/",
        "/articles/x.css",
    ],
)
def test_what_is_not_there_is_a_404(client, path):
    published_article()
    assert client.get(path).status_code == 404 or path == "/articles/x.css"
    assert client.post("/articles/").status_code == 405


# --- teaser and article ---------------------------------------------------------------------------


def test_the_teaser_shows_the_public_part_and_nothing_of_the_body(client):
    article = published_article(title="Late failure", summary="The summary. [@halpern]")
    response = client.get(article.get_absolute_url())
    html, words = response.content.decode(), text(response)
    assert response.status_code == 200
    assert response["Cache-Control"] == "private, no-cache"
    for public in ("Late failure", "The summary.", "Interpret a hazard ratio.", "None declared."):
        assert public in words
    assert f'href="/healthcare-professionals/?next={article.get_absolute_url()}"' in html
    for closed in ("The body of it", "Numbers.", "Halpern", "[@", "Methods", "key-data"):
        assert closed not in html


def test_head_of_the_teaser_says_the_same_to_machines(client):
    article = published_article(title='A "title"', summary="A <summary>")
    html = client.get(article.get_absolute_url()).content.decode()
    assert f'<link rel="canonical" href="http://testserver{article.get_absolute_url()}">' in html
    assert re.search(r'<meta name="description"\s+content="A &lt;summary&gt;">', html)
    assert re.search(r'<meta property="og:title" content="A &quot;title&quot;">', html)


@pytest.mark.parametrize("agent", ["Googlebot/2.1", "facebookexternalhit/1.1", "curl/8"])
def test_no_user_agent_gets_more_than_the_teaser(client, agent):
    article = published_article()
    response = client.get(article.get_absolute_url(), headers={"user-agent": agent})
    assert "The body of it" not in response.content.decode()


@pytest.mark.parametrize("method", ["get", "head"])
def test_drafts_are_404_for_everybody(attested, client, method):
    article = PublishableArticleFactory()
    assert getattr(attested, method)(article.get_absolute_url()).status_code == 404
    client.cookies.clear()
    assert getattr(client, method)(article.get_absolute_url()).status_code == 404


def test_an_attested_reader_sees_the_whole_article(attested):
    article = published_article(title="Late failure", summary="The summary.", is_demo=True)
    response = attested.get(article.get_absolute_url())
    html, words = response.content.decode(), text(response)
    assert response["Cache-Control"] == "private, no-cache"
    in_order = [
        "Short report",
        "Demonstration content",
        "Late failure",
        article.article_authors.get().person.name,
        date_format(timezone.localdate(), "j F Y"),
        "1 min read",
        "Funding on",
        "Competing interests",
        "None declared.",
        "Learning objectives",
        "Interpret a hazard ratio.",
        "Numbers.",
        "The body of it.",
        "Halpern SD. Solid-organ transplantation in HIV-infected patients. N Engl J Med.",
        "Cite this article",
        "LinkedIn",
    ]
    places = [words.index(part, words.index("Short report")) for part in in_order]
    assert places == sorted(places)
    assert '<a href="#ref-halpern" id="cite-halpern-1">1</a>' in html
    assert 'id="ref-halpern"' in html
    assert 'href="#cite-halpern-2"' in html


def test_an_article_costs_no_query_once_it_is_remembered(attested, django_assert_num_queries):
    articles = [published_article() for _ in range(3)]
    memory.forget()
    with django_assert_num_queries(3):  # the stamp, what every page shows, the version
        attested.get(articles[0].get_absolute_url())
    with django_assert_num_queries(1):
        attested.get(articles[1].get_absolute_url())
    for article in articles[:2]:
        with django_assert_num_queries(0):
            attested.get(article.get_absolute_url())


def test_a_new_version_is_seen_at_once_and_the_draft_is_not(attested, settings):
    settings.CONTENT_STAMP_SECONDS = 0
    article = published_article(title="Old title")
    assert "Old title" in text(attested.get(article.get_absolute_url()))
    Article.objects.update(title="New title")
    for path in ("/", "/articles/", article.get_absolute_url(), "/search/?q=title"):
        assert "Old title" in text(attested.get(path))
        assert "New title" not in text(attested.get(path))
    publish(article)
    for path in ("/", "/articles/", article.get_absolute_url(), "/search/?q=title"):
        assert "New title" in text(attested.get(path))
        assert "Old title" not in text(attested.get(path))


def test_markup_in_what_editors_type_is_escaped(attested):
    evil = '"><script>alert(1)</script>'
    article = PublishableArticleFactory(title=evil, summary=evil)
    article.objectives.create(text=f"Name {evil}")
    article.sections.create(position=9, heading=evil, body="<p>x</p>")
    article.references.update(csl={"title": evil, "URL": "javascript:alert(1)", "author": evil})
    person = article.article_authors.get().person
    person.name = person.role = person.affiliation = evil
    person.save()
    publish(article)
    for path in (article.get_absolute_url(), "/", "/search/?q=interpret"):
        html = attested.get(path).content.decode()
        assert "alert(1)" in html
        assert "<script>alert" not in html
        assert "javascript:" not in html


def test_tables_stand_in_labelled_regions(attested):
    article = PublishableArticleFactory()
    article.sections.create(
        position=9, heading="T", body="<table><tbody><tr><td>22.6%</td></tr></tbody></table>"
    )
    publish(article)
    html = attested.get(article.get_absolute_url()).content.decode()
    assert (
        '<div class="table-region" role="region" aria-label="Table 1" tabindex="0">'
        "<table><tbody><tr><td>22.6%</td></tr></tbody></table></div>"
    ) in html


def test_ids_are_unique_and_every_fragment_has_its_target(attested):
    article = PublishableArticleFactory()
    article.sections.create(position=8, heading="Methods", body="<p>[@halpern]</p>")
    article.sections.create(position=9, heading="References", body="<p>x</p>")
    publish(article)
    html = attested.get(article.get_absolute_url()).content.decode()
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)


def test_the_version_that_readers_saw_is_the_one_on_record():
    article = published_article()
    assert ArticleVersion.objects.published().get() == article.published_version
