"""The page of the export, the stream, and what the log says of it."""

import datetime
import hashlib
import re

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from feedback.exports import COLUMNS, Flavour, export_responses
from feedback.exports.snapshot import open_snapshot, set_key
from feedback.models import Response, load_survey_version
from portal.accounts.models import User
from portal.core.models import ExportLog
from tests.factories import UserFactory, published_article

from .builders import KEYS, answer, export, rows_of

# The export reads on a connection of its own, which sees only what was committed: what looks into
# a file needs transactional tests here. `test_export_content` reads in the test's transaction.
pytestmark = pytest.mark.django_db

URL = "admin:feedback_export"
NOON = datetime.datetime(2025, 12, 1, 12, tzinfo=datetime.UTC)


def post(client, **data):
    return client.post(reverse(URL), {"purpose": "Annual report", "flavour": "analysis", **data})


# --- the page -------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_file_is_streamed_and_logged(desk):
    article = published_article(title="Late failure")
    answer(article, [[5, 4, 3, 1]], updated_at=NOON)
    client = desk("Staff")
    assert client.get(reverse(URL)).status_code == 200
    response = post(client)
    assert response.status_code == 200
    assert response.streaming is True
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == (
        f'attachment; filename="responses-{timezone.localdate()}.csv"'
    )
    assert "no-store" in response["Cache-Control"]
    content = b"".join(response.streaming_content)

    [row] = rows_of(content)
    assert re.fullmatch("r[0-9a-f]{20}", row.pop("respondent"))
    assert row == {
        "article_id": str(article.pk),
        "article_slug": article.slug,
        "article_title": "Late failure",
        "article_version": "1",
        "survey": "default",
        "survey_version": "1",
        "answered_on": "2025-12-01",
        "profession": "other",
        "specialty": "other",
        "country": "other",
        "clear": "5",
        "objectives": "4",
        "relevant": "3",
        "change": "1",
    }
    log = ExportLog.objects.get()
    assert (log.user.groups.get().name, log.kind, log.purpose, log.filters) == (
        "Staff",
        "responses",
        "Annual report",
        {"article": None, "flavour": "analysis"},
    )
    assert (log.columns, log.row_count, log.sha256) == (
        [*COLUMNS, *KEYS],
        1,
        hashlib.sha256(content).hexdigest(),
    )


@pytest.mark.django_db(transaction=True)
def test_one_article_alone(desk):
    articles = [published_article(), published_article()]
    for article in articles:
        answer(article, [[4, 4, 4, 4]] * 2)
    response = post(desk("Staff"), article=articles[1].pk)
    rows = rows_of(b"".join(response.streaming_content))
    assert [row["article_slug"] for row in rows] == [articles[1].slug] * 2
    assert ExportLog.objects.get().filters == {"article": articles[1].pk, "flavour": "analysis"}


@pytest.mark.parametrize(
    "data",
    [
        {"purpose": ""},
        {"purpose": "   "},
        {"purpose": "x" * 501},
        {"flavour": "xlsx"},
        {"article": "x"},
        {"article": "0"},
        {"article": "9" * 30},
        {"article": "9" * 5000},
    ],
    ids=str,
)
def test_a_malformed_request_is_shown_again_and_exports_nothing(desk, data):
    response = post(desk("Staff"), **data)
    assert response.status_code == 400
    assert response.streaming is False
    assert ExportLog.objects.count() == 0


def test_a_draft_without_answers_cannot_be_chosen(desk):
    published = published_article()
    assert post(desk("Staff"), article=published.pk).status_code == 400


@pytest.mark.parametrize("group", ["Editors", ""])
def test_without_the_permission_403_and_a_line_in_the_log(desk, caplog, group):
    answer(published_article(), [[4, 4, 4, 4]])
    client = desk(group)
    caplog.clear()
    assert client.get(reverse(URL)).status_code == 403
    assert post(client).status_code == 403
    lines = [r.getMessage() for r in caplog.records if r.name == "feedback.admin"]
    assert lines == ["Refused: export_view without the permission feedback.export_responses"] * 2
    for user in User.objects.all():
        assert user.email not in caplog.text
    assert ExportLog.objects.count() == 0


def test_strangers_are_asked_to_sign_in(client):
    assert post(client)["Location"].startswith(reverse("admin:login"))
    assert ExportLog.objects.count() == 0


