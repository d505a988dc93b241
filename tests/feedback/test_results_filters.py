"""The filters of the desk's page of results: each alone, several, wrong ones."""

import pytest
import time_machine
from django.urls import reverse

from feedback.results.selection import Dimension, Selection
from portal.core.content_cache import memory
from tests.factories import PublishableArticleFactory, TopicFactory, published_article

from .builders import answer, refresh_tallies
from .desk import FEBRUARY, MARCH, TODAY, at, results_url, text

pytestmark = pytest.mark.django_db

ALL_AGREE = [5, 5, 5, 5]


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(TODAY, tick=False):
        yield


@pytest.fixture
def varied():
    """Two articles, of which one has a topic, in two months, read by two professions."""
    topic = TopicFactory(name="Registries")
    one, other = published_article(title="One"), published_article(title="Other")
    one.search_topics = [topic.pk]
    one.save(update_fields=["search_topics"])
    one.topics.add(topic)
    for article in (one, other):
        for month, n in ((FEBRUARY, 10), (MARCH, 15)):
            for profession in ("nurse", "physician"):
                answer(
                    article,
                    [ALL_AGREE] * n,
                    submitted_at=at(month),
                    profession=profession,
                    country="GB" if profession == "nurse" else "",
                )
    refresh_tallies()
    memory.forget()
    return one, topic


def filters_of(varied):
    one, topic = varied
    return {
        "article": ({"article": one.pk}, Selection(article=one.pk), 50),
        "topic": ({"topic": topic.pk}, Selection(topic=topic.pk), 50),
        "month": ({"month": "2026-02"}, Selection(month=FEBRUARY), 40),
        "profession": (
            {"readers": "profession:nurse"},
            Selection(dimension=Dimension.PROFESSION, value="nurse"),
            50,
        ),
        "not stated": (
            {"readers": "country:"},
            Selection(dimension=Dimension.COUNTRY, value=""),
            50,
        ),
        "several": (
            {"topic": topic.pk, "month": "2026-03", "readers": "country:GB"},
            Selection(topic=topic.pk, month=MARCH, dimension=Dimension.COUNTRY, value="GB"),
            15,
        ),
    }


@pytest.mark.parametrize(
    "name", ["article", "topic", "month", "profession", "not stated", "several"]
)
def test_each_filter_selects_keeps_its_choice_and_says_so(desk, varied, name):
    filters, selection, n = filters_of(varied)[name]
    page = desk("Staff").get(results_url(**filters))
    assert page.status_code == 200
    assert page.context["selection"] == selection
    assert page.context["figures"].n == n
    form = page.context["form"]
    for field, value in filters.items():
        assert form[field].value() == ("One" if field == "article" else str(value))


def test_an_author_is_a_filter_too(desk):
    article = published_article()
    author = article.published_version.people.first()
    answer(article, [ALL_AGREE] * 12, submitted_at=at(MARCH))
    refresh_tallies()
    page = desk("Staff").get(results_url(author=author.pk))
    assert page.context["selection"] == Selection(author=author.pk)
    assert f"Articles by {author}. Months: all closed ones. Readers: all." in text(page)
    assert page.context["figures"].n == 12


def test_only_countries_of_readers_are_offered(desk, varied):
    page = desk("Staff").get(results_url())
    offered = dict(page.context["form"].fields["readers"].choices)
    assert [value for value, _label in offered["Country"]] == ["country:GB", "country:"]


@pytest.mark.parametrize("typed", ["One", "one", "{slug}", "https://x.example/articles/{slug}/"])
def test_an_article_is_found_by_what_was_typed_and_gets_one_address(desk, varied, typed):
    one, _topic = varied
    typed = typed.format(slug=one.slug)
    address = results_url(article=typed, topic="", author="", month="", readers="")
    answer = desk("Staff").get(address)
    assert answer.status_code == 302
    assert answer["Location"] == results_url(article=one.pk)


def test_words_of_a_title_that_several_have_are_asked_again(desk):
    for title in ("A trial of hope", "Hope after a trial"):
        published_article(title=title)
    page = desk("Staff").get(results_url(article="trial hope"))
    assert page.status_code == 400
    assert "2 titles hold “trial hope”. Choose one" in text(page)
    source = page.content.decode()
    assert '<option value="A trial of hope">A trial of hope</option>' in source
    assert 'href="#id_article"' in source
    assert "<title>Error:" in " ".join(source.split()).replace("> ", ">")


def test_two_articles_of_one_title_are_told_apart_by_their_addresses(desk):
    one, other = published_article(title="Same"), published_article(title="Same")
    page = desk("Staff").get(results_url(article="same"))
    assert page.status_code == 400
    assert f'<option value="{one.slug}">' in page.content.decode()
    page = desk("Staff").get(results_url(article=other.pk))
    assert page.context["form"]["article"].value() == other.slug


def test_suggestions_hold_all_words_and_are_few(desk):
    for number in range(12):
        published_article(title=f"Survival curve {number:02}")
    published_article(title="Curves")
    PublishableArticleFactory(title="Survival curve, a draft")
    client = desk("Staff")
    address = reverse("admin:feedback_results_articles")
    found = client.get(address, {"q": "curve surv"}).json()["articles"]
    assert [row["title"] for row in found] == [f"Survival curve {n:02}" for n in range(10)]
    assert client.get(address, {"q": ""}).json() == {"articles": []}
    assert client.get(address).json() == {"articles": []}
    assert client.post(address).status_code == 405


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"month": "2026-13"}, "Month: Select a valid choice"),
        ({"month": "2026-04"}, "Month: Select a valid choice"),  # not over yet
        ({"topic": "x"}, "Topic: Select a valid choice"),
        ({"author": "9" * 30}, "Author: Select a valid choice"),
        ({"readers": "age:40"}, "Readers: Select a valid choice"),
        ({"readers": "country:XX"}, "Readers: Select a valid choice"),
        ({"article": "nowhere"}, "Article: No published article is called “nowhere”"),
        ({"article": "9" * 30}, "Article: No published article is called"),
        ({"article": "x" * 400}, "Article: Ensure this value has at most 300 characters"),
    ],
)
def test_wrong_filters_are_named_and_show_nothing(desk, varied, query, words):
    page = desk("Staff").get(results_url(**query))
    assert page.status_code == 400
    assert words in text(page)
    assert "Responses" not in text(page)
    assert "data-error-summary" in page.content.decode()


def test_an_article_and_a_topic_are_one_too_many(desk, varied):
    one, topic = varied
    page = desk("Staff").get(results_url(article=one.pk, topic=topic.pk))
    assert page.status_code == 400
    assert "Choose an article, a topic or an author: one of the three." in text(page)
