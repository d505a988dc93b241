"""Each benchmark runs in a tiny size and says in its last line what it measured."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run benchmarks as ``make bench`` does, with services and settings of their own."""
    ours = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "STATICFILES_STORAGE")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def last_line(done: subprocess.CompletedProcess[str]) -> dict:
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert list(found) == ["name", "ratio", "against", "figures"]
    assert found["ratio"] > 0
    return found


def test_page():
    found = last_line(run("--quick", "page"))
    pages = found["figures"]["pages"]
    assert found["name"] == "page"
    assert list(pages) == [
        "article",
        "constant",
        "teaser",
        "home",
        "signed_in_article",
        "five_queries",
    ]
    assert {name: page["errors"] for name, page in pages.items()} == dict.fromkeys(pages, 0)
    assert all(page["requests_per_second"] > 0 for page in pages.values())
    assert found["figures"]["ratio_to_five_queries"] > 0
    cold = found["figures"]["cold_30_kb"]
    assert cold["bytes_of_page"] > 30_000
    assert 0 < cold["p50_ms"] <= cold["p95_ms"]


def test_export():
    found = last_line(run("--quick", "export"))
    figures = found["figures"]
    assert found["name"] == "export"
    assert figures["rows"] >= 1000
    ways = ["raw", "plain", "analysis wide", "xlsx wide", "xlsxwriter"]
    assert list(figures["seconds"])[:5] == ways
    assert all(size > 0 for size in figures["megabytes"].values())
    assert figures["xlsx_times_as_fast_as_xlsxwriter"] > 0
    assert len(figures["peak_by_rows"]) == 4


def test_search():
    found = last_line(run("--quick", "search"))
    figures = found["figures"]
    assert found["name"] == "search"
    assert figures["articles"] == 200
    assert list(figures["milliseconds"]) == [
        "common",
        "common_and_more",
        "common_attested",
        "list",
        "list_cold",
        "middling",
        "middling_attested",
        "rare",
        "rare_attested",
    ]
    for times in figures["milliseconds"].values():
        assert 0 < times["p50"] <= times["p95"]


def test_survey():
    found = last_line(run("--quick", "survey"))
    figures = found["figures"]
    assert found["name"] == "survey"
    # Each answer was taken by the gate, the CSRF check and the form, and stands in the database.
    assert figures["saved"] == figures["sent"] > 20
    assert figures["answers_per_second"] > 0
    assert figures["single_rows_per_second"] > 0
    assert 0 < figures["p50_ms"] <= figures["p95_ms"]


def test_results():
    found = last_line(run("--quick", "results"))
    figures = found["figures"]
    assert found["name"] == "results"
    assert figures["responses"] > 2000
    assert figures["tallies"] > 0
    assert list(figures["p95_ms"]) == ["page", "cold"]
    kinds = figures["slowest_ms"]["page"]
    assert len(kinds) == 4 * 2 * 7
    assert all(milliseconds > 0 for milliseconds in kinds.values())


def test_mail():
    found = last_line(run("--quick", "mail"))
    figures = found["figures"]
    assert found["name"] == "mail"
    assert figures["outbox_per_second"] > 0
    assert figures["raw_per_second"] > 0
    assert figures["message_bytes"] > 20_000
    assert figures["planned"] == 500
    assert list(figures["mb_per_process"]) == ["100", "500"]
    assert figures["progress_ms"] > 0


@pytest.mark.parametrize("name", ["pages", "harness"])
def test_an_unknown_name_is_refused(name):
    done = run(name)
    assert done.returncode == 2
    assert f"there is no benchmark '{name}'" in done.stderr
    assert done.stdout == ""
