"""Responses as CSV: one row per response, pseudonymous, from one snapshot, in constant memory."""

import csv
import hashlib
import io
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings
from django.db import connection, models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_countries import countries
from psycopg import Connection, Cursor, IsolationLevel, sql

from articles.models import Article
from feedback.models import Level, SurveyVersion, items_by_version
from portal.accounts.models import User
from portal.attestation.models import Profession, Specialty
from portal.core.models import ExportLog
from portal.core.spreadsheets import guard, guard_sql

KIND = "responses"
# In the log for a file that did not reach its end: rows and checksum are of what was sent.
KIND_INTERRUPTED = "responses (interrupted)"

# A combination of profession, specialty and country that fewer people share is not exported.
MIN_SHARING = 10

CHUNK_SIZE = 64 * 1024  # bytes
SORT_MEMORY = "64MB"  # on the database server; what is larger goes to its disk
BLOCK_SIZE = 64  # bytes in a block of SHA-256, as HMAC pads its key

# Columns before the statements. New columns come at the end of the file only.
COLUMNS = (
    "respondent",
    "article_id",
    "article_slug",
    "article_title",
    "article_version",
    "survey",
    "survey_version",
    "answered_on",
    "profession",
    "specialty",
    "country",
)

# A statement's column: for each survey version that asks it, its place in ``levels`` from 1.
Places = dict[str, dict[int, int]]


class Flavour(models.TextChoices):
    """For which programs the file is made."""

    ANALYSIS = "analysis", _("Analysis (R, SAS, SPSS, Python): codes, UTF-8")
    EXCEL = "excel", _("Excel or LibreOffice: labels, UTF-8 with byte order mark")


def export_responses(
    *, user: User, purpose: str, flavour: Flavour, article: Article | None = None
) -> Iterator[bytes]:
    """Yield a CSV file in chunks, and log it also when whoever takes them goes away.

    ``article``: only the responses about it. The file shows what was committed at its beginning.
    """
    kind, columns, row_count, digest = KIND_INTERRUPTED, list(COLUMNS), 0, hashlib.sha256()
    try:
        with _snapshot() as cursor:
            _set_plan(cursor)
            _set_key(cursor, secrets.token_bytes(BLOCK_SIZE))
            # Read after the snapshot began: it holds no response to a version unknown here.
            places = _places()
            columns += [guard(name) for name in places]
            chunk = _header(columns, flavour)
            with cursor.copy(_copy_statement(places, flavour, article)) as rows:
                for row in rows:
                    chunk += row
                    row_count += 1
                    if len(chunk) >= CHUNK_SIZE:
                        digest.update(chunk)
                        yield bytes(chunk)
                        chunk.clear()
        digest.update(chunk)
        kind = KIND
        yield bytes(chunk)
    finally:
        ExportLog.objects.create(
            user=user,
            kind=kind,
            purpose=purpose,
            filters={"article": article.pk if article else None, "flavour": flavour},
            columns=columns,
            row_count=row_count,
            sha256=digest.hexdigest(),
        )


def _header(columns: list[str], flavour: Flavour) -> bytearray:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(columns)
    encoding = "utf-8-sig" if flavour == Flavour.EXCEL else "utf-8"
    return bytearray(line.getvalue().encode(encoding))


def _places() -> Places:
    """Return the statements' columns, in the order in which the statements were made.

    They are the same for every selection, so that a column never moves.
    """
    versions = items_by_version(
        SurveyVersion.objects.filter(published_at__isnull=False).values("pk")
    )
    columns: dict[int, tuple[str, dict[int, int]]] = {}
    for version_id, items in versions.items():
        for place, item in enumerate(items, 1):
            statement = item.wording.statement
            survey = statement.survey.key
            name = statement.key if survey == "default" else f"{survey}.{statement.key}"
            columns.setdefault(statement.pk, (name, {}))[1][version_id] = place
    return dict(columns[pk] for pk in sorted(columns))


@contextmanager
def _snapshot() -> Iterator[Cursor]:
    """Open a cursor in a REPEATABLE READ READ ONLY transaction on a connection of its own.

    Not the thread's connection: a server may run another request in this thread between two
    chunks, and its queries would wait for the end of the COPY for ever.
    """
    own = connection.copy()
    # A server may also ask for the next chunk in another thread.
    own.inc_thread_sharing()
    try:
        own.ensure_connection()
        database: Connection = own.connection
        database.isolation_level = IsolationLevel.REPEATABLE_READ
        database.read_only = True
        with database.transaction(), Cursor(database) as cursor:
            yield cursor
    finally:
        own.close()


def _set_key(cursor: Cursor, key: bytes) -> None:
    """Give the transaction the two padded halves of an HMAC's key.

    ``psycopg.Cursor`` sends them as parameters beside the statement, so that the key stands in no
    SQL text, and so in neither the server's log nor its statistics. (COPY takes no parameters.)
    """
    inner = bytes(byte ^ 0x36 for byte in key)
    outer = bytes(byte ^ 0x5C for byte in key)
    cursor.execute(
        "SELECT set_config('portal.export_inner_key', %s, true),"
        " set_config('portal.export_outer_key', %s, true)",
        [inner.hex(), outer.hex()],
    )


def _set_plan(cursor: Cursor) -> None:
    """Tell the planner, for this transaction, what it cannot know of a million responses.

    All that is joined to them is small: it is hashed, or they would be sorted for each join. They
    are sorted once. Days are those of the house.
    """
    cursor.execute(
        "SELECT set_config('enable_mergejoin', 'off', true),"
        " set_config('enable_nestloop', 'off', true),"
        " set_config('work_mem', %s, true),"
        " set_config('TimeZone', %s, true)",
        [SORT_MEMORY, settings.TIME_ZONE],
    )


