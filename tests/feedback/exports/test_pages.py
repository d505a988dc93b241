"""The desk's pages about exports: what they ask, say, give and refuse."""

import datetime
import hashlib
import re
import uuid

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from feedback.exports.jobs import cancel_export, make_export
from feedback.exports.orders import Order
from feedback.models import ExportJob
from portal.accounts.models import User
from portal.core.models import ExportLog
from tests.factories import UserFactory, published_article
from tests.feedback.builders import KEYS, answer, rows_of

from .test_jobs import ready

# A file is read on a connection of its own, which sees only what was committed: tests that make
# one are transactional.
pytestmark = pytest.mark.django_db

ORDER = "admin:feedback_export"
NOON = datetime.datetime(2025, 12, 1, 12, tzinfo=datetime.UTC)
FORM = {"purpose": "Annual report", "format": "analysis", "shape": "wide", "packed": "no"}


def post(client, **data):
    return client.post(reverse(ORDER), {**FORM, **data})


def confirm(client, **data):
    return post(client, confirmed="yes", **data)


def page(job, name="job"):
    return reverse(f"admin:feedback_export_{name}", args=[job.pk])


@pytest.fixture
def lead_client(staff):
    staff.groups.add(Group.objects.get(name="Staff leads"))
    client = Client()
    client.force_login(staff)
    return client


# --- ordering ------------------------------------------------------------------------------------


def test_the_rows_are_counted_before_anything_is_sent(staff_client):
    article = published_article(title="Late failure")
    answer(article, [[5, 4, 3, 1]] * 3)
    assert (
        "Up to 100,000 rows are downloaded at once"
        in staff_client.get(reverse(ORDER)).content.decode()
    )
    response = post(staff_client, article=article.pk)
    assert (response.status_code, response.streaming) == (200, False)
    text = response.content.decode()
    assert re.search(r"3 rows\s", text)
    assert "The file is downloaded at once." in text
    assert "Late failure" in text
    assert "Download the file" in text
    assert ExportLog.objects.count() == ExportJob.objects.count() == 0


def test_change_shows_the_form_again_as_it_was(staff_client):
    response = post(staff_client, change="yes", shape="long")
    assert response.status_code == 200
    form = response.context["form"]
    assert (form["purpose"].value(), form["shape"].value()) == ("Annual report", "long")


def test_more_rows_are_said_to_be_made_in_the_background_and_are(staff_client, settings, sent):
    settings.EXPORT_STREAM_ROWS = 2
    answer(published_article(), [[5, 4, 3, 1]] * 3)
    text = post(staff_client).content.decode()
    assert "The file is made in the background." in text
    assert "Make the file" in text
    response = confirm(staff_client)
    job = ExportJob.objects.get()
    assert (response.status_code, response["Location"]) == (303, page(job))
    assert (job.status, job.purpose, job.rows_total) == ("waiting", "Annual report", 3)
    assert job.order == Order(is_packed=False).as_filters()


@pytest.mark.django_db(transaction=True)
def test_as_many_rows_as_the_limit_are_streamed_and_logged(staff_client, staff, settings):
    settings.EXPORT_STREAM_ROWS = 1
    article = published_article(title="Late failure")
    answer(article, [[5, 4, 3, 1]], submitted_at=NOON, updated_at=NOON)
    response = confirm(staff_client, article=article.pk, month="2025-12")
    assert (response.status_code, response.streaming) == (200, True)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == (
        f'attachment; filename="responses-{timezone.localdate()}.csv"'
    )
    assert "no-store" in response["Cache-Control"]
    assert response["X-Accel-Buffering"] == "no"
    content = b"".join(response.streaming_content)
    [row] = rows_of(content)
    assert re.fullmatch("r[0-9a-f]{20}", row["respondent"])
    assert [row[key] for key in KEYS] == ["5", "4", "3", "1"]
    log = ExportLog.objects.get()
    assert (log.user, log.kind, log.purpose) == (staff, "responses", "Annual report")
    assert log.filters == {
        "article": article.pk,
        "month": "2025-12",
        "format": "analysis",
        "shape": "wide",
        "packed": False,
        "comments": False,
    }
    assert (log.columns, log.row_count) == (list(row), 1)
    assert log.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("data", "start", "kind"),
    [
        ({"packed": "yes"}, b"PK", "application/zip"),
        ({"format": "excel"}, b"\xef\xbb\xbf", "text/csv; charset=utf-8"),
        (
            {"format": "xlsx", "shape": "long"},
            b"PK",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
    ],
    ids=str,
)
def test_each_kind_of_file_under_its_name(staff_client, data, start, kind):
    answer(published_article(), [[5, 4, 3, 1]] * 2)
    response = confirm(staff_client, **data)
    assert response["Content-Type"] == kind
    assert b"".join(response.streaming_content).startswith(start)
    suffix = response["Content-Disposition"].rstrip('"').rpartition(".")[2]
    assert suffix == ("zip" if "packed" in data else "xlsx" if start == b"PK" else "csv")


