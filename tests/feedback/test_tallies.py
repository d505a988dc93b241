"""The roll-up is what the raw answers say, whoever writes them and whoever dies on the way."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from itertools import product

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from feedback.models import Response, Tally, TallyChange, TallyState, load_survey_version
from feedback.services import merge_responses, save_response
from feedback.tallies import LOCK, differences, rebuild, refresh
from portal.attestation.models import Reader
from tests.factories import ReaderFactory, published_article

from .builders import answer, publish_version_2

pytestmark = pytest.mark.django_db

MARCH = datetime(2025, 3, 31, 23, 30, tzinfo=UTC)


def cells(article):
    """Return the article's tallies: (month, dimension, value) → (n, counts)."""
    return {
        (tally.month, tally.dimension, tally.value): (tally.n, tally.counts)
        for tally in Tally.objects.filter(article=article)
    }


def stamp():
    return TallyState.objects.get().stamp


def test_what_is_counted():
    article = published_article()
    answer(article, [[5, 4, 0, 1]], profession="nurse", country="GB", submitted_at=MARCH)
    answer(article, [[5, 3, 0, 2]], profession="physician", country="GB", submitted_at=MARCH)
    assert refresh() == 1
    # British summer time had begun: 1 April in the time of the house would be another month.
    [month] = {key[0] for key in cells(article)}
    assert month == timezone.localtime(MARCH).date().replace(day=1)
    both = [0, 0, 0, 0, 0, 2, *[0, 0, 0, 1, 1, 0], *[2, 0, 0, 0, 0, 0], *[0, 1, 1, 0, 0, 0]]
    nurse = [0, 0, 0, 0, 0, 1, *[0, 0, 0, 0, 1, 0], *[1, 0, 0, 0, 0, 0], *[0, 1, 0, 0, 0, 0]]
    physician = [a - b for a, b in zip(both, nurse, strict=True)]
    assert cells(article) == {
        (month, "", ""): (2, both),
        (month, "profession", "nurse"): (1, nurse),
        (month, "profession", "physician"): (1, physician),
        (month, "specialty", ""): (2, both),
        (month, "country", "GB"): (2, both),
    }


def test_every_path_marks_its_article_and_only_those():
    first, second, third = (published_article() for _ in range(3))
    answer(first, [[1, 2, 3, 4]])
    answer(second, [[1, 2, 3, 4]])
    assert set(TallyChange.objects.values_list("article_id", flat=True)) == {first.pk, second.pk}
    assert refresh() == 2
    assert refresh() == 0
    Response.objects.filter(article=first).update(levels=[5, 5, 5, 5])
    assert refresh() == 1
    # An article that an answer leaves is counted anew, too.
    Response.objects.filter(article=first).update(article=third)
    assert refresh() == 2
    assert not cells(first)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM feedback_response WHERE article_id = %s", [second.pk])
    assert refresh() == 1
    assert not cells(second)
    assert cells(third)
    assert differences() == []


def test_the_services_are_followed():
    article = published_article()
    pseudonym, reader = ReaderFactory(country="GB"), ReaderFactory(country="DE")
    one, other = (
        {
            "reader_id": who.pk,
            "article": article,
            "article_version_id": article.published_version_id,
            "survey_version_id": publish_version_2(changed=key, text=f"New {key}").pk,
        }
        for who, key in ((pseudonym, "clear"), (reader, "change"))
    )
    save_response(**one, levels=[1, 2, 3, 4])
    save_response(**other, levels=[5, 5, 5, 5])
    refresh()
    assert sorted(Tally.objects.filter(dimension="").values_list("n", flat=True)) == [1, 1]
    save_response(**one, levels=[4, 3, 2, 1])
    merge_responses(source=pseudonym, target=reader)
    refresh()
    [tally] = Tally.objects.filter(dimension="")
    assert (tally.n, tally.counts[4]) == (1, 1)
    assert differences() == []


def test_the_stamp_changes_with_closed_months_only():
    article = published_article()
    answer(article, [[1, 2, 3, 4]], submitted_at=MARCH)
    refresh()
    before = stamp()
    as_of = TallyState.objects.get().as_of
    answer(article, [[1, 2, 3, 4]], submitted_at=timezone.now())
    refresh()
    assert stamp() == before
    assert TallyState.objects.get().as_of > as_of
    Response.objects.filter(submitted_at=MARCH).update(country="GB")
    refresh()
    after = stamp()
    assert after != before
    Response.objects.filter(submitted_at=MARCH).delete()
    refresh()
    assert stamp() != after


