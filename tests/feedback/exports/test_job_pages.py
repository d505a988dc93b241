"""The desk's pages about exports in the background: watching one, and fetching its file."""

import datetime
import hashlib
import re

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from feedback.exports.jobs import make_export
from feedback.exports.orders import Order
from portal.core.models import ExportLog
from tests.factories import published_article
from tests.feedback.builders import answer

from .jobs import over, page, ready

# A file is read on a connection of its own, which sees only what was committed: tests that make
# one are transactional.
pytestmark = pytest.mark.django_db

ORDER = "admin:feedback_export"
NOON = datetime.datetime(2025, 12, 1, 12, tzinfo=datetime.UTC)
FORM = {"purpose": "Annual report", "format": "analysis", "shape": "wide", "packed": "no"}


# --- watching ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "seen", "unseen"),
    [
        ({}, ["Waiting", "about 10 rows", "Cancel the export"], ["Download", "Try again"]),
        (
            {"status": "running", "attempts": 1, "rows_done": 4},
            ["Being made", "4 of about 10 rows (40 %), for 1 min 15 s.", "Cancel the export"],
            ["Download", "Try again"],
        ),
        (ready(), ["The file is ready", "10 rows", "Download"], ["Cancel the", "Try again"]),
        (
            over("failed", error="storage"),
            ["There is no file", "the disk is full", "Try again"],
            ["Cancel the", "Download"],
        ),
        (over("cancelled"), ["The export was cancelled"], ["Cancel the", "Download", "Try again"]),
        (
            ready(status="expired", file=""),
            ["The file has been deleted"],
            ["Cancel the", "Download", "Try again"],
        ),
    ],
    ids=lambda value: value.get("status", "waiting") if isinstance(value, dict) else "",
)
def test_each_state_has_its_words_and_its_buttons(make_job, staff_client, fields, seen, unseen):
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        if fields.get("status") == "running":
            fields = fields | {"started_at": now - datetime.timedelta(seconds=75)}
        text = staff_client.get(page(make_job(**fields))).content.decode()
    main = text[text.index('class="export-state"') :]
    for words in seen:
        assert words in main
    for words in unseen:
        assert words not in main


def test_the_script_gets_numbers_and_words(make_job, staff_client):
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        job = make_job(
            status="running",
            attempts=1,
            started_at=now - datetime.timedelta(seconds=5),
            rows_total=150_000,
            rows_done=48_000,
        )
        response = staff_client.get(page(job, "progress"))
    assert response.json() == {
        "state": "running",
        "value": 48_000,
        "max": 150_000,
        "text": "48,000 of about 150,000 rows (32 %), for 5 seconds.",
        # In tenths, so that a screen reader is not told every two seconds.
        "announcement": "The export: 30 % done",
    }
    assert "no-store" in response["Cache-Control"]


def test_more_rows_than_were_counted_are_no_more_than_all(make_job, staff_client):
    job = make_job(
        status="running", attempts=1, started_at=timezone.now(), rows_total=10, rows_done=12
    )
    answer = staff_client.get(page(job, "progress")).json()
    assert (answer["value"], answer["max"]) == (10, 10)
    assert "(100 %)" in answer["text"]


def test_the_list_says_where_each_stands(make_job, staff_client):
    make_job(purpose="First")
    make_job(purpose="Second", **ready(expires_at=timezone.now() - datetime.timedelta(hours=1)))
    text = staff_client.get(reverse("admin:feedback_exports")).content.decode()
    rows = re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)[1:]
    assert [re.search("First|Second", row).group() for row in rows] == ["Second", "First"]
    assert "Expired" in rows[0]
    assert "Waiting" in rows[1]


def test_cancelling_and_retrying_from_the_page(make_job, staff_client, sent):
    job = make_job()
    assert staff_client.post(page(job, "cancel"))["Location"] == page(job)
    job.refresh_from_db()
    assert job.status == "cancelled"
    failed = make_job(purpose="Another", **over("failed", error="stopped"))
    assert staff_client.post(page(failed, "retry")).status_code == 303
    failed.refresh_from_db()
    assert failed.status == "waiting"


# --- fetching ------------------------------------------------------------------------------------


@pytest.fixture
def made(make_job, exports_directory, transactional_db):
    """An export whose file is really there."""
    answer(published_article(), [[5, 4, 3, 1]] * 3)
    job = make_job()
    make_export(job.pk)
    job.refresh_from_db()
    return job


@pytest.mark.django_db(transaction=True)
def test_the_file_comes_whole_is_not_kept_by_anybody_and_is_logged(made, staff_client, staff):
    response = staff_client.get(page(made, "download"))
    content = b"".join(response.streaming_content)
    assert response.status_code == 200
    assert hashlib.sha256(content).hexdigest() == made.sha256
    assert response["Content-Disposition"].startswith('attachment; filename="responses-')
    assert response["Content-Length"] == str(made.size)
    assert "no-store" in response["Cache-Control"]
    assert response["X-Accel-Buffering"] == "no"
    log = ExportLog.objects.get(kind="responses (download)")
    assert (log.user, log.purpose, log.filters) == (staff, "Annual report", made.order)
    assert (log.columns, log.row_count, log.sha256) == (made.columns, 3, made.sha256)


@pytest.mark.django_db(transaction=True)
def test_after_seven_days_it_is_gone_even_before_anybody_deleted_it(made, staff):
    client = Client()
    with time_machine.travel(made.expires_at + datetime.timedelta(seconds=1)):
        client.force_login(staff)
        response = client.get(page(made, "download"))
    assert response.status_code == 410
    assert "The file has been deleted" in response.content.decode()
    assert not ExportLog.objects.filter(kind="responses (download)").exists()


@pytest.mark.django_db(transaction=True)
def test_a_file_that_somebody_deleted_is_no_error(made, staff_client, exports_directory):
    [path] = exports_directory.iterdir()
    path.unlink()
    assert staff_client.get(page(made, "download")).status_code == 410
    assert not ExportLog.objects.filter(kind="responses (download)").exists()


@pytest.mark.django_db(transaction=True)
def test_who_lost_the_permission_loses_the_file(made, staff, staff_client):
    staff.groups.clear()
    assert staff_client.get(page(made, "download")).status_code == 403
    assert not ExportLog.objects.filter(kind="responses (download)").exists()


@pytest.mark.django_db(transaction=True)
def test_free_text_is_only_for_who_may_still_export_it(
    make_job, staff, lead_client, exports_directory
):
    job = make_job(order=Order(is_packed=False, has_comments=True))
    make_export(job.pk)
    assert lead_client.get(page(job, "download")).status_code == 200
    staff.groups.remove(Group.objects.get(name="Staff leads"))
    assert lead_client.get(page(job, "download")).status_code == 403
    assert ExportLog.objects.filter(kind="responses (download)").count() == 1


@pytest.mark.parametrize("fields", [{}, over("failed", error="storage"), over("cancelled")])
def test_what_is_not_ready_cannot_be_fetched(make_job, staff_client, fields):
    assert staff_client.get(page(make_job(**fields), "download")).status_code == 410
    assert ExportLog.objects.count() == 0
