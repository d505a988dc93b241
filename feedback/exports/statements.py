"""The COPY that makes the rows of a file on the database server."""

import json
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.utils.translation import gettext
from django_countries import countries
from psycopg import sql

from feedback.models import NOT_APPLICABLE
from feedback.results.selection import response_condition
from portal.attestation.models import Profession, Specialty

from .cells import Cells, cells_of, labels_of_choices
from .columns import Kind, Layout, Place, SurveyColumn
from .orders import Order, Shape

# A combination of profession, specialty and country that fewer people share is not exported.
MIN_SHARING = 10

NULL = sql.SQL("NULL")


def copy_statement(order: Order, layout: Layout) -> sql.Composed:
    """Return the COPY of what is ordered.

    What many rows share (a respondent, an article, a survey) is written once and joined. The order
    is random in every export: rows in the order of the table would let two exports be joined line
    by line. It is made before the last joins, while rows are short; whatever order these leave
    comes from it. (Nothing is missing on the right of a LEFT JOIN here: it tells the planner that
    no row is lost, or it expects one row and hashes the million.)
    """
    cells = cells_of(order.format)
    is_long = order.shape == Shape.LONG
    return sql.SQL(
        """
        COPY (
            WITH selection AS NOT MATERIALIZED (
                SELECT response.* FROM feedback_response AS response WHERE {condition}
            ), key AS MATERIALIZED (
                SELECT decode(current_setting('portal.export_inner_key'), 'hex') AS inner_key,
                    decode(current_setting('portal.export_outer_key'), 'hex') AS outer_key
            ), person AS MATERIALIZED (
                SELECT DISTINCT reader_id, profession, specialty, country FROM selection
            ), shared AS MATERIALIZED (
                SELECT profession, specialty, country,
                    {profession} AS profession_cell,
                    {specialty} AS specialty_cell,
                    {country} AS country_cell,
                    true AS is_shared
                FROM person
                GROUP BY profession, specialty, country
                HAVING count(*) >= {min_sharing}
            ), respondent AS MATERIALIZED (
                SELECT person.*,
                    {pseudonym} AS pseudonym,
                    CASE WHEN is_shared THEN profession_cell ELSE {other} END AS profession_cell,
                    CASE WHEN is_shared THEN specialty_cell ELSE {other} END AS specialty_cell,
                    CASE WHEN is_shared THEN country_cell ELSE {other} END AS country_cell
                FROM person
                CROSS JOIN key
                LEFT JOIN shared USING (profession, specialty, country)
            ), version AS MATERIALIZED (
                SELECT version.id, {article_id} AS article_id, {slug} AS slug,
                    {title} AS article_title, {article_version} AS number
                FROM articles_articleversion AS version
                JOIN articles_article AS article ON article.id = version.article_id
            ), survey AS MATERIALIZED (
                SELECT version.id, {survey} AS key, {survey_version} AS number
                FROM feedback_surveyversion AS version
                JOIN feedback_survey AS survey ON survey.id = version.survey_id
            ){items}
            SELECT {row}
            FROM (
                SELECT sorted.* {answers}
                FROM (
                    SELECT pseudonym, profession_cell, specialty_cell, country_cell,
                        article_version_id, survey_version_id, updated_at::date AS answered_on,
                        levels {comment}
                    FROM selection
                    {hidden}
                    -- Hashed by the reader alone: nearly all have one profile. The planner, which
                    -- knows nothing of respondents, would rather hash the million responses than
                    -- them; with nullif() it knows nothing of either, and hashes what is smaller.
                    LEFT JOIN respondent
                        ON respondent.reader_id = nullif(selection.reader_id, {no_one})
                        AND respondent.profession IS NOT DISTINCT FROM selection.profession
                        AND respondent.specialty IS NOT DISTINCT FROM selection.specialty
                        AND respondent.country IS NOT DISTINCT FROM selection.country
                    ORDER BY random()
                ) AS sorted
            ) AS response
            LEFT JOIN version ON version.id = response.article_version_id
            LEFT JOIN survey ON survey.id = response.survey_version_id
            {join_items}
        ) TO STDOUT {options}
        """
    ).format(
        condition=response_condition(order.selection),
        min_sharing=MIN_SHARING,
        no_one=sql.Literal(UUID(int=0)),
        pseudonym=_pseudonym(cells),
        other=cells.constant(gettext("Other") if cells.has_labels else "other"),
        article_id=cells.number(sql.SQL("article.id")),
        slug=cells.text(sql.SQL("article.slug")),
        title=cells.text(sql.SQL("article.title")),
        article_version=cells.number(sql.SQL("version.number")),
        survey=cells.text(sql.SQL("survey.key")),
        survey_version=cells.number(sql.SQL("version.number")),
        profession=_profile("profession", labels_of_choices(Profession), cells),
        specialty=_profile("specialty", labels_of_choices(Specialty), cells),
        country=_profile("country", {code: str(name) for code, name in countries}, cells),
        comment=sql.SQL(", " + _COMMENT if order.has_comments else ""),
        hidden=sql.SQL(_HIDDEN if order.has_comments else ""),
        answers=sql.SQL(_ANSWERS if is_long else ""),
        items=_items(layout, cells) if is_long else sql.SQL(""),
        join_items=sql.SQL(_JOIN_ITEMS if is_long else ""),
        row=cells.row(
            [
                *_base(cells),
                *(_answer(order, cells) if is_long else _wide(layout.wide(order), cells)),
            ]
        ),
        options=cells.options,
    )


