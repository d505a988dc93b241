"""The export of a million responses against COPY of the same rows and columns.

Both come from the same server in turns and are thrown away as they arrive. COPY does nothing but
join: no pseudonym, no guard against formulas, no small groups, no random order, no checksum.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from urllib.parse import urlencode

from portal.core.local.postgres import ROLE, EmbeddedPostgres
from portal.core.local.web import web_command

from .harness import Result, median, portal_of_its_own, progress
from .web import WebServer

RESPONSES, ROUNDS = 1_000_000, 3
STAFF = "staff@demo.example"
CHUNK = 64 * 1024  # bytes
QUICK_RESPONSES, QUICK_ROUNDS = 1_000, 1

# The file's columns; of the default survey's four statements.
RAW_COPY = """
    COPY (
        SELECT response.reader_id, article.id, article.slug, article.title, article_version.number,
            survey.key, survey_version.number, response.updated_at::date, response.profession,
            response.specialty, response.country, response.levels[1], response.levels[2],
            response.levels[3], response.levels[4]
        FROM feedback_response AS response
        JOIN articles_article AS article ON article.id = response.article_id
        JOIN articles_articleversion AS article_version
            ON article_version.id = response.article_version_id
        JOIN feedback_surveyversion AS survey_version
            ON survey_version.id = response.survey_version_id
        JOIN feedback_survey AS survey ON survey.id = survey_version.survey_id
    ) TO STDOUT (FORMAT csv)
"""

# Readers answer about every article; half of them said who they are.
MAKE_READERS = """
    INSERT INTO attestation_reader (id, profession, specialty, country, created_at)
    SELECT gen_random_uuid(),
        CASE WHEN number %% 2 = 0 THEN '' ELSE
            (ARRAY['physician', 'nurse', 'pharmacist', 'scientist'])[1 + number %% 4] END,
        CASE WHEN number %% 2 = 0 THEN '' ELSE
            (ARRAY['haematology', 'oncology', 'pathology'])[1 + number %% 3] END,
        CASE WHEN number %% 2 = 0 THEN '' ELSE
            (ARRAY['GB', 'DE', 'FR', 'IT', 'ES', 'US', 'IN'])[1 + number %% 7] END,
        now()
    FROM generate_series(1, %s) AS number
"""
MAKE_RESPONSES = """
    INSERT INTO feedback_response (reader_id, article_id, article_version_id, survey_version_id,
        levels, profession, specialty, country, submitted_at, updated_at)
    SELECT reader.id, article.id, article.published_version_id, survey_version.id,
        ARRAY[1 + (5 * random())::int %% 5, 1 + (5 * random())::int %% 5,
            1 + (5 * random())::int %% 5, 1 + (5 * random())::int %% 5]::smallint[],
        reader.profession, reader.specialty, reader.country, day, day
    FROM attestation_reader AS reader
    CROSS JOIN articles_article AS article
    CROSS JOIN (
        SELECT id FROM feedback_surveyversion ORDER BY number DESC LIMIT 1
    ) AS survey_version
    CROSS JOIN LATERAL (
        -- Names the reader, or the same moment would be chosen for all.
        SELECT now() - random() * interval '300 days' AS day WHERE reader.id IS NOT NULL
    ) AS chosen
    WHERE article.published_version_id IS NOT NULL
    LIMIT %s
    ON CONFLICT DO NOTHING
