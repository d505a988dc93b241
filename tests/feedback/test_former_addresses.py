"""The survey at an address that its article no longer has: nothing that was answered is lost."""

import pytest

from articles.services import withdraw_article
from feedback.models import Response
from tests.factories import ArticleFactory, published_article

from .builders import filled

pytestmark = pytest.mark.django_db


@pytest.fixture
def article():
    article = published_article(slug="before")
    article.slug = "after"
    article.save()
    return article


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("page", ["", "thanks/"])
def test_who_looks_is_led_on(attested, article, method, page):
    response = getattr(attested, method)(f"/articles/before/feedback/{page}?from=mail")
    assert response.status_code == 301
    assert response["Location"] == f"/articles/after/feedback/{page}?from=mail"
    assert response["Cache-Control"] == "private, no-cache"


def test_answers_are_sent_again_to_the_present_address(attested, reader, article):
    sent = filled(article, [5, 4, 3, 2])
    response = attested.post("/articles/before/feedback/", sent)
    assert (response.status_code, response["Location"]) == (308, "/articles/after/feedback/")
    response = attested.post("/articles/before/feedback/", sent, follow=True)
    assert response.redirect_chain == [
        ("/articles/after/feedback/", 308),
        ("/articles/after/feedback/thanks/", 303),
    ]
    kept = Response.objects.get()
    assert (kept.reader, kept.article, kept.levels) == (reader, article, [5, 4, 3, 2])


def test_it_costs_two_queries_at_any_number_of_articles(
    attested, article, django_assert_num_queries
):
    def ask():
        assert attested.get("/articles/before/feedback/").status_code == 301

    ask()
    with django_assert_num_queries(2):  # no such article; where it is
        ask()
    for number in range(2):
        published_article(slug=f"other-{number}")
    ask()
    with django_assert_num_queries(2):
        ask()


def test_what_nobody_may_see_is_not_led_to(attested, article):
    draft = ArticleFactory(slug="draft")
    draft.slug = "draft-moved"
    draft.save()
    withdraw_article(article=article, user=None, reason="Wrong.")
    for slug in ("draft", "never", "after"):
        assert attested.get(f"/articles/{slug}/feedback/").status_code == 404
        assert attested.post(f"/articles/{slug}/feedback/").status_code == 404
    # The gate stands before the way on.
    attested.cookies.clear()
    assert attested.get("/articles/before/feedback/")["Location"].startswith(
        "/healthcare-professionals/"
    )