@pytest.mark.parametrize(
    "data",
    [
        {"purpose": ""},
        {"purpose": "   "},
        {"purpose": "x" * 501},
        {"format": "sav"},
        {"format": ""},
        {"shape": "round"},
        {"packed": "perhaps"},
        {"article": "x"},
        {"article": "0"},
        {"article": "9" * 30},
        {"article": "9" * 5000},
        {"month": "2025-13"},
        {"month": f"{timezone.now():%Y-%m}"},
        {"readers": "shoe_size:44"},
    ],
    ids=str,
)
def test_a_malformed_request_is_shown_again_and_exports_nothing(staff_client, data):
    response = confirm(staff_client, **data)
    assert response.status_code == 400
    assert response.streaming is False
    assert ExportLog.objects.count() == ExportJob.objects.count() == 0


@pytest.mark.parametrize(
    ("group", "rest", "is_allowed"),
    [(10, 10, True), (10, 0, True), (9, 10, False), (10, 9, False), (1, 30, False), (0, 10, True)],
)
def test_a_part_of_the_readers_that_results_would_hide_is_refused(
    staff_client, group, rest, is_allowed
):
    article = published_article()
    answer(article, [[5, 4, 3, 1]] * group, country="GB")
    answer(article, [[5, 4, 3, 1]] * rest, country="FR")
    response = post(staff_client, readers="country:GB", article=article.pk)
    assert response.status_code == (200 if is_allowed else 400)
    assert ("Fewer than 10 people" in response.content.decode()) is not is_allowed


def test_people_are_counted_not_responses(staff_client):
    """Nine readers who answer about three articles each are nine."""
    articles = [published_article() for _ in range(3)]
    for number, article in enumerate(articles):
        responses = answer(article, [[5, 4, 3, 1]] * 9, country="GB")
        if number == 0:
            readers = [response.reader for response in responses]
        else:
            for response, reader in zip(responses, readers, strict=True):
                response.reader = reader
                response.save()
    answer(articles[0], [[5, 4, 3, 1]] * 20, country="FR")
    assert post(staff_client, readers="country:GB").status_code == 400


def test_free_text_only_with_its_permission(staff_client, lead_client, desk):
    assert 'name="comments"' not in desk("Staff").get(reverse(ORDER)).content.decode()
    assert 'name="comments"' in lead_client.get(reverse(ORDER)).content.decode()
    # Who has not the permission and asks all the same gets a file without.
    answer(published_article(), [[5, 4, 3, 1]])
    text = post(desk("Staff"), comments="on").content.decode()
    assert "Left out" in text
    assert "Included" in post(lead_client, comments="on").content.decode()


def test_a_page_of_results_hands_its_selection_over(staff_client):
    article = published_article()
    answer(article, [[5, 4, 3, 1]])
    form = staff_client.get(reverse(ORDER), {"article": article.pk}).context["form"]
    assert str(form["article"].value()) == str(article.pk)
    for nonsense in ({"article": "x"}, {"month": "1999-99"}, {"article": "9" * 40}):
        response = staff_client.get(reverse(ORDER), nonsense)
        assert response.status_code == 200
        assert response.context["form"].initial == {}


# --- doors ---------------------------------------------------------------------------------------


PAGES = ["job", "progress", "download"]
BUTTONS = ["cancel", "retry"]


@pytest.mark.parametrize("group", ["Editors", ""])
def test_without_the_permission_403_and_a_line_in_the_log(desk, caplog, group, make_job):
    job = make_job(**ready())
    client = desk(group)
    caplog.clear()
    assert client.get(reverse(ORDER)).status_code == 403
    assert confirm(client).status_code == 403
    assert client.get(reverse("admin:feedback_exports")).status_code == 403
    for name in PAGES:
        assert client.get(page(job, name)).status_code == 403
    for name in BUTTONS:
        assert client.post(page(job, name)).status_code == 403
    lines = [r.getMessage() for r in caplog.records if r.name == "feedback.admin"]
    assert len(lines) == 8
    assert lines[0] == "Refused: export_view without the permission feedback.export_responses"
    for user in User.objects.all():
        assert user.email not in caplog.text
    assert ExportLog.objects.count() == 0


def test_strangers_are_asked_to_sign_in(client, make_job):
    job = make_job(**ready())
    for address in (reverse(ORDER), *(page(job, name) for name in PAGES)):
        assert client.get(address)["Location"].startswith(reverse("admin:login"))
    for name in BUTTONS:
        assert client.post(page(job, name))["Location"].startswith(reverse("admin:login"))
    assert confirm(client)["Location"].startswith(reverse("admin:login"))
    assert ExportLog.objects.count() == 0


