from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from articles.models import Article, ArticleVersion
from articles.services import PublicationBlocked, publish_article
from tests.factories import approved_article


@pytest.mark.django_db(transaction=True)
def test_eight_presses_at_once_publish_once():
    pk = approved_article().pk

    def press(_number):
        try:
            publish_article(article=Article.objects.get(pk=pk), user=None, after_version=0)
        except PublicationBlocked:
            return "blocked"
        finally:
            connection.close()
        return "published"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(press, range(8)))
    assert sorted(answers) == ["blocked"] * 7 + ["published"]
    assert [version.number for version in ArticleVersion.objects.all()] == [1]
