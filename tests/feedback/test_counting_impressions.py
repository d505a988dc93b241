"""Impressions are counted in Redis, of people only, without a query, and written down by a task."""

import socket
import threading
import time
from datetime import UTC, datetime

import pytest
import redis
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from articles.models import Article
from feedback import impressions
from feedback.impressions import KEYS, countable_article, store_impressions
from feedback.models import Impressions
from feedback.tasks import store_impressions_so_far
from portal.core.content_cache import memory
from tests.factories import ReaderFactory, UserFactory, published_article

from .builders import filled, respond_url
from .conftest import attest

pytestmark = pytest.mark.django_db

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
TELL = "/feedback/impressions/"


@pytest.fixture
def store():
    """The Redis of this test, with nothing counted."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        for key in client.scan_iter(f"{KEYS}*"):
            client.delete(key)
        yield client


@pytest.fixture(autouse=True)
def awake(monkeypatch):
    """A process that has not found Redis away."""
    monkeypatch.setattr(impressions, "_resting", impressions._Resting())
    impressions._client.cache_clear()
    yield
    impressions._client.cache_clear()


def visitor(reader=None, user=None, **headers):
    client = Client(headers={"user-agent": BROWSER} | headers)
    if user:
        client.force_login(user)
    return attest(client, reader or ReaderFactory())


def tell(client, article, step, **options):
    data = {"article": countable_article(article.pk), "step": step}
    return client.post(TELL, data, **options)


def counted(article) -> tuple[int, int, int] | None:
    """Return what the task writes down of the article."""
    store_impressions()
    row = Impressions.objects.filter(article=article)
    return row.values_list("shown", "started", "submitted").first()


# --- what is counted ------------------------------------------------------------------------------


def test_each_reader_counts_once_and_a_step_counts_for_those_before_it(store):
    article, other = published_article(), published_article()
    looking, starting, sending = (visitor() for _ in range(3))
    for _ in range(2):
        assert tell(looking, article, "shown").status_code == 204
    assert tell(starting, article, "started").status_code == 204
    for _ in range(2):
        sending.post(respond_url(article), filled(article, [4, 4, 4, 4]))
    tell(sending, other, "shown")
    assert counted(article) == (3, 2, 1)
    assert counted(other) == (1, 0, 0)


def test_the_forms_own_page_counts_when_it_is_served(store):
    article = published_article()
    client = visitor()
    client.head(respond_url(article))
    assert counted(article) is None
    client.get(respond_url(article))
    assert counted(article) == (1, 0, 0)


@pytest.mark.parametrize(("levels", "started"), [([4, "", "", ""], 1), (["", "", "", ""], 0)])
def test_an_incomplete_form_has_been_started(store, levels, started):
    article = published_article()
    client = visitor()
    assert client.post(respond_url(article), filled(article, levels)).status_code == 400
    assert counted(article) == ((1, 1, 0) if started else None)


def test_a_form_that_was_not_taken_counts_nothing(store, reader):
    article = published_article()
    data = filled(article, [4, 4, 4, 4])
    Client(headers={"user-agent": BROWSER}).post(respond_url(article), data)
    forged = attest(Client(enforce_csrf_checks=True, headers={"user-agent": BROWSER}), reader)
    forged.post(respond_url(article), data)
    assert tell(forged, article, "shown").status_code == 403
    assert counted(article) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"user-agent": "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2)"},
        {"user-agent": "Mozilla/5.0 (X11) AppleWebKit/537.36 HeadlessChrome/140.0.0.0 Safari/537"},
        {"user-agent": "python-requests/2.32"},
        {"user-agent": "curl/8.5.0"},
        {"user-agent": "GPTBot/1.2"},
        {"user-agent": "facebookexternalhit/1.1"},
        {"user-agent": ""},
        {"sec-purpose": "prefetch;prerender"},
        {"purpose": "prefetch"},
    ],
    ids=str,
)
def test_programs_and_prefetched_pages_are_left_out(store, headers):
    article = published_article()
    client = visitor(**headers)
    client.get(respond_url(article))
    assert tell(client, article, "started").status_code == 204
    assert counted(article) is None


@pytest.mark.parametrize(
    "agent",
    [
        BROWSER,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605.1.15 Version/18.0 Safari/604.1",
        "Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537 Chrome/140.0 Safari/537 Edg/140.0",
        # A telephone whose name has a "bot" in it.
        "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 Chrome/140.0 Mobile Safari",
    ],
)
def test_browsers_are_counted(store, agent):
    article = published_article()
    tell(visitor(**{"user-agent": agent}), article, "shown")
    assert counted(article) == (1, 0, 0)


def test_staff_are_left_out_and_members_are_not(store):
    article = published_article()
    staff = UserFactory(is_staff=True)
    clerk, member = visitor(user=staff), visitor(user=UserFactory())
    for client in (clerk, member):
        attest(client, ReaderFactory())
        client.get(respond_url(article))
        client.post(respond_url(article), filled(article, [4, 4, 4, 4]))
    assert counted(article) == (1, 1, 1)
    # Their pages do not even tell.
    for url in (article.get_absolute_url(), respond_url(article)):
        assert "data-impressions" not in clerk.get(url).content.decode()
        assert f'data-impressions="{TELL}"' in member.get(url).content.decode()


def test_a_preview_names_no_article(store):
    article = published_article()
    editor = visitor(user=UserFactory(is_staff=True, group="Editors"))
    preview = editor.get(reverse("admin:articles_article_preview", args=[article.pk]))
    assert preview.status_code == 200
    assert "data-impressions" not in preview.content.decode()


@pytest.mark.parametrize(
    "change",
    [{"article": "1"}, {"article": "1:x"}, {"article": ""}, {"step": "submitted"}, {"step": ""}],
    ids=str,
)
def test_only_what_our_page_names_is_counted(store, change):
    article = published_article()
    data = {"article": countable_article(article.pk), "step": "shown"} | change
    assert visitor().post(TELL, data).status_code == 400
    assert not list(store.scan_iter(f"{KEYS}*"))


def test_it_is_closed_and_takes_nothing_but_post(store):
    assert Client().post(TELL)["Location"].startswith(reverse("gate"))
    assert visitor().get(TELL).status_code == 405


def test_telling_asks_the_database_nothing(store, django_assert_num_queries):
    article = published_article()
    client, member = visitor(), visitor(user=UserFactory())
    tell(client, article, "shown")
    with django_assert_num_queries(0):
        tell(client, article, "started")
        tell(member, article, "started")
    assert counted(article) == (2, 2, 0)


# --- what is kept ---------------------------------------------------------------------------------


def test_what_is_kept_names_nobody_and_links_no_articles(store, reader):
    one, other = published_article(), published_article()
    client = visitor(reader)
    tell(client, one, "shown")
    tell(client, other, "shown")
    kept = b"".join(key + (store.dump(key) or b"") for key in store.scan_iter(f"{KEYS}*"))
    for name in (reader.pk.bytes, str(reader.pk).encode(), reader.pk.hex.encode()):
        assert name not in kept
    shown = list(store.scan_iter(f"{KEYS}*:shown"))
    assert len(shown) == 2
    # The same reader is somebody else at another article.
    assert store.pfcount(*shown) == 2


def test_keys_end_some_time_after_the_task_last_looked(store):
    tell(visitor(), published_article(), "submitted")
    tell(visitor(), published_article(), "started")
    store_impressions()
    keys = list(store.scan_iter(f"{KEYS}*"))
    assert len(keys) == 3
    assert all(0 < store.ttl(key) <= impressions.KEPT_SECONDS for key in keys)


# --- the task -------------------------------------------------------------------------------------


def test_the_table_grows_and_never_shrinks(store):
    article = published_article()
    for _ in range(3):
        tell(visitor(), article, "started")
    assert store_impressions() == 1
    assert store_impressions() == 0
    store.flushdb()
    tell(visitor(), article, "started")
    assert counted(article) == (3, 3, 0)
    for _ in range(4):
        tell(visitor(), article, "shown")
    assert counted(article) == (5, 3, 0)


def test_months_are_those_of_the_house_and_the_last_one_is_still_written_down(store):
    article = published_article()
    with time_machine.travel(datetime(2026, 6, 30, 22, 59, tzinfo=UTC), tick=False):
        client, other = visitor(), visitor()
        memory.forget()
        tell(client, article, "shown")
    with time_machine.travel(datetime(2026, 6, 30, 23, 1, tzinfo=UTC), tick=False):
        tell(other, article, "shown")
        store_impressions()
        rows = Impressions.objects.values_list("month", "shown")
        assert sorted((str(month), shown) for month, shown in rows) == [
            ("2026-06-01", 1),
            ("2026-07-01", 1),
        ]
    with time_machine.travel(datetime(2027, 1, 1, 12, tzinfo=UTC), tick=False):
        assert store_impressions() == 0


def test_an_article_that_is_gone_is_left_out(store):
    article = published_article()
    tell(visitor(), article, "shown")
    store.sadd(next(store.scan_iter(f"{KEYS}:????-??")), 10**9)
    assert counted(article) == (1, 0, 0)
    assert not Article.objects.filter(pk=10**9).exists()


@pytest.mark.django_db(transaction=True)
def test_many_tasks_at_once_write_the_same(store):
    articles = [published_article() for _ in range(4)]
    readers = [visitor() for _ in range(5)]
    for article in articles:
        for client in readers:
            tell(client, article, "started")
    failures = []

    def run():
        try:
            store_impressions_so_far()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list(Impressions.objects.values_list("shown", "started")) == [(5, 5)] * 4


# --- without Redis --------------------------------------------------------------------------------


@pytest.fixture
def deaf_redis(settings):
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        yield server


def test_a_redis_that_never_answers_costs_one_short_wait_and_nothing_else(deaf_redis):
    article = published_article()
    client = visitor()
    client.get(article.get_absolute_url())
    began = time.monotonic()
    assert client.get(respond_url(article)).status_code == 200
    waited = time.monotonic() - began
    assert waited >= impressions.TIMEOUT
    deaf_redis.close()  # whoever tried again would be refused
    assert impressions._resting.is_on()
    assert tell(client, article, "started").status_code == 204
    sent = client.post(respond_url(article), filled(article, [4, 4, 4, 4]))
    assert sent.status_code == 303
    assert client.get(sent["Location"]).status_code == 200


def test_a_redis_that_is_away_is_asked_again_after_a_while(settings, store, monkeypatch):
    article = published_article()
    there = settings.REDIS_URL
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    assert tell(visitor(), article, "shown").status_code == 204
    settings.REDIS_URL = there
    impressions._client.cache_clear()
    tell(visitor(), article, "shown")
    assert counted(article) is None
    now = time.monotonic() + impressions.REST
    monkeypatch.setattr(time, "monotonic", lambda: now)
    tell(visitor(), article, "shown")
    monkeypatch.undo()
    assert counted(article) == (1, 0, 0)


def test_the_task_waits_for_a_redis_that_is_away(settings, caplog):
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    store_impressions_so_far()
    assert "impressions are written down later" in caplog.text