@pytest.mark.parametrize("articles", [1, 3])
def test_queries_of_the_page_do_not_grow(desk, django_assert_num_queries, articles):
    for _ in range(articles):
        answer(published_article(), [[4, 4, 4, 4]])
    client = desk("Staff")
    client.get(reverse(URL))
    # session, user, 2 permissions; the desk's list of apps; articles to choose from
    with django_assert_num_queries(6):
        client.get(reverse(URL))


# --- the key, many rows, one snapshot ------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_key_stands_in_no_statement_that_the_server_sees(monkeypatch):
    key = bytes(range(64))
    monkeypatch.setattr("feedback.exports.snapshot.secrets.token_bytes", lambda size: key[:size])
    halves = [bytes(byte ^ pad for byte in key).hex() for pad in (0, 0x36, 0x5C)]

    def queries():
        with connection.cursor() as cursor:
            cursor.execute("SELECT query FROM pg_stat_activity WHERE datname = current_database()")
            return [query for (query,) in cursor.fetchall()]

    with open_snapshot() as cursor:
        set_key(cursor, key)
        seen = queries()
    assert [query for query in seen if "set_config('portal.export_inner_key', $1" in query] != []
    many(5_000)
    chunks = export_responses(user=UserFactory(), purpose="A test", flavour=Flavour.ANALYSIS)
    # The header comes at once, the next chunk with rows.
    next(chunks)
    next(chunks)
    seen += queries()
    chunks.close()
    assert [query for query in seen if "COPY (" in query] != []
    assert [query for query in seen if any(half in query for half in halves)] == []


def many(n):
    """Insert ``n`` responses by SQL."""
    article = published_article()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO attestation_reader (id, profession, specialty, country, created_at)"
            " SELECT gen_random_uuid(), 'physician', 'haematology', 'GB', now()"
            " FROM generate_series(1, %s)",
            [n],
        )
        cursor.execute(
            "INSERT INTO feedback_response (reader_id, article_id, article_version_id,"
            " survey_version_id, levels, profession, specialty, country, submitted_at, updated_at)"
            " SELECT id, %s, %s, %s, '{1,2,3,4}', profession, specialty, country,"
            " now() - interval '40 days', now() - interval '40 days'"
            " FROM attestation_reader",
            [article.pk, article.published_version_id, load_survey_version().version_id],
        )
    return article


@pytest.mark.django_db(transaction=True)
def test_many_rows_go_out_in_small_chunks(desk):
    import tracemalloc

    many(20_000)
    response = post(desk("Staff"))
    sizes, digest = [], hashlib.sha256()
    tracemalloc.start()
    for chunk in response.streaming_content:
        sizes.append(len(chunk))
        digest.update(chunk)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(sizes) > 20
    assert max(sizes) < 100_000
    assert sum(sizes) > 2_000_000  # bytes
    assert peak < 500_000
    log = ExportLog.objects.get()
    assert (log.row_count, log.sha256) == (20_000, digest.hexdigest())


@pytest.mark.django_db(transaction=True)
def test_who_goes_away_in_the_middle_is_logged_with_what_was_sent(desk):
    many(5_000)
    response = post(desk("Staff"))
    sent = iter(response.streaming_content)
    first = next(sent) + next(sent)
    assert ExportLog.objects.count() == 0
    response.close()
    log = ExportLog.objects.get()
    assert (log.kind, log.row_count, log.sha256) == (
        "responses (interrupted)",
        first.count(b"\n") - 1,  # without the header
        hashlib.sha256(first).hexdigest(),
    )
    # The connection is as good as before.
    assert len(rows_of(export())) == 5_000


@pytest.mark.django_db(transaction=True)
def test_one_snapshot_whatever_happens_meanwhile():
    article = many(5_000)
    chunks = export_responses(user=UserFactory(), purpose="A test", flavour=Flavour.ANALYSIS)
    content = next(chunks) + next(chunks)
    # The same thread may go on with something else between two chunks.
    Response.objects.update(levels=[5, 5, 5, 5])
    content += b"".join(chunks)
    assert {row["clear"] for row in rows_of(content)} == {"1"}
    assert article.responses.filter(levels=[5, 5, 5, 5]).count() == 5_000