def _profile(name: str, labels: dict[str, str], flavour: Flavour) -> sql.Composable:
    """Return a part of the profile as its code, or for Excel as its label where it has one."""
    column: sql.Composable = sql.Identifier(name)
    if flavour == Flavour.EXCEL:
        column = sql.SQL("coalesce({labels}::jsonb ->> {column}, {column})").format(
            labels=sql.Literal(json.dumps(labels)), column=column
        )
    return guard_sql(column)


def _level(places: dict[int, int], flavour: Flavour) -> sql.Composable:
    """Return the level of a statement: empty where the response's survey did not ask it."""
    cases = sql.SQL(" ").join(
        sql.SQL("WHEN {} THEN response.levels[{}]").format(version_id, place)
        for version_id, place in sorted(places.items())
    )
    level = sql.SQL("CASE response.survey_version_id {} END").format(cases)
    if flavour == Flavour.ANALYSIS:
        return level
    labels = sql.SQL(", ").join(sql.Literal(str(level.label)) for level in Level)
    return sql.SQL("(ARRAY[{}])[{}]").format(labels, level)


def _copy_statement(places: Places, flavour: Flavour, article: Article | None) -> sql.Composed:
    """Return the COPY of the selected responses.

    What many rows share (a respondent, an article, a survey) is written once and joined. The order
    is random in every export: rows in the order of the table would let two exports be joined line
    by line. It is made before the last joins, while rows are short; whatever order these leave
    comes from it. (Nothing is missing on the right of a LEFT JOIN here: it tells the planner that
    no row is lost, or it expects one row and hashes the million.)
    """
    return sql.SQL(
        """
        COPY (
            WITH selection AS NOT MATERIALIZED (
                SELECT * FROM feedback_response WHERE {condition}
            ), key AS MATERIALIZED (
                SELECT decode(current_setting('portal.export_inner_key'), 'hex') AS inner_key,
                    decode(current_setting('portal.export_outer_key'), 'hex') AS outer_key
            ), person AS MATERIALIZED (
                SELECT DISTINCT reader_id, profession, specialty, country FROM selection
            ), shared AS MATERIALIZED (
                SELECT profession, specialty, country,
                    {profession} AS profession_text,
                    {specialty} AS specialty_text,
                    {country} AS country_text
                FROM person
                GROUP BY profession, specialty, country
                HAVING count(*) >= {min_sharing}
            ), respondent AS MATERIALIZED (
                SELECT person.*,
                    'r' || left(encode(sha256(key.outer_key || sha256(
                        key.inner_key || uuid_send(reader_id))), 'hex'), 20) AS pseudonym,
                    nullif(coalesce(profession_text, {other}), '') AS profession_text,
                    nullif(coalesce(specialty_text, {other}), '') AS specialty_text,
                    nullif(coalesce(country_text, {other}), '') AS country_text
                FROM person
                CROSS JOIN key
                LEFT JOIN shared USING (profession, specialty, country)
            ), version AS MATERIALIZED (
                SELECT version.id, version.number, article.id AS article_id,
                    {slug} AS slug, {title} AS article_title
                FROM articles_articleversion AS version
                JOIN articles_article AS article ON article.id = version.article_id
            ), survey AS MATERIALIZED (
                SELECT version.id, version.number, {survey} AS key
                FROM feedback_surveyversion AS version
                JOIN feedback_survey AS survey ON survey.id = version.survey_id
            )
            SELECT pseudonym, version.article_id, version.slug, version.article_title,
                version.number, survey.key, survey.number, answered_on,
                profession_text, specialty_text, country_text,
                {levels}
            FROM (
                SELECT pseudonym, profession_text, specialty_text, country_text,
                    article_version_id, survey_version_id, updated_at::date AS answered_on, levels
                FROM selection
                -- Hashed by the reader alone: nearly all have one profile. The planner, which
                -- knows nothing of respondents, would rather hash the million responses than
                -- them; with nullif() it knows nothing of either, and hashes what is smaller.
                LEFT JOIN respondent ON respondent.reader_id = nullif(selection.reader_id, {no_one})
                    AND respondent.profession IS NOT DISTINCT FROM selection.profession
                    AND respondent.specialty IS NOT DISTINCT FROM selection.specialty
                    AND respondent.country IS NOT DISTINCT FROM selection.country
                ORDER BY random()
            ) AS response
            LEFT JOIN version ON version.id = response.article_version_id
            LEFT JOIN survey ON survey.id = response.survey_version_id
        ) TO STDOUT (FORMAT csv, FORCE_QUOTE (article_title))
        """
    ).format(
        condition=(sql.SQL("article_id = {}").format(article.pk) if article else sql.SQL("true")),
        min_sharing=MIN_SHARING,
        no_one=sql.Literal(UUID(int=0)),
        other=sql.Literal("other" if flavour == Flavour.ANALYSIS else gettext("Other")),
        slug=guard_sql(sql.SQL("article.slug")),
        title=guard_sql(sql.SQL("article.title")),
        survey=guard_sql(sql.SQL("survey.key")),
        profession=_profile("profession", _labels(Profession), flavour),
        specialty=_profile("specialty", _labels(Specialty), flavour),
        country=_profile("country", {code: str(name) for code, name in countries}, flavour),
        levels=sql.SQL(",\n").join(_level(place, flavour) for place in places.values()),
    )


def _labels(choices: type[models.TextChoices]) -> dict[str, str]:
    return {str(value): str(label) for value, label in choices.choices}