_COMMENT = "CASE WHEN hidden.id IS NULL THEN nullif(comment, '') END AS comment"
_HIDDEN = "LEFT JOIN feedback_hiddencomment AS hidden ON hidden.response_id = selection.id"
_ANSWERS = ", unnest(levels) AS level, generate_subscripts(levels, 1) AS place"
_JOIN_ITEMS = """
    LEFT JOIN item ON item.version_id = response.survey_version_id AND item.place = response.place
"""


def _pseudonym(cells: Cells) -> sql.Composable:
    return cells.plain(
        sql.SQL(
            "'r' || left(encode(sha256(key.outer_key || sha256("
            "key.inner_key || uuid_send(reader_id))), 'hex'), 20)"
        )
    )


def _profile(name: str, labels: dict[str, str], cells: Cells) -> sql.Composable:
    """Return a part of the profile as its code, or as its label where it has one."""
    column: sql.Composable = sql.Identifier(name)
    if cells.has_labels:
        column = sql.SQL("coalesce({labels}::jsonb ->> {column}, {column})").format(
            labels=sql.Literal(json.dumps(labels)), column=column
        )
    return cells.text(column)


def _base(cells: Cells) -> list[sql.Composable]:
    """Return the columns of ``columns.BASE``."""
    return [
        sql.SQL("pseudonym"),
        sql.SQL("version.article_id"),
        sql.SQL("version.slug"),
        sql.SQL("version.article_title"),
        sql.SQL("version.number"),
        sql.SQL("survey.key"),
        sql.SQL("survey.number"),
        cells.day(sql.SQL("answered_on")),
        sql.SQL("profession_cell"),
        sql.SQL("specialty_cell"),
        sql.SQL("country_cell"),
    ]


# --- one row per response -------------------------------------------------------------------------


def _wide(columns: Iterable[SurveyColumn], cells: Cells) -> list[sql.Composable]:
    makers = {Kind.LEVEL: _level, Kind.NOT_APPLICABLE: _not_applicable, Kind.COMMENT: _comment}
    return [makers[column.kind](column, cells) for column in columns]


def _level(column: SurveyColumn, cells: Cells) -> sql.Composable:
    """Return the level of a statement: empty where it was not asked or not applicable."""
    level = _by_version(column.places, "response.levels[{}]")
    if not cells.has_labels:
        return sql.SQL("nullif({}, {})").format(level, NOT_APPLICABLE)
    # There is nothing at 0.
    return sql.SQL("({})[{}]").format(_array(column.labels, cells), level)


def _not_applicable(column: SurveyColumn, cells: Cells) -> sql.Composable:
    return cells.number(
        _by_version(column.places, f"(response.levels[{{}}] = {NOT_APPLICABLE})::int")
    )


def _comment(column: SurveyColumn, cells: Cells) -> sql.Composable:
    return sql.SQL(
        "CASE WHEN comment IS NOT NULL AND response.survey_version_id = ANY({}) THEN {} END"
    ).format(
        sql.Literal([version.pk for version in column.versions]), cells.text(sql.SQL("comment"))
    )


def _by_version(places: Iterable[Place], value: str) -> sql.Composed:
    cases = sql.SQL(" ").join(
        sql.SQL(f"WHEN {{}} THEN {value}").format(place.version.pk, place.number)
        for place in sorted(places, key=lambda place: place.version.pk)
    )
    return sql.SQL("CASE response.survey_version_id {} END").format(cases)


def _array(texts: Sequence[str], cells: Cells) -> sql.Composed:
    return sql.SQL("ARRAY[{}]").format(sql.SQL(", ").join(map(cells.constant, texts)))


# --- one row per answer ---------------------------------------------------------------------------


def _items(layout: Layout, cells: Cells) -> sql.Composable:
    """Return the CTE of what was asked: its cells, by survey version and place in the levels."""
    rows = [
        sql.SQL("({}, {}, {}, {}, {}, {})").format(
            place.version.pk,
            place.number,
            cells.constant(column.statement.key if column.statement else ""),
            cells.number(sql.Literal(place.item.wording.number)),
            cells.number(sql.Literal(column.series)),
            _array(column.labels, cells),
        )
        for column in layout.of_kind(Kind.LEVEL)
        for place in column.places
    ]
    return sql.SQL(
        ", item (version_id, place, statement, wording, series, labels) AS MATERIALIZED (VALUES {})"
    ).format(sql.SQL(", ").join(rows))


def _answer(order: Order, cells: Cells) -> list[sql.Composable]:
    """Return the columns of ``columns.ANSWER``, and free text."""
    not_applicable = sql.SQL("(level = {})::int").format(NOT_APPLICABLE)
    answer = [
        sql.SQL("item.statement"),
        sql.SQL("item.wording"),
        sql.SQL("item.series"),
        cells.number(sql.SQL("nullif(level, {})").format(NOT_APPLICABLE)),
        sql.SQL("item.labels[level]"),
        cells.number(not_applicable),
    ]
    return [*answer, cells.text(sql.SQL("comment"))] if order.has_comments else answer
