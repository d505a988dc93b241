"""Asking again what became of the sources: corrected or retracted since they were stored.

One source after another, the one that was asked about longest ago first, with a pause between two
questions: Crossref's service is free, and nothing here is urgent.
"""

import logging
import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from articles.models import Reference
from articles.references import Csl, is_retracted

from .clients import SourceError, fetch_crossref
from .crossref import SourceUpdate, is_retraction, source_updates

logger = logging.getLogger(__name__)

RECHECK_AFTER = timedelta(days=30)
PER_RUN = 10
PAUSE_SECONDS = 1.0


def recheck_references(*, limit: int = PER_RUN) -> int:
    """Ask Crossref about at most ``limit`` DOIs that are due; return how many references have news.

    A source in several articles is asked about once. Stops where Crossref is switched off or down,
    and asks for the same source next time. 3 queries for each DOI, and one for each reference.
    """
    found = 0
    for number in range(limit if settings.CROSSREF_URL else 0):
        doi = _claim()
        if doi is None:
            break
        if number:
            time.sleep(PAUSE_SECONDS)
        try:
            updates = source_updates(fetch_crossref(doi))
        except SourceError as error:
            if error.is_down:
                _same_source(doi).update(checked_at=None)
                break
            # Unknown to Crossref, as DOIs of other agencies are: no fault, and no news.
            continue
        found += _note(doi, updates)
    return found


def _claim() -> str | None:
    """Return the DOI whose turn it is, as asked about now: another worker takes the next one."""
    now = timezone.now()
    due = Reference.objects.filter(
        Q(checked_at=None) | Q(checked_at__lt=now - RECHECK_AFTER),
        csl__has_key="DOI",
        article__withdrawn_at=None,
        article__is_demo=False,
    ).order_by(F("checked_at").asc(nulls_first=True), "pk")
    with transaction.atomic():
        reference = due.select_for_update(of=("self",), skip_locked=True).first()
        if reference is None:
            return None
        doi = str(reference.csl["DOI"])
        _same_source(doi).update(checked_at=now)
        return doi


def _same_source(doi: str) -> QuerySet[Reference]:
    return Reference.objects.filter(csl__DOI__iexact=doi)


@transaction.atomic
def _note(doi: str, updates: list[SourceUpdate]) -> int:
    """Write down what is new of the source ``doi``; return of how many references it is."""
    count = 0
    for reference in _same_source(doi).select_for_update():
        known: list[Any] = reference.updates
        relevant = _without_known_retractions(updates, reference.csl)
        if any(update not in known for update in relevant):
            reference.updates, reference.updates_seen = relevant, False
            reference.save(update_fields=["updates", "updates_seen"])
            count += 1
    return count


def _without_known_retractions(updates: list[SourceUpdate], csl: Csl) -> list[SourceUpdate]:
    if not is_retracted(csl):
        return updates
    return [update for update in updates if not is_retraction(update)]
