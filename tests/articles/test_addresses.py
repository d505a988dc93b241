"""An address that an article once had leads to it for ever, and never to another article."""

import contextlib
import re

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from articles.models import Article, ArticleAddress, current_address
from portal.core.content_cache import memory
from tests.articles.desk_forms import change_url, errors, form_data
from tests.factories import (
    ArticleFactory,
    PublishableArticleFactory,
    publish,
    published_article,
)

pytestmark = pytest.mark.django_db


def move(article, slug):
    article.slug = slug
    article.save()
    memory.forget()


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_former_address_leads_visitors_and_readers_on(attested, client, method):
    article = published_article(slug="before")
    move(article, "between")
    move(article, "after")
    for browser in (attested, client):
        for former in ("before", "between"):
            response = getattr(browser, method)(f"/articles/{former}/?from=mail")
            assert response.status_code == 301
            assert response["Location"] == "/articles/after/?from=mail"
            assert response["Cache-Control"] == "private, no-cache"
        client.cookies.clear()


def test_the_new_address_keeps_its_doors(attested, client):
    move(published_article(slug="before"), "after")
    assert "The body of it" in attested.get("/articles/before/", follow=True).content.decode()
    client.cookies.clear()
    teaser = client.get("/articles/before/", follow=True).content.decode()
    assert "The body of it" not in teaser
    assert "Continue to the declaration" in teaser


def test_an_article_may_go_back_to_an_address_of_its_own(client):
    article = published_article(slug="one")
    move(article, "two")
    move(article, "one")
    assert client.get("/articles/one/").status_code == 200
    assert client.get("/articles/two/")["Location"] == "/articles/one/"


def test_drafts_have_no_past(client):
    draft = PublishableArticleFactory(slug="first-idea")
    move(draft, "second-idea")
    assert current_address("first-idea") is None
    assert client.get("/articles/first-idea/").status_code == 404
    # Readers never saw it there, so another article may have it.
    ArticleFactory(slug="first-idea").full_clean(exclude=["topics"])
    publish(draft)
    assert list(draft.addresses.values_list("slug", flat=True)) == ["second-idea"]


def test_no_other_article_takes_a_former_address():
    move(published_article(slug="before"), "after")
    with pytest.raises(ValidationError, match="Another article has or had this address"):
        ArticleFactory.build(slug="before").full_clean()
    for write in (
        lambda: ArticleFactory(slug="before"),
        lambda: Article.objects.bulk_create([ArticleFactory.build(slug="before")]),
        lambda: Article.objects.exclude(slug="after").update(slug="before"),
    ):
        if not Article.objects.filter(slug="other").exists():
            ArticleFactory(slug="other")
        with pytest.raises(IntegrityError), transaction.atomic():
            write()
    assert current_address("before") == "after"


def test_a_deleted_draft_gives_its_address_free():
    ArticleFactory(slug="gone").delete()
    ArticleFactory(slug="gone")


slugs = st.sampled_from(["a", "b", "c", "a-b", "0"])


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.tuples(st.integers(0, 2), slugs), max_size=12),
    st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_whatever_moves_are_tried_every_address_belongs_to_one_article(db, moves, seen):
    with transaction.atomic():
        articles = [ArticleFactory(slug=f"start-{number}") for number in range(3)]
        for article, is_seen in zip(articles, seen, strict=True):
            if is_seen:
                Article.objects.filter(pk=article.pk).update(first_published_at=article.created_at)
        had = {article.pk: {article.slug} for article in articles}
        for number, slug in moves:
            article = articles[number]
            with contextlib.suppress(IntegrityError), transaction.atomic():
                Article.objects.filter(pk=article.pk).update(slug=slug)
                had[article.pk].add(slug)
                owners = set(ArticleAddress.objects.filter(slug=slug).values_list("article"))
                assert owners == {(article.pk,)}
        for article, is_seen in zip(articles, seen, strict=True):
            article.refresh_from_db()
            kept = set(article.addresses.values_list("slug", flat=True))
            assert article.slug in kept
            if is_seen:
                assert kept <= had[article.pk]
                for former in kept - {article.slug}:
                    assert current_address(former) == article.slug
            else:
                assert kept == {article.slug}
        transaction.set_rollback(True)


@given(st.one_of(st.text(max_size=10), st.from_regex(r"[a-zA-Z0-9_-]{0,130}", fullmatch=True)))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_text_as_a_slug_is_an_address_or_an_error(db, slug):
    article = ArticleFactory.build(slug=slug)
    if re.fullmatch(r"[A-Za-z0-9_-]{1,120}", slug):
        article.clean_fields(exclude=["search_vector"])
        article.clean()
        assert reverse("article", args=[slug]) == f"/articles/{slug}/"
    else:
        with pytest.raises(ValidationError) as refused:
            article.clean_fields(exclude=["search_vector"])
        assert set(refused.value.message_dict) == {"slug"}


# --- the form -------------------------------------------------------------------------------------


def test_the_form_warns_and_says_where_the_old_address_leads(desk, client):
    article = published_article(slug="before")
    assert "no other article can have it" in desk.get(change_url(article)).content.decode()
    response = desk.post(change_url(article), form_data(article.topics.get()), follow=True)
    assert "The address has changed: “before” leads to “late-failure” from now on." in [
        str(message) for message in response.context["messages"]
    ]
    memory.forget()
    client.cookies.clear()
    assert client.get("/articles/before/")["Location"] == "/articles/late-failure/"


def test_the_form_refuses_the_former_address_of_another_article(desk):
    move(published_article(slug="late-failure"), "after")
    article = published_article()
    response = desk.post(change_url(article), form_data(article.topics.get()))
    assert errors(response) == [
        "Another article has or had this address: old addresses lead to it."
    ]


def test_what_costs_a_query_is_only_the_unknown(client, django_assert_num_queries):
    move(published_article(slug="before"), "after")
    client.get("/articles/after/")
    with django_assert_num_queries(0):
        client.get("/articles/after/")
    with django_assert_num_queries(3):  # the version, a withdrawal, the address
        client.get("/articles/before/")
