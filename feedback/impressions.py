"""How many readers were shown the survey of an article, began it and sent it.

Counted in Redis, in one HyperLogLog per article, month and step, never by a query in a reader's
request. A HyperLogLog cannot be listed, and what goes in is a keyed hash of reader and article
together: nothing that is kept says who saw an article, nor which articles one reader saw.

- *Shown*: a script saw the form come into view under the article, or the form's own page was
  served. Whoever reads without scripts is shown the form under the article, too, and is counted
  only when they begin: so slightly too few.
- *Started*: a first answer was chosen (as the script tells), or an incomplete form was sent.
- *Submitted*: answers were saved.

Whoever submits has started, and whoever starts was shown it: a step counts for those before it.
Programs, prefetched pages, previews and signed-in staff are left out.
"""

import hashlib
import hmac
import logging
import re
import time
from datetime import date
from enum import IntEnum
from functools import cache
from uuid import UUID

import redis
from django.conf import settings
from django.core import signing
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry

from .results.selection import Selection, article_condition, open_month

logger = logging.getLogger(__name__)

SALT = "feedback.impressions"
KEYS = "feedback:impressions"
# Since the task last looked: it looks at a month until the next one is over.
KEPT_SECONDS = 40 * 24 * 3600
# A reader waits no longer than this for a Redis that accepts and never answers …
TIMEOUT = 0.2  # seconds
# … and after that, a process leaves it alone for a while.
REST = 30.0  # seconds

# Few programs get as far as the survey, which is behind the gate: those that say what they are.
_PROGRAMS = re.compile(
    r"bot\b|bots\b|crawl|spider|slurp|archiver|scrape|preview|facebookexternalhit|headlesschrome"
    r"|lighthouse|pingdom|uptime|monitor|curl/|wget/|libwww|python-|httpx|aiohttp|okhttp|axios/"
    r"|java/|go-http-client|node-fetch|phantomjs",
    re.IGNORECASE,
)


class Step(IntEnum):
    """How far a reader came; each step includes those before it."""

    SHOWN = 1
    STARTED = 2
    SUBMITTED = 3

    @property
    def key_part(self) -> str:
        return self.name.lower()


# --- in a reader's request ------------------------------------------------------------------------


def countable_article(article_id: int) -> str:
    """Return what a page sends with an impression: the article, signed (no other can be named)."""
    return signing.Signer(salt=SALT).sign(str(article_id))


def read_countable(text: str) -> int:
    """Return the article that ``countable_article`` signed. Raises ``signing.BadSignature``."""
    return int(signing.Signer(salt=SALT).unsign(text))


def count_impression(request: HttpRequest, article_id: int, reader_id: UUID, step: Step) -> None:
    """Count a reader's step in this month, if it is not a program that takes it (0 queries).

    Whether it is somebody of the staff, the caller knows. Never raises, and waits for Redis at most
    ``TIMEOUT``, once in ``REST`` seconds per process: what is not counted then is lost.
    """
    if _is_program(request) or _resting.is_on():
        return
    reader = _hash(reader_id, article_id)
    month = f"{timezone.localdate():%Y-%m}"
    try:
        with _client().pipeline(transaction=False) as pipeline:
            for passed in Step:
                if passed <= step:
                    pipeline.pfadd(_key(month, article_id, passed), reader)
            pipeline.sadd(_month_key(month), article_id)
            pipeline.execute()
    except redis.RedisError:
        _resting.begin()
        logger.warning("Redis is away: impressions are not counted for %d seconds", REST)


def _is_program(request: HttpRequest) -> bool:
    """Whether a program asks, or a browser that does not know yet whether anybody will look."""
    purpose = f"{request.headers.get('Sec-Purpose', '')} {request.headers.get('Purpose', '')}"
    agent = request.headers.get("User-Agent", "")
    return "prefetch" in purpose or not agent or _PROGRAMS.search(agent) is not None


def _hash(reader_id: UUID, article_id: int) -> bytes:
    key = hashlib.sha256(f"{SALT}:{settings.SECRET_KEY}".encode()).digest()
    return hmac.digest(key, reader_id.bytes + article_id.to_bytes(8), "sha256")


def _month_key(month: str) -> str:
    return f"{KEYS}:{month}"