def test_others_exports_are_not_there_for_a_lead_either(make_job, client):
    job, failed = make_job(**ready()), make_job(**over("failed", error="storage"))
    lead = UserFactory(group="Staff")
    lead.groups.add(Group.objects.get(name="Staff leads"))
    client.force_login(lead)
    for name in PAGES:
        assert client.get(page(job, name)).status_code == 404
    for name in BUTTONS:
        assert client.post(page(failed, name)).status_code == 404
    assert "Annual report" not in client.get(reverse("admin:feedback_exports")).content.decode()
    failed.refresh_from_db()
    assert (failed.status, ExportLog.objects.count()) == ("failed", 0)


def test_what_is_not_there_is_404(staff_client):
    job = ExportJob(pk=uuid.uuid4())
    for name in PAGES:
        assert staff_client.get(page(job, name)).status_code == 404


def test_buttons_are_posted_and_downloads_are_not_asked_for_their_heads(make_job, staff_client):
    job = make_job(**ready())
    assert [staff_client.get(page(job, name)).status_code for name in BUTTONS] == [405, 405]
    assert staff_client.head(page(job, "download")).status_code == 405
    assert ExportLog.objects.count() == 0


def test_the_buttons_want_a_csrf_token(make_job, staff):
    job = make_job()
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    assert client.post(page(job, "cancel")).status_code == 403
    assert ExportJob.objects.get().status == "waiting"


# --- watching ------------------------------------------------------------------------------------


def over(status, **fields):
    now = timezone.now()
    return {"status": status, "started_at": now, "finished_at": now, "attempts": 1, **fields}


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


# --- the log -------------------------------------------------------------------------------------


@pytest.fixture
def log(staff):
    return ExportLog.objects.create(
        user=staff,
        kind="responses",
        purpose="Annual report",
        filters=Order.from_filters(
            {**Order().as_filters(), "month": "2025-12", "readers": "country:GB"}
        ).as_filters(),
        columns=["respondent", "clear"],
        row_count=12,
        sha256="ab" * 32,
    )


def test_leads_read_the_log_in_words(lead_client, log):
    response = lead_client.get(reverse("admin:core_exportlog_change", args=[log.pk]))
    text = response.content.decode()
    assert response.status_code == 200
    for words in (
        "Month: December 2025",
        "Readers: Country: United Kingdom",
        "respondent, clear",
        "ab" * 32,
    ):
        assert words in text
    assert not re.search(r'name="_(save|continue|addanother)"', text)


def test_rows_of_an_earlier_form_are_read_too(lead_client, staff):
    article = published_article(title="Late failure")
    old = ExportLog.objects.create(
        user=staff,
        kind="responses",
        purpose="Earlier",
        filters={"article": article.pk, "flavour": "excel"},
        columns=[],
        row_count=1,
        sha256="",
    )
    text = lead_client.get(reverse("admin:core_exportlog_change", args=[old.pk])).content.decode()
    assert "Late failure" in text
    assert "Format: excel" in text


def test_the_log_is_searched_and_narrowed(lead_client, log):
    address = reverse("admin:core_exportlog_changelist")
    for query in ("Annual", log.user.email, "ab" * 32):
        assert lead_client.get(address, {"q": query}).context["cl"].result_count == 1
    for narrower in ({"q": "nothing like it"}, {"exported_at__year": "1999"}):
        assert lead_client.get(address, narrower).context["cl"].result_count == 0


def test_nobody_adds_changes_or_deletes_and_only_leads_look(lead_client, log, desk):
    changelist = reverse("admin:core_exportlog_changelist")
    change = reverse("admin:core_exportlog_change", args=[log.pk])
    assert lead_client.get(reverse("admin:core_exportlog_add")).status_code == 403
    assert lead_client.post(change, {"purpose": "Another"}).status_code == 403
    delete = reverse("admin:core_exportlog_delete", args=[log.pk])
    assert lead_client.post(delete, {"post": "yes"}).status_code == 403
    for group in ("Staff", "Editors"):
        client = desk(group)
        assert client.get(changelist).status_code == client.get(change).status_code == 403
    log.refresh_from_db()
    assert log.purpose == "Annual report"


# --- queries -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 3])
def test_queries_do_not_grow(lead_client, make_job, number, exports_directory):
    for _ in range(number):
        article = published_article()
        answer(article, [[4, 4, 4, 4]])
        job = make_job(order=Order.from_filters({**Order().as_filters(), "article": article.pk}))
        cancel_export(job.pk)
    pages = {
        # session, user, 2 permissions; articles, authors, the first month; …
        reverse(ORDER): 8,
        reverse("admin:feedback_exports"): 7,
        # … the export, the article's title
        page(job): 7,
        page(job, "progress"): 5,
        reverse("admin:core_exportlog_changelist"): 11,
    }
    counted = {}
    for address in pages:
        lead_client.get(address)
        with CaptureQueriesContext(connection) as queries:
            lead_client.get(address)
        counted[address] = len(queries)
    assert counted == pages
