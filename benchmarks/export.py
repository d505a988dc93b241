"""Files of responses against COPY of the same rows and columns, and against XlsxWriter.

All come from the same server in turns, each in a process of its own, and are thrown away as they
arrive. COPY does nothing but join: no pseudonym, no guard against formulas, no small groups, no
random order, no checksum. ``EXPORT_ROWS`` says how many responses there are at first (memory is
measured), then (everything is), and at last, if wanted (memory again): "100000,1000000,5000000".
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from portal.core.local.postgres import ROLE, EmbeddedPostgres

from .harness import Result, median, portal_of_its_own, progress

FIRST, RESPONSES, ROUNDS = 100_000, 1_000_000, 3
QUICK_FIRST, QUICK_RESPONSES = 500, 1_000
CSV, XLSX = "analysis wide", "xlsx wide"
# Measured in every round, and once.
ROUND = ("raw", "plain", CSV)
ONCE = (XLSX, "xlsxwriter", "analysis long", "analysis wide packed", "xlsx long", "excel wide")


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
        -- In months that are over: all are in results and files.
        SELECT date_trunc('month', now()) - interval '1 day' - random() * interval '300 days' AS day
        WHERE reader.id IS NOT NULL
    ) AS chosen
    WHERE article.published_version_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM feedback_response WHERE reader_id = reader.id)
    LIMIT %s
"""


def run(*, quick: bool = False) -> Result:
    sizes = [QUICK_FIRST, QUICK_RESPONSES] if quick else _sizes()
    with portal_of_its_own() as postgres:
        made, measured = 0, {}
        for place, size in enumerate(sizes):
            progress(f"making {size:,} responses")
            make_responses(postgres, size - made)
            made = size
            once: Sequence[str] = (XLSX,)
            if place == 1:
                once = ONCE[:2] if quick else ONCE
            rounds = ROUNDS if place == 1 and not quick else 1
            measured[size] = _measure(rounds, ROUND, once)
    return _result(measured, sizes)


def _sizes() -> list[int]:
    given = os.environ.get("EXPORT_ROWS")
    return [int(size) for size in given.split(",")] if given else [FIRST, RESPONSES]


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


Taken = dict[str, list[dict[str, Any]]]


def _measure(rounds: int, in_turns: Sequence[str], once: Sequence[str]) -> Taken:
    taken: Taken = defaultdict(list)
    for number in range(1, rounds + 1):
        for way in in_turns:
            progress(f"round {number} of {rounds}: {way}")
            taken[way].append(_take(way))
    for way in once:
        progress(f"once: {way}")
        taken[way].append(_take(way))
    return taken


def _take(way: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.export_ways", way],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _result(measured: dict[int, Taken], sizes: Sequence[int]) -> Result:
    first, main = measured[sizes[0]], measured[sizes[1]]
    largest = measured[max(sizes)]

    def ratio(way: str, to: str) -> float:
        pairs = zip(main[way], main[to], strict=True)
        return median([one["seconds"] / other["seconds"] for one, other in pairs])

    def most(taken: Taken, way: str) -> float:
        return max(one["mb_over_idle"] for one in taken[way])

    return Result(
        name="export",
        ratio=ratio(CSV, "raw"),
        against="COPY of the same rows and columns",
        figures={
            "rows": main[CSV][0]["rows"],
            "plain_ratio": ratio("plain", "raw"),
            "xlsx_times_as_fast_as_xlsxwriter": ratio("xlsxwriter", XLSX),
            "seconds": {way: median([o["seconds"] for o in found]) for way, found in main.items()},
            "megabytes": {way: round(found[0]["size"] / 1e6, 1) for way, found in main.items()},
            "first_byte_seconds": {
                way: median([one["first_byte"] for one in found], 3)
                for way, found in (main | first).items()
            },
            "peak_mb_over_idle": {way: round(most(main, way), 1) for way in main},
            "peak_by_rows": {
                f"{way} {size}": round(most(taken, way), 1)
                for size, taken in measured.items()
                for way in (CSV, XLSX)
            },
            "growth_of_whole_process": round(_whole(largest, CSV) / _whole(first, CSV) - 1, 3),
        },
    )


def _whole(taken: Taken, way: str) -> float:
    return max(one["mb_over_idle"] + one["idle_mb"] for one in taken[way])
