"""The log of exports, and what the pages of exports cost."""

import datetime
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from feedback.exports.jobs import cancel_export
from feedback.exports.orders import Order
from portal.core.models import ExportLog
from tests.factories import published_article
from tests.feedback.builders import answer

from .jobs import page

# A file is read on a connection of its own, which sees only what was committed: tests that make
# one are transactional.
pytestmark = pytest.mark.django_db

ORDER = "admin:feedback_export"
NOON = datetime.datetime(2025, 12, 1, 12, tzinfo=datetime.UTC)
FORM = {"purpose": "Annual report", "format": "analysis", "shape": "wide", "packed": "no"}


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
        # session, user, 2 permissions; authors, countries, months; the desk's list of apps
        reverse(ORDER): 11,
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
