"""A million responses about a few hundred articles, made by SQL: profiles, months, many readers.

Articles are answered unevenly (the n-th most as 1 / √n), readers come from many countries of which
some are rare, and everything is spread over two years of closed months.
"""

from __future__ import annotations

from portal.core.local.postgres import ROLE, EmbeddedPostgres

MONTHS = 24
# The largest article has a twentieth of all; a reader answers about one article once.
READERS_PER_RESPONSE = 0.07

LINK_AUTHORS = """
    WITH people AS (SELECT array_agg(id ORDER BY id) AS ids FROM people_person)
    INSERT INTO articles_articleversionperson (version_id, person_id)
    SELECT version.id, people.ids[1 + version.id %% cardinality(people.ids)]
    FROM articles_articleversion AS version, people
    WHERE version.id > 1000000
"""
NAME_AUTHORS = """
    UPDATE articles_articleversion AS version
    SET document = jsonb_set(document, '{authors}',
        jsonb_build_array(jsonb_build_object('name', person.name, 'slug', person.slug)))
    FROM articles_articleversionperson AS link, people_person AS person
    WHERE link.version_id = version.id AND person.id = link.person_id AND version.id > 1000000
"""
MAKE_READERS = """
    CREATE TEMPORARY TABLE reader AS
    SELECT number, gen_random_uuid() AS id,
        (ARRAY['physician', 'nurse', 'pharmacist', 'scientist', 'trainee', ''])
            [1 + (6 * random() ^ 2)::int %% 6] AS profession,
        (ARRAY['haematology', 'oncology', 'pathology', 'radiotherapy', 'internal_medicine', ''])
            [1 + (6 * random() ^ 2)::int %% 6] AS specialty,
        -- The last are a few readers each.
        (%(countries)s::text[])[1 + (cardinality(%(countries)s::text[]) * random() ^ 5)::int
            %% cardinality(%(countries)s::text[])] AS country
    FROM generate_series(0, %(readers)s - 1) AS number
"""
STORE_READERS = """
    INSERT INTO attestation_reader (id, profession, specialty, country, created_at)
    SELECT id, profession, specialty, country, now() FROM reader
"""
# Every stride-th reader, from one that depends on the article on: nobody answers twice.
MAKE_RESPONSES = """
    WITH sized AS (
        SELECT id, published_version_id, rank,
            greatest(1, (%(responses)s / sqrt(rank) / sum(1 / sqrt(rank)) OVER ())::int) AS n
        FROM (
            SELECT id, published_version_id, row_number() OVER (ORDER BY id) AS rank
            FROM articles_article WHERE id > 1000000
        ) AS ranked
    )
    INSERT INTO feedback_response (reader_id, article_id, article_version_id, survey_version_id,
        levels, comment, profession, specialty, country, submitted_at, updated_at)
    SELECT reader.id, sized.id, sized.published_version_id, survey_version.id,
        ARRAY[5 - (5 * random() ^ 2)::int %% 5, 5 - (5 * random() ^ 2)::int %% 5,
            5 - (5 * random())::int %% 5, 5 - (5 * random())::int %% 5]::smallint[],
        CASE WHEN random() < 0.02 THEN 'Clear and useful.' ELSE '' END,
        reader.profession, reader.specialty, reader.country, moment, moment
    FROM sized
    CROSS JOIN LATERAL generate_series(0, sized.n - 1) AS place
    JOIN reader ON reader.number
        = (sized.rank * 7919 + place * (%(readers)s / sized.n)) %% %(readers)s
    CROSS JOIN (
        SELECT id FROM feedback_surveyversion ORDER BY number DESC LIMIT 1
    ) AS survey_version
    CROSS JOIN LATERAL (
        SELECT date_trunc('month', now()) - interval '1 hour'
            - random() * %(months)s * interval '30 days' AS moment
        WHERE reader.id IS NOT NULL AND place >= 0
    ) AS chosen
"""


def make_responses(postgres: EmbeddedPostgres, count: int) -> None:
    """Add ``count`` responses, about, under the made articles, whose authors get names."""
    from django_countries import countries

    values = {
        "responses": count,
        "readers": max(1000, int(count * READERS_PER_RESPONSE)),
        "months": MONTHS,
        "countries": [code for code, _name in countries],
    }
    with postgres.connect_as_superuser(ROLE) as connection:
        connection.execute("SELECT setseed(0.5)")
        connection.execute("SET session_replication_role = replica")
        connection.execute(LINK_AUTHORS, {})
        connection.execute(NAME_AUTHORS)
        connection.execute(MAKE_READERS, values)
        connection.execute(STORE_READERS)
        connection.execute("CREATE UNIQUE INDEX ON reader (number)")
        connection.execute("ANALYZE reader")
        connection.execute(MAKE_RESPONSES, values)
        connection.execute("VACUUM (ANALYZE) feedback_response")
        connection.execute("CHECKPOINT")
