"""Small exports: sent while they are made, from one snapshot, and logged whatever happens."""

import hashlib
import time

import pytest
from django.db import connection
from django.http import StreamingHttpResponse

from feedback.exports.columns import BASE
from feedback.exports.orders import Order
from feedback.exports.snapshot import open_snapshot, set_key
from feedback.exports.streaming import stream_export
from feedback.models import Response
from portal.core.models import ExportLog
from tests.factories import UserFactory
from tests.feedback.builders import KEYS, export, rows_of

from .many import many

pytestmark = pytest.mark.django_db(transaction=True)


def started():
    """Return an export of everything that nobody has asked a chunk of yet."""
    return stream_export(user=UserFactory(), purpose="A test", order=Order(is_packed=False))


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
    chunks = started()
    # The header comes at once, the next chunk with rows.
    next(chunks)
    next(chunks)
    seen += queries()
    chunks.close()
    assert [query for query in seen if "COPY (" in query] != []
    assert [query for query in seen if any(half in query for half in halves)] == []


def test_many_rows_go_out_in_small_chunks():
    import tracemalloc

    many(10_000)
    sizes, digest = [], hashlib.sha256()
    tracemalloc.start()
    for chunk in started():
        sizes.append(len(chunk))
        digest.update(chunk)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(sizes) > 10
    assert max(sizes) < 100_000
    assert sum(sizes) > 1_000_000  # bytes
    assert peak < 500_000
    log = ExportLog.objects.get()
    assert (log.kind, log.row_count, log.sha256) == ("responses", 10_000, digest.hexdigest())
    assert log.columns == [*BASE, *KEYS]


def test_the_first_byte_does_not_wait_for_the_rows():
    many(5_000)
    begin = time.monotonic()
    chunks = started()
    assert next(chunks)
    first = time.monotonic() - begin
    chunks.close()
    assert first < 1


def test_who_goes_away_in_the_middle_is_logged_with_what_was_sent():
    many(5_000)
    # As a server does with a browser that has gone: it closes the response.
    response = StreamingHttpResponse(started())
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
    assert log.columns == [*BASE, *KEYS]
    # The connection is as good as before.
    assert len(rows_of(export())) == 5_000


def test_one_snapshot_whatever_happens_meanwhile():
    article = many(5_000)
    chunks = started()
    content = next(chunks) + next(chunks)
    # The same thread may go on with something else between two chunks.
    Response.objects.update(levels=[5, 5, 5, 5])
    content += b"".join(chunks)
    assert {row["clear"] for row in rows_of(content)} == {"1"}
    assert article.responses.filter(levels=[5, 5, 5, 5]).count() == 5_000