def _key(month: str, article_id: int, step: Step) -> str:
    return f"{KEYS}:{month}:{article_id}:{step.key_part}"


class _Resting:
    """Whether this process leaves Redis alone for a while."""

    def __init__(self) -> None:
        self.until = float("-inf")

    def begin(self) -> None:
        self.until = time.monotonic() + REST

    def is_on(self) -> bool:
        return time.monotonic() < self.until


_resting = _Resting()


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )


# --- from Redis to the table ----------------------------------------------------------------------


def store_impressions() -> int:
    """Write what Redis has counted in this month and the last into the table; return the rows.

    Numbers there are never lowered, so it may be run twice, by two, late, or after Redis was
    emptied. Raises ``redis.RedisError`` while Redis is away.
    """
    this = open_month()
    last = date(this.year - (this.month == 1), (this.month - 2) % 12 + 1, 1)
    with redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT,
        socket_connect_timeout=settings.REDIS_TIMEOUT,
    ) as client:
        return sum(_store(month, _counts(client, f"{month:%Y-%m}")) for month in (last, this))


def _counts(client: redis.Redis, month: str) -> dict[int, list[int]]:
    """Return the numbers of a month by article: shown, started, submitted."""
    articles = sorted(int(text) for text in client.smembers(_month_key(month)))
    with client.pipeline(transaction=False) as pipeline:
        for article_id in articles:
            for step in Step:
                pipeline.pfcount(_key(month, article_id, step))
        numbers = iter(pipeline.execute())
        # Here, because a reader's request has no time for it.
        pipeline.expire(_month_key(month), KEPT_SECONDS)
        for article_id in articles:
            for step in Step:
                pipeline.expire(_key(month, article_id, step), KEPT_SECONDS)
        pipeline.execute()
    return {article_id: [next(numbers) for _step in Step] for article_id in articles}


def _store(month: date, counts: dict[int, list[int]]) -> int:
    with connection.cursor() as cursor:
        # In one order, so that two tasks never wait for each other. An article may be gone.
        cursor.execute(
            """
            INSERT INTO feedback_impressions AS old (article_id, month, shown, started, submitted)
            SELECT article.id, %s, new.shown, new.started, new.submitted
            FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::int[])
                AS new (article_id, shown, started, submitted)
            JOIN articles_article AS article ON article.id = new.article_id
            ORDER BY article.id
            ON CONFLICT (article_id, month) DO UPDATE SET
                shown = greatest(old.shown, excluded.shown),
                started = greatest(old.started, excluded.started),
                submitted = greatest(old.submitted, excluded.submitted)
            WHERE (old.shown, old.started, old.submitted)
                IS DISTINCT FROM (
                    greatest(old.shown, excluded.shown),
                    greatest(old.started, excluded.started),
                    greatest(old.submitted, excluded.submitted)
                )
            """,
            [month, list(counts), *([row[i] for row in counts.values()] for i in range(len(Step)))],
        )
        written: int = cursor.rowcount
        return written


# --- for results ----------------------------------------------------------------------------------


def impressions_of(selection: Selection) -> tuple[int, int] | None:
    """Return how many readers of ``selection`` were shown the survey and began it (1 query).

    Sums over the selection's articles and closed months: somebody who reads two articles, or one
    in two months, counts twice. None for a part of the profile: what counts knows no profile.
    """
    by_month = impressions_by_month(selection)
    if by_month is None:
        return None
    return sum(n for n, _started in by_month.values()), sum(n for _shown, n in by_month.values())


def impressions_by_month(selection: Selection) -> dict[date, tuple[int, int]] | None:
    """Return the same for each month of ``selection`` that has any (1 query)."""
    if selection.dimension is not None:
        return None
    conditions = [
        article_condition(selection),
        sql.SQL("month < {}").format(sql.Literal(open_month())),
    ]
    if selection.month is not None:
        conditions.append(sql.SQL("month = {}").format(sql.Literal(selection.month)))
    query = sql.SQL(
        "SELECT month, sum(shown), sum(started) FROM feedback_impressions WHERE {} GROUP BY month"
    ).format(sql.SQL(" AND ").join(sql.SQL("({})").format(part) for part in conditions))
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {month: (int(shown), int(started)) for month, shown, started in cursor.fetchall()}