def check():
    out = StringIO()
    try:
        call_command("tallies", "--check", stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()


@pytest.mark.parametrize(
    "tamper",
    [
        lambda: Tally.objects.filter(dimension="").update(n=2, counts=[0, 0, 2, 0, 0, 0] * 4),
        lambda: Tally.objects.filter(dimension="country").update(value="FR"),
        lambda: Tally.objects.filter(dimension="").delete(),
        lambda: Tally.objects.create(
            article=published_article(),
            survey_version=Tally.objects.first().survey_version,
            month=date(2025, 1, 1),
            n=1,
            counts=[1, 0, 0, 0, 0, 0],
        ),
    ],
)
def test_tampered_tallies_are_found_and_mended(tamper):
    answer(published_article(), [[1, 2, 3, 4]], country="GB", submitted_at=MARCH)
    assert check() == (0, "The tallies are what the raw answers say.\n")
    before = stamp()
    tamper()
    code, said = check()
    assert code == 1
    assert "article" in said
    call_command("tallies", "--rebuild", stdout=StringIO())
    assert stamp() != before
    assert check()[0] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"n": 0, "counts": [0, 0, 0, 0, 0, 0]},
        {"n": 2},
        {"month": date(2025, 1, 2)},
        {"dimension": "shoe size"},
        {"value": "GB"},
    ],
)
def test_the_database_refuses_tallies_of_nobody_and_nothing(wrong):
    answer(published_article(), [[1, 2, 3, 4]], submitted_at=MARCH)
    refresh()
    with pytest.raises(IntegrityError), transaction.atomic():
        Tally.objects.filter(dimension="").update(**wrong)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_lost_with_a_run_that_dies():
    """The server ends a run's connection after it has counted and before it has committed."""

    def die():
        with transaction.atomic():
            counted.append(refresh())
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    def run():
        with pytest.raises(OperationalError):
            die()
        connection.close()

    article = published_article()
    answer(article, [[1, 2, 3, 4]], submitted_at=MARCH)
    counted = []
    worker = threading.Thread(target=run)
    worker.start()
    worker.join()
    assert counted == [1]
    assert not Tally.objects.exists()
    assert refresh() == 1
    assert differences() == []


@pytest.mark.django_db(transaction=True)
def test_one_run_at_a_time():
    def refresh_elsewhere():
        found.append(refresh())
        connection.close()

    found = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", LOCK)
        other = threading.Thread(target=refresh_elsewhere)
        other.start()
        other.join()
    assert found == [None]
    assert refresh() == 0


@pytest.mark.django_db(transaction=True)
def test_with_writers_and_runs_at_the_same_time():
    """Four write, two count, one rebuilds: in the end the tallies are what the answers say."""
    articles = [published_article() for _ in range(3)]
    readers = Reader.objects.bulk_create(Reader() for _ in range(40))
    version = load_survey_version().version_id
    written = threading.Event()

    def write(mine):
        for level, (number, reader) in product((1, 2), enumerate(mine)):
            save_response(
                reader_id=reader.pk,
                article=articles[number % 3],
                article_version_id=articles[number % 3].published_version_id,
                survey_version_id=version,
                levels=[level, 2, 3, 4],
            )

    def count(run):
        while not written.is_set():
            run()

    def closing(work, argument):
        try:
            work(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        counters = [pool.submit(closing, count, run) for run in (refresh, refresh, rebuild)]
        writers = [pool.submit(closing, write, readers[start::4]) for start in range(4)]
        wait(writers)
        written.set()
    for done in (*writers, *counters):
        done.result()
    refresh()
    assert not TallyChange.objects.exists()
    assert differences() == []
    assert sum(Tally.objects.filter(dimension="").values_list("n", flat=True)) == 40


def test_how_many_responses_are_of_one_person():
    one, other, third = (published_article() for _ in range(3))
    april = MARCH + timedelta(days=31)
    [response] = answer(one, [[1, 2, 3, 4]], submitted_at=MARCH)
    for article, moment in ((other, MARCH), (third, april)):
        [again] = answer(article, [[1, 2, 3, 4]], submitted_at=moment)
        Response.objects.filter(pk=again.pk).update(reader=response.reader)
    answer(one, [[1, 2, 3, 4]] * 5, submitted_at=april)
    answer(other, [[1, 2, 3, 4]], submitted_at=timezone.now())
    refresh()
    state = TallyState.objects.get()
    months = [timezone.localtime(moment).date().replace(day=1) for moment in (MARCH, april)]
    assert state.most_of_one == {months[0].isoformat(): 2, months[1].isoformat(): 1, "": 3}
    assert state.most_on == timezone.localdate().replace(day=1)