"""


def run(*, quick: bool = False) -> Result:
    responses, rounds = (QUICK_RESPONSES, QUICK_ROUNDS) if quick else (RESPONSES, ROUNDS)
    with portal_of_its_own() as postgres:
        progress(f"making {responses:,} responses")
        make_responses(postgres, responses)
        return measure(rounds)


def make_responses(postgres: EmbeddedPostgres, count: int) -> None:
    """Add ``count`` responses by SQL, without looking up the foreign keys of each."""
    from articles.models import Article

    readers = count // Article.objects.published().count() + 1
    with postgres.connect_as_superuser(ROLE) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(MAKE_READERS, [readers])
        connection.execute(MAKE_RESPONSES, [count])
        connection.execute("VACUUM (ANALYZE) feedback_response")
        connection.execute("CHECKPOINT")


def measure(rounds: int) -> Result:
    from feedback.models import Response
    from portal.core.models import ExportLog

    ways = {"copy": raw_copy, "export": export}
    taken: dict[str, list[Taken]] = {name: [] for name in (*ways, "http")}
    with WebServer(web_command("{port}")) as server:
        idle = server.peak_megabytes()
        for number in range(1, rounds + 1):
            for name, way in ways.items():
                progress(f"round {number} of {rounds}: {name}")
                taken[name].append(take(way()))
            progress(f"round {number} of {rounds}: http")
            taken["http"].append(take(download(server.port)))
        memory = server.peak_megabytes() - idle
    pairs = zip(taken["export"], taken["copy"], strict=True)
    return Result(
        name="export",
        ratio=median([own.seconds / raw.seconds for own, raw in pairs]),
        against="COPY of the same rows and columns",
        figures={
            "rows": Response.objects.count(),
            "rows_in_log": ExportLog.objects.latest("exported_at").row_count,
            "readers": Response.objects.values("reader").distinct().count(),
            "rounds": rounds,
            "file_megabytes": round(taken["http"][-1].size / 1e6, 2),
            **{f"{name}_seconds": median([one.seconds for one in taken[name]]) for name in taken},
            "export_first_byte_seconds": median([one.first_byte for one in taken["export"]]),
            "http_first_byte_seconds": median([one.first_byte for one in taken["http"]]),
            "http_peak_memory_mb_over_idle": round(memory, 1),
        },
    )


def export() -> Iterable[bytes]:
    from feedback.exports import Flavour, export_responses
    from portal.accounts.models import User

    user = User.objects.get(email=STAFF)
    return export_responses(user=user, purpose="Benchmark", flavour=Flavour.ANALYSIS)


def download(port: int) -> Iterator[bytes]:
    """Yield what a browser gets in which somebody of the staff is signed in."""
    from django.conf import settings
    from django.test import Client
    from django.urls import reverse

    from portal.accounts.models import User

    browser = Client(headers={"host": "localhost"})
    browser.force_login(User.objects.get(email=STAFF), settings.AUTHENTICATION_BACKENDS[0])
    address = reverse("admin:feedback_export")
    browser.get(address)
    form = {
        "csrfmiddlewaretoken": browser.cookies[settings.CSRF_COOKIE_NAME].value,
        "purpose": "Benchmark",
        "flavour": "analysis",
    }
    cookies = "; ".join(f"{key}={morsel.value}" for key, morsel in browser.cookies.items())
    connection = HTTPConnection("127.0.0.1", port)
    headers = {
        "Host": "localhost",
        "Cookie": cookies,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection.request("POST", address, urlencode(form), headers)
    answer = connection.getresponse()
    if answer.status != HTTPStatus.OK:
        raise RuntimeError(f"The export answered {answer.status}")
    while chunk := answer.read1(CHUNK):
        yield chunk
    connection.close()


def raw_copy() -> Iterable[bytes]:
    from django.db import connection

    with connection.cursor() as cursor, cursor.copy(RAW_COPY) as copy:
        yield from copy


@dataclass(frozen=True, slots=True)
class Taken:
    """What came: seconds to the first byte and to the end, and bytes."""

    first_byte: float
    seconds: float
    size: int


def take(chunks: Iterable[bytes]) -> Taken:
    """Take all chunks as they come, and throw them away."""
    started, first, size = time.perf_counter(), 0.0, 0
    for chunk in chunks:
        first = first or time.perf_counter() - started
        size += len(chunk)
    return Taken(first, time.perf_counter() - started, size)
