"""The desk's form of an article for those who may only look at it."""

import pytest
from django.urls import reverse

from articles.services import withdraw_article
from tests.factories import PublishableArticleFactory, UserFactory, published_article

pytestmark = pytest.mark.django_db

BODY = "<p>Of <strong>20</strong> patients, 5 relapse.</p>"


def form_of(client, article):
    url = reverse("admin:articles_article_change", args=[article.pk])
    return client.get(url).content.decode()


def with_text(article):
    section = article.sections.first()
    section.body = BODY
    section.save()
    return article


def test_a_reviewer_reads_the_text_and_not_its_tags(client):
    client.force_login(UserFactory(group="Medical reviewers"))
    page = form_of(client, with_text(PublishableArticleFactory()))
    assert f'<div class="readonly-text">{BODY}</div>' in page
    assert "&lt;strong&gt;" not in page


def test_so_does_an_editor_where_the_article_is_withdrawn(client):
    article = with_text(published_article())
    withdraw_article(article=article, user=None, reason="Written anew.")
    client.force_login(UserFactory(group="Editors"))
    assert f'<div class="readonly-text">{BODY}</div>' in form_of(client, article)


def test_an_editor_writes_it(client):
    client.force_login(UserFactory(group="Editors"))
    page = form_of(client, with_text(PublishableArticleFactory()))
    assert 'name="sections-0-body"' in page
    assert "readonly-text" not in page


def test_a_published_version_is_shown_in_words_and_as_it_is_stored(client):
    version = published_article(title="A title of its own").versions.get()
    client.force_login(UserFactory(group="Editors"))
    url = reverse("admin:articles_articleversion_change", args=[version.pk])
    page = client.get(url).content.decode()
    assert '<div class="version-part"><strong>Title</strong><p>A title of its own</p></div>' in page
    assert "As it is stored" in page
    assert "&quot;title&quot;: &quot;A title of its own&quot;" in page


def test_nothing_blocks_what_is_withdrawn(client):
    article = published_article()
    client.force_login(UserFactory(group="Editors"))
    assert "Nothing that is saved blocks publication." in form_of(client, article)
    withdraw_article(article=article, user=None, reason="Written anew.")
    assert "Nothing that is saved blocks publication." not in form_of(client, article)
