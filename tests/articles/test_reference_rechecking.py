"""Sources that are corrected or retracted after they were stored: found, shown, and looked at."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from threading import Barrier

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import IntegrityError, connection
from django.test import RequestFactory
from django.utils import timezone

from articles.blocks import PublicationBlocked, publication_blocks
from articles.desk import broken_references
from articles.models import Reference
from articles.reference_import import rechecking
from articles.reference_import.rechecking import recheck_references
from articles.references import format_vancouver
from articles.services import publish_article, withdraw_article
from articles.tasks import recheck_stored_references
from portal.celery import app
from tests.articles.desk_forms import change_url, errors, form_data, reference, section
from tests.factories import (
    ArticleFactory,
    PublishableArticleFactory,
    ReferenceFactory,
    approved_article,
    published_article,
)

pytestmark = pytest.mark.django_db

ERRATUM = {"kind": "erratum", "DOI": "10.5555/erratum", "date": "2025-03-01"}
RETRACTION = {"kind": "retraction", "DOI": "10.5555/notice", "date": "2025-04-06"}
NEWS = "erratum, 2025-03-01, doi: 10.5555/erratum; retraction, 2025-04-06, doi: 10.5555/notice"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(rechecking, "PAUSE_SECONDS", 0)


def source(doi, **fields):
    return ReferenceFactory(csl={"type": "article-journal", "title": "T", "DOI": doi}, **fields)


def cite_retracted(article):
    """Let the reference that ``article`` cites be one that was retracted."""
    row = article.references.get()
    row.csl = row.csl | {"DOI": "10.5555/retracted"}
    row.save()
    return row


def paths(server):
    return [path.partition("?")[0] for _when, path, _headers in server.asked]


def news(row):
    row.refresh_from_db()
    return row.updates, row.updates_seen


# --- asking ---------------------------------------------------------------------------------------


def test_what_was_corrected_or_retracted_is_written_down_for_all_articles(references_online):
    rows = [source("10.5555/retracted"), source("10.5555/RETRACTED")]
    unchanged, other = source("10.5555/fictitious.1"), ReferenceFactory()
    assert recheck_references() == 2
    assert [news(row) for row in rows] == [([ERRATUM, RETRACTION], False)] * 2
    assert [news(row) for row in (unchanged, other)] == [([], True)] * 2
    assert (unchanged.checked_at is None, other.checked_at) == (False, None)
    assert paths(references_online) == [
        "/works/10.5555%2Fretracted",
        "/works/10.5555%2Ffictitious.1",
    ]


def test_each_source_is_asked_about_once_in_thirty_days(references_online):
    row = source("10.5555/retracted")
    assert [recheck_references(), recheck_references()] == [1, 0]
    assert len(references_online.asked) == 1
    Reference.objects.update(updates_seen=True)
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert recheck_references() == 0
    # What somebody has seen is no news.
    assert len(references_online.asked) == 2
    assert news(row) == ([ERRATUM, RETRACTION], True)


def test_the_longest_unasked_comes_first_and_a_run_ends(references_online):
    late, early, never = (source(f"10.5555/{name}") for name in ("late", "early", "never"))
    for row, days in ((late, 40), (early, 50)):
        Reference.objects.filter(pk=row.pk).update(checked_at=timezone.now() - timedelta(days))
    assert recheck_references(limit=2) == 0
    assert paths(references_online) == ["/works/10.5555%2Fnever", "/works/10.5555%2Fearly"]
    never.refresh_from_db()
    # Crossref does not know it, which is no reason to ask again soon.
    assert never.checked_at is not None


def test_a_known_retraction_is_no_news_but_its_erratum_is(references_online):
    row = source("10.5555/retracted")
    row.csl |= {"status": "retracted"}
    row.save()
    assert recheck_references() == 1
    assert news(row) == ([ERRATUM], False)


def test_withdrawn_articles_and_the_demonstration_ask_nothing(references_online):
    withdrawn = published_article()
    cite_retracted(withdrawn)
    withdraw_article(article=withdrawn, user=None, reason="Wrong.")
    source("10.5555/retracted", article=ArticleFactory(is_demo=True))
    assert recheck_references() == 0
    assert references_online.asked == []


@pytest.mark.parametrize("fault", [500, 429, "closed", "elsewhere"])
def test_where_nothing_comes_back_the_run_ends_and_asks_again(references_online, fault):
    rows = [source("10.5555/retracted"), source("10.5555/ahead")]
    references_online.mode = fault
    assert recheck_references() == 0
    if fault != "elsewhere":
        assert len(references_online.asked) == 1
        assert [Reference.objects.get(pk=row.pk).checked_at for row in rows] == [None, None]
        references_online.mode = ""
        assert recheck_references() == 1
        assert news(rows[0]) == ([ERRATUM, RETRACTION], False)


def test_switched_off_nothing_is_asked(settings, django_assert_num_queries):
    settings.CROSSREF_URL = ""
    source("10.5555/retracted")
    with django_assert_num_queries(0):
        assert recheck_references() == 0


def test_there_is_a_pause_between_two_questions(references_online, monkeypatch):
    monkeypatch.setattr(rechecking, "PAUSE_SECONDS", 0.3)
    for number in range(3):
        source(f"10.5555/{number}")
    started = time.monotonic()
    recheck_references()
    # The first is asked at once.
    assert references_online.asked[0][0] - started < 0.3
    gaps = [after[0] - before[0] for before, after in pairwise(references_online.asked)]
    assert len(gaps) == 2
    assert min(gaps) >= 0.3


def test_the_beat_asks_through_a_task_that_exists(references_online):
    entry = django_settings.CELERY_BEAT_SCHEDULE["recheck-references"]
    assert app.tasks[entry["task"]].name == recheck_stored_references.name
    row = source("10.5555/retracted")
    recheck_stored_references()
    assert news(row) == ([ERRATUM, RETRACTION], False)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_ask_about_each_source_once(references_online):
    for number in range(6):
        source(f"10.5555/{number}")
    start = Barrier(2)

    def work(_number):
        start.wait()
        try:
            return recheck_references()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, range(2))) == [0, 0]
    assert sorted(paths(references_online)) == [f"/works/10.5555%2F{n}" for n in range(6)]


# --- looking at it --------------------------------------------------------------------------------


def test_it_blocks_publication_by_any_path_until_somebody_has_looked(references_online):
    article = approved_article()
    row = cite_retracted(article)
    recheck_references()
    (block,) = publication_blocks(article)
    assert (block.anchor, NEWS in block.message) == ("references-0", True)
    with pytest.raises(PublicationBlocked, match="Crossref reports news"):
        publish_article(article=article, user=None)
    Reference.objects.filter(pk=row.pk).update(updates_seen=True)
    assert publication_blocks(article) == []


def test_what_is_not_cited_blocks_nothing(references_online):
    article = PublishableArticleFactory()
    source("10.5555/retracted", article=article)
    recheck_references()
    assert publication_blocks(article) == []


def test_an_editor_looks_at_it_in_the_form(desk, references_online):
    article = PublishableArticleFactory()
    row = cite_retracted(article)
    # Before there is news, nothing asks for a look.
    assert 'type="hidden" name="references-0-news_seen"' in page(desk, article)
    recheck_references()
    assert NEWS in page(desk, article)
    posted = form_data(
        article.topics.get(),
        references=[reference("halpern", id=row.pk, doi="10.5555/retracted")],
        sections=[section("<p>It. [@halpern]</p>")],
    ) | {"revision": article.revision}
    assert desk.post(change_url(article), posted).status_code == 302
    assert news(row)[1] is False
    article.refresh_from_db()
    posted |= {"references-0-news_seen": "on", "revision": article.revision}
    posted |= {"sections-TOTAL_FORMS": 0}
    assert desk.post(change_url(article), posted).status_code == 302
    assert news(row) == ([ERRATUM, RETRACTION], True)


def page(desk, article):
    return desk.get(change_url(article)).content.decode()


def test_the_desk_lists_it_also_for_a_published_article(
    desk, editor, references_online, django_assert_num_queries
):
    request = RequestFactory().get("/admin/")
    request.user = editor
    editor.has_perm("articles.change_article")
    cite_retracted(published_article(title="Out already"))
    recheck_references()
    with django_assert_num_queries(2):  # nothing is being worked on
        panel = broken_references(request)
    assert [(item["label"], item["note"]) for item in panel["items"]] == [
        ("Out already", f"Crossref on “halpern”: {NEWS}")
    ]
    assert "Out already" in desk.get("/admin/").content.decode()
    for _ in range(2):
        cite_retracted(published_article())
    Reference.objects.update(checked_at=None)
    recheck_references()
    with django_assert_num_queries(2):
        assert len(broken_references(request)["items"]) == 3


def test_the_database_keeps_nothing_unseen_that_is_nothing():
    with pytest.raises(IntegrityError, match="articles_reference_updates_to_see"):
        ReferenceFactory(updates_seen=False)


# --- when a web page was read ---------------------------------------------------------------------


def web_page(**fields):
    return reference(
        type="webpage", title="A made-up page", url="https://example.org/page", **fields
    )


def test_the_day_on_which_a_web_page_was_read_is_kept(desk):
    article = PublishableArticleFactory()
    data = form_data(article.topics.get(), references=[web_page(accessed="2025-12-01")])
    assert desk.post(change_url(article), data).status_code == 302
    row = article.references.get(key="erbella")
    assert row.csl["accessed"] == {"date-parts": [[2025, 12, 1]]}
    assert 'value="2025-12-01"' in page(desk, article)
    assert format_vancouver(row.csl) == (
        "A made-up page [Internet]. [cited 2025 Dec 1]. Available from: https://example.org/page"
    )


def test_a_day_to_come_is_refused(desk):
    article = PublishableArticleFactory()
    tomorrow = timezone.localdate() + timedelta(days=1)
    data = form_data(article.topics.get(), references=[web_page(accessed=str(tomorrow))])
    response = desk.post(change_url(article), data)
    assert response.status_code == 200
    assert "This day has not come yet." in errors(response)


@pytest.mark.parametrize(
    ("stored", "posted", "kept"),
    [
        ([2002, 8], "", {"date-parts": [[2002, 8]]}),
        ([2002, 8, 12], "", None),
        ([2002, 8], "2025-12-01", {"date-parts": [[2025, 12, 1]]}),
    ],
    ids=["a part of a day stays", "a day is removed", "a day replaces a month"],
)
def test_an_imported_day_is_changed_only_by_hand(desk, stored, posted, kept):
    article = ArticleFactory()
    row = ReferenceFactory(
        article=article,
        csl={"type": "webpage", "title": "T", "accessed": {"date-parts": [stored]}},
    )
    topic = PublishableArticleFactory().topics.get()
    data = form_data(topic, references=[web_page(id=row.pk, accessed=posted)])
    assert desk.post(change_url(article), data).status_code == 302
    row.refresh_from_db()
    assert row.csl.get("accessed") == kept
