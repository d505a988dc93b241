"""Many published articles of 6 KB, made by SQL from paragraphs that they share.

How often a word stands in them is known: ``WORDS`` are mixed into the paragraphs (the rare ones
into single articles), among fillers whose frequencies fall as those of a language do.
"""

from __future__ import annotations

from portal.core.local.postgres import ROLE, EmbeddedPostgres

PARAGRAPHS, PER_ARTICLE, WORDS_PER_PARAGRAPH = 4_000, 10, 88

# The share of all articles in which each word stands, about.
WORDS = {
    "rare": {"tisagen": 0.0001, "blinatu": 0.0002, "marimast": 0.0005, "obecabt": 0.001},
    "middling": {"relapse": 0.02, "cytopenia": 0.05, "remission": 0.10, "infusion": 0.20},
    "common": {"response": 0.40, "survival": 0.60, "therapy": 0.80, "patients": 0.95},
}

# LATERAL parts name the row outside, or the same would be chosen for all rows.
MAKE_PARAGRAPHS = """
    CREATE TEMPORARY TABLE paragraph AS
    SELECT number, string_agg(word, ' ' ORDER BY place) AS words
    FROM generate_series(1, %(paragraphs)s) AS number
    CROSS JOIN LATERAL (
        SELECT place,
            translate((20000 ^ random())::int::text, '0123456789', 'aeioubdgln') || 'est' AS word
        FROM generate_series(1, %(length)s) AS place WHERE number IS NOT NULL
        UNION ALL
        SELECT (random() * %(length)s)::int, word
        FROM unnest(%(words)s::text[], %(shares)s::float[]) AS mixed (word, share)
        WHERE number IS NOT NULL AND random() < share
    ) AS chosen
    GROUP BY number
"""
MAKE_TEXTS = """
    CREATE TEMPORARY TABLE made AS
    SELECT made.number,
        now() - (%(articles)s - made.number) * interval '1 hour' AS published_at,
        (ARRAY['short_report', 'review', 'congress_report', 'expert_opinion'])[1 + made.number %% 4]
            AS type,
        concat_ws(' ', text, (
            SELECT string_agg(word, ' ')
            FROM unnest(%(rare_words)s::text[], %(rare_shares)s::float[]) AS mixed (word, share)
            WHERE made.number IS NOT NULL AND random() < share
        )) AS text
    FROM generate_series(1, %(articles)s) AS made (number)
    CROSS JOIN LATERAL (
        SELECT string_agg(words, '. ') AS text
        FROM (
            SELECT 1 + (random() * (%(paragraphs)s - 1))::int AS number
            FROM generate_series(1, %(per_article)s) WHERE made.number IS NOT NULL
        ) AS picked
        JOIN paragraph USING (number)
    ) AS glued
"""
MAKE_VERSIONS = """
    INSERT INTO articles_articleversion (id, article_id, number, document, published_at, comment,
        kind, notice, content_sha256, written_by)
    SELECT 1000000 + number, 1000000 + number, 1, jsonb_build_object(
        'title', 'Article ' || number || ' ' || left(text, 40),
        'type', type,
        'summary', left(text, 400),
        'authors', jsonb_build_array(jsonb_build_object('name', 'Author ' || number %% 500)),
        'objectives', jsonb_build_array('Interpret ' || left(text, 60)),
        'sections', jsonb_build_array(jsonb_build_object('html', '<p>' || text || '</p>')),
        'published_on', published_at::date,
        'reading_minutes', 5,
        'is_demo', false
    ), published_at, '', 'first', '', '', '{}'
    FROM made
"""
MAKE_ARTICLES = """
    INSERT INTO articles_article (id, title, slug, type, summary, is_demo, created_at, updated_at,
        status, published_version_id, first_published_at, search_type, search_topics,
        search_objectives, search_text, search_vector, intended_audience, ai_statement, revision,
        approved_sha256, scheduled_kind, scheduled_notice, withdrawal_reason)
    SELECT 1000000 + number, 'Article ' || number || ' ' || left(text, 40), 'article-' || number,
        type, left(text, 400), false, published_at, published_at, 'published', 1000000 + number,
        published_at, type, ARRAY[topics.ids[1 + number %% cardinality(topics.ids)]],
        'Interpret ' || left(text, 60), text,
        setweight(to_tsvector('english', left(text, 40)), 'A')
            || setweight(to_tsvector('english', left(text, 400)), 'B')
            || setweight(to_tsvector('english', text), 'C')
            || setweight(to_tsvector('english', 'Author ' || number %% 500), 'D'),
        '', 'No AI tools were used.', 0, '', '', '', ''
    FROM made
    CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM articles_topic) AS topics
"""
LINK_TOPICS = """
    INSERT INTO articles_article_topics (article_id, topic_id)
    SELECT id, search_topics[1] FROM articles_article WHERE id > 1000000
"""


def make_articles(postgres: EmbeddedPostgres, count: int) -> None:
    """Add ``count`` published articles, without looking up the foreign keys of each."""
    in_paragraphs = WORDS["middling"] | WORDS["common"]
    values = {
        "articles": count,
        "paragraphs": PARAGRAPHS,
        "per_article": PER_ARTICLE,
        "length": WORDS_PER_PARAGRAPH,
        "words": list(in_paragraphs),
        "shares": [1 - (1 - share) ** (1 / PER_ARTICLE) for share in in_paragraphs.values()],
        "rare_words": list(WORDS["rare"]),
        "rare_shares": list(WORDS["rare"].values()),
    }
    with postgres.connect_as_superuser(ROLE) as connection:
        connection.execute("SELECT setseed(0.5)")
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '512MB'")
        # Filled at the end, an index takes a part of the time.
        connection.execute("DROP INDEX articles_search")
        connection.execute(MAKE_PARAGRAPHS, values)
        connection.execute("CREATE UNIQUE INDEX ON paragraph (number)")
        connection.execute(MAKE_TEXTS, values)
        connection.execute(MAKE_VERSIONS, {})
        connection.execute(MAKE_ARTICLES, {})
        connection.execute(LINK_TOPICS)
        connection.execute(
            "CREATE INDEX articles_search ON articles_article USING gin (search_vector)"
        )
        connection.execute("VACUUM (ANALYZE) articles_article, articles_articleversion")
        connection.execute("CHECKPOINT")
