"""What readers see of corrections, withdrawals and earlier versions."""

import pytest

from articles.services import record_edit, reinstate_article, withdraw_article
from portal.core.content_cache import memory
from tests.articles.test_pages import text
from tests.factories import UserFactory, publish, published_article

pytestmark = pytest.mark.django_db


def test_a_correction_is_told_with_its_day_to_readers_and_visitors(client, attested):
    from django.test import Client

    article = published_article()
    publish(article)
    publish(article, kind="correction", notice="The <number> was wrong.")
    memory.forget()
    day = article.published_version.published_at.strftime("%-d %B %Y")
    for browser in (attested, Client()):
        page = browser.get(article.get_absolute_url())
        assert f"Correction, {day} The &lt;number&gt; was wrong." in text(page)
    page = text(attested.get(article.get_absolute_url()))
    assert "3 published versions" in page
    assert page.index("Version 3") < page.index("Version 2") < page.index("Version 1")
    assert f"{day} : first publication" in page


def test_an_article_being_revised_stays_as_it_was(attested):
    article = published_article(title="As published")
    record_edit(article=article, user=UserFactory())
    memory.forget()
    assert "As published" in text(attested.get(article.get_absolute_url()))
    assert "As published" in text(attested.get("/articles/"))
    assert "As published" in text(attested.get(article.topics.get().get_absolute_url()))


def test_a_withdrawn_article_keeps_its_title_the_reason_and_the_day(attested):
    from django.test import Client

    article = published_article(title="Late <failure>", summary="Quokkas fail late.")
    withdraw_article(article=article, user=None, reason="Wrong\nnumbers & names.")
    memory.forget()
    day = article.withdrawn_at.strftime("%-d %B %Y")
    for browser in (attested, Client()):
        response = browser.get(article.get_absolute_url())
        assert response.status_code == 410
        page = text(response)
        assert "Late &lt;failure&gt;" in page
        assert f"Withdrawn on {day} Wrong numbers &amp; names." in page
        assert "The body of it." not in page
        for path in ("/", "/articles/", "/search/?q=quokkas"):
            assert "Late &lt;failure&gt;" not in text(browser.get(path))
    # The survey is closed.
    assert attested.get(f"/articles/{article.slug}/feedback/").status_code == 404
    reinstate_article(article=article, user=None)
    assert attested.get(article.get_absolute_url()).status_code == 410
    publish(article)
    memory.forget()
    assert attested.get(article.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("count", [1, 3])
def test_the_history_costs_no_query_of_its_own(attested, django_assert_num_queries, count):
    article = published_article()
    for _ in range(count):
        publish(article, kind="correction", notice="x")
    memory.forget()
    with django_assert_num_queries(3):
        attested.get(article.get_absolute_url())
    with django_assert_num_queries(0):
        attested.get(article.get_absolute_url())
