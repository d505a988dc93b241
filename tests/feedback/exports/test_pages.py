"""The desk's pages about exports: what they ask, say, give and refuse."""

import datetime
import hashlib
import re
import uuid

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from feedback.exports.orders import Order
from feedback.models import ExportJob
from portal.accounts.models import User
from portal.core.models import ExportLog
from tests.factories import UserFactory, published_article
from tests.feedback.builders import KEYS, answer, refresh_tallies, rows_of

from .jobs import over, page, ready

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
    refresh_tallies()
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
    [(10, 10, True), (10, 0, True), (9, 10, False), (10, 9, False), (1, 30, False)],
)
def test_a_part_of_the_readers_that_results_would_hide_is_refused(
    staff_client, group, rest, is_allowed
):
    article = published_article()
    answer(article, [[5, 4, 3, 1]] * group, country="GB")
    answer(article, [[5, 4, 3, 1]] * rest, country="FR")
    refresh_tallies()
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
    refresh_tallies()
    refused = post(staff_client, readers="country:GB")
    assert refused.status_code == 400
    assert "Fewer than 10 people" in refused.content.decode()


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
    lines = [r.getMessage() for r in caplog.records if r.name == "portal.core.desk_pages"]
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


def test_others_exports_are_refused_to_a_lead_too_and_that_is_logged(make_job, client, caplog):
    job, failed = make_job(**ready()), make_job(**over("failed", error="storage"))
    lead = UserFactory(group="Staff")
    lead.groups.add(Group.objects.get(name="Staff leads"))
    client.force_login(lead)
    caplog.clear()
    for name in PAGES:
        response = client.get(page(job, name))
        assert response.status_code == 403
        assert "Annual report" not in response.content.decode()
    for name in BUTTONS:
        assert client.post(page(failed, name)).status_code == 403
    lines = [r.getMessage() for r in caplog.records if r.name == "feedback.admin.exports"]
    assert lines == [
        f"Refused: the export {one.pk} to another than who ordered it"
        for one in (*[job] * len(PAGES), *[failed] * len(BUTTONS))
    ]
    for user in (lead, job.requested_by):
        assert user.email not in caplog.text
    assert "Annual report" not in client.get(reverse("admin:feedback_exports")).content.decode()
    failed.refresh_from_db()
    assert (failed.status, ExportLog.objects.count()) == ("failed", 0)


def test_what_is_not_there_is_404(staff_client):
    job = ExportJob(pk=uuid.uuid4())
    for name in PAGES:
        assert staff_client.get(page(job, name)).status_code == 404
    for name in BUTTONS:
        assert staff_client.post(page(job, name)).status_code == 404


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
