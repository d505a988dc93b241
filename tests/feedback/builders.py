"""Responses for tests, in as few words as possible."""

import csv
import html
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from articles.models import Article
from feedback.exports.orders import Format, Order
from feedback.exports.streaming import stream_export
from feedback.models import (
    Response,
    Statement,
    StatementWording,
    Survey,
    SurveyItem,
    SurveyVersion,
    load_survey_version,
)
from feedback.results.selection import Selection
from feedback.tallies import refresh
from portal.attestation.models import Reader
from portal.core.content_cache import memory
from tests.factories import UserFactory

KEYS = ("clear", "objectives", "relevant", "change")


def last_month() -> datetime:
    """Return a moment in the last month that is over: noon of its last day but one."""
    noon = timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0)
    return noon.replace(day=1) - timedelta(days=2)


def filled(article: Article, levels: Sequence[object], **fields: object) -> dict[str, object]:
    """Return what a browser sends for ``levels`` in the order of the default statements."""
    return {
        "survey_version": load_survey_version().version_id,
        "article_version": article.published_version_id,
        **{f"level-{key}": level for key, level in zip(KEYS, levels, strict=True)},
        **fields,
    }


def answer(article: Article, rows: Iterable[Sequence[int]], **fields: object) -> list[Response]:
    """Make a response of a reader of its own for each row of levels.

    They were given in the last closed month: results and files are about no other.
    """
    profile = {name: fields.pop(name, "") for name in ("profession", "specialty", "country")}
    then = last_month()
    responses = [
        Response(
            reader=Reader(**profile),
            article=article,
            article_version_id=article.published_version_id,
            levels=list(levels),
            **{
                "survey_version_id": load_survey_version().version_id,
                "submitted_at": then,
                "updated_at": then,
                **profile,
                **fields,
            },
        )
        for levels in rows
    ]
    Reader.objects.bulk_create(response.reader for response in responses)
    return Response.objects.bulk_create(responses)


def publish_version_2(*, changed: str, text: str, is_comparable: bool = True) -> SurveyVersion:
    """Publish the default survey with another wording of the statement ``changed``, put last."""
    survey = Survey.objects.get(key="default")
    items = {item.wording.statement.key: item for item in load_survey_version().items}
    changed_item = items.pop(changed)
    old = changed_item.wording
    new = StatementWording.objects.create(
        statement=old.statement,
        number=old.number + 1,
        text=text,
        follows=old if is_comparable else None,
    )
    latest = survey.versions.first()
    version = SurveyVersion.objects.create(survey=survey, number=latest.number + 1)
    for position, item in enumerate([*items.values(), changed_item], 1):
        SurveyItem.objects.create(
            version=version,
            wording=new if item == changed_item else item.wording,
            # Positions need no particular numbers, only an order.
            position=10 * position,
            speaks_of_objectives=item.speaks_of_objectives,
        )
    version.published_at = timezone.now()
    version.save()
    return version


def publish_survey(
    key: str,
    texts: Sequence[str],
    *,
    keys: Sequence[str] = (),
    not_applicable: Iterable[int] = (),
    speaks_of_objectives: int | None = None,
    **fields: object,
) -> SurveyVersion:
    """Publish version 1 of a survey of its own with the statements ``key``-1, ``key``-2 …

    ``keys``: of the statements, instead. ``not_applicable``: places (from 1) that allow this
    answer. ``fields``: the version's own.
    """
    survey, _created = Survey.objects.get_or_create(key=key, defaults={"name": key.title()})
    version = SurveyVersion.objects.create(survey=survey, number=1, **fields)
    for place, text in enumerate(texts, 1):
        statement = Statement.objects.create(
            survey=survey, key=keys[place - 1] if keys else f"{key}-{place}"
        )
        SurveyItem.objects.create(
            version=version,
            wording=StatementWording.objects.create(statement=statement, text=text),
            position=place,
            speaks_of_objectives=place == speaks_of_objectives,
            allows_not_applicable=place in not_applicable,
        )
    version.published_at = timezone.now()
    version.save()
    return version


def rows_of(content: bytes, encoding: str = "utf-8") -> list[dict[str, str]]:
    """Return the rows of a CSV file by column."""
    return list(csv.DictReader(io.StringIO(content.decode(encoding), newline="")))


def export(article: Article | None = None, format: Format = Format.ANALYSIS) -> bytes:  # noqa: A002
    """Return the whole data file, exported by a new user."""
    order = Order(
        selection=Selection(article=article.pk if article else None), format=format, is_packed=False
    )
    return b"".join(stream_export(user=UserFactory(), purpose="A test", order=order))


def refresh_tallies() -> None:
    """Do what Celery's beat does every minute, and forget which articles there were before."""
    refresh()
    memory.forget()


def respond_url(article: Article) -> str:
    return reverse("respond", args=[article.slug])


def thanks_url(article: Article) -> str:
    return reverse("feedback_thanks", args=[article.slug])


def texts(response: HttpResponse, pattern: str) -> list[str]:
    """Return what stands in each place of the page that ``pattern`` finds."""
    found = re.findall(pattern, response.content.decode(), re.DOTALL)
    return [html.unescape(text).strip() for text in found]


def checked(response: HttpResponse) -> dict[str, int]:
    """Return the chosen radio buttons as {key of the statement: level}."""
    radios = re.findall(r'<input type="radio"[^>]*>', response.content.decode())
    return {
        re.search(r'name="level-([\w-]+)"', radio)[1]: int(re.search(r'value="(\d)"', radio)[1])
        for radio in radios
        if " checked" in radio
    }
