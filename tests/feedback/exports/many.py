"""Many responses, by SQL."""

import datetime

from django.db import connection

from articles.models import Article
from feedback.models import load_survey_version
from feedback.results.selection import open_month
from tests.factories import published_article


def many(n: int, article: Article | None = None) -> Article:
    """Insert ``n`` responses of as many readers, of the last closed month."""
    article = article or published_article()
    last_day = open_month() - datetime.timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH reader AS (
                INSERT INTO attestation_reader (id, profession, specialty, country, created_at)
                SELECT gen_random_uuid(), 'physician', 'haematology', 'GB', now()
                FROM generate_series(1, %s)
                RETURNING id, profession, specialty, country
            )
            INSERT INTO feedback_response (reader_id, article_id, article_version_id,
                survey_version_id, levels, profession, specialty, country, submitted_at, updated_at)
            SELECT id, %s, %s, %s, '{1,2,3,4}', profession, specialty, country, %s, %s FROM reader
            """,
            [
                n,
                article.pk,
                article.published_version_id,
                load_survey_version().version_id,
                last_day,
                last_day,
            ],
        )
        cursor.execute("ANALYZE feedback_response")
    return article
