"""A database that was restored or copied sends nothing until somebody says so."""

import shutil

import psycopg
import pytest
import redis
from django.db import connection
from django.db.models import F

from portal.core.local.postgres import EmbeddedPostgres
from portal.core.local.processes import unprivileged_account
from portal.core.local.scratch import ScratchDirectory
from portal.mail import sending
from portal.mail.control import pause_all, resume_all
from portal.mail.models import Delivery, Sending
from portal.mail.sending import may_send, may_send_batch
from portal.mail.worker import deliver_everything_due
from tests.factories import SubscriberFactory
from tests.mail.planning import plan, states
from tests.mail.restoring import dump, manage, restore, run_worker, url_of


@pytest.fixture(autouse=True)
def redis_that_answers(monkeypatch):
    monkeypatch.setattr(sending, "_rest", sending._Rest())


@pytest.fixture
def other_database():
    """Return the URL of an empty database beside the test's own."""
    name = f"{connection.settings_dict['NAME']}_restored"
    with psycopg.connect(url_of("postgres"), autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}"')
        server.execute(f'CREATE DATABASE "{name}"')
        yield url_of(name)
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def own_url():
    return url_of(connection.settings_dict["NAME"])


def row():
    return Sending.objects.get()


# --- real backups ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_restored_dump_sends_nothing_until_an_operator_says_so(
    smtp_sink, settings, tmp_path, other_database
):
    SubscriberFactory()
    plan("article:1")
    assert deliver_everything_due() == 1
    SubscriberFactory()
    plan("article:2")
    backup = dump(own_url(), tmp_path / "backup")
    # The database that made the backup goes on: what is open in the backup is sent.
    assert deliver_everything_due() == 2
    restore(backup, other_database)

    accepted, log = run_worker(settings, other_database)
    assert accepted == 0
    assert "ERROR portal.mail.sending: No mail is sent: this database was restored" in log
    accepted, log = run_worker(settings, other_database)
    assert accepted == 0
    assert "paused" in log
    with psycopg.connect(other_database) as restored:
        rows = restored.execute("SELECT state, count(*) FROM mail_delivery GROUP BY 1").fetchall()
        assert dict(rows) == {"pending": 2, "sent": 1}
        (reason,) = restored.execute("SELECT pause_reason FROM mail_sending").fetchone()
        assert reason == "restored"
    assert len(smtp_sink.received) == 3

    resumed = manage(settings, other_database, "mailings", "resume", "--all")
    assert resumed.returncode == 0, resumed.stderr
    assert run_worker(settings, other_database)[0] == 2
    # The first database was not touched by all this.
    assert may_send()


@pytest.mark.django_db(transaction=True)
def test_a_restored_dump_goes_on_without_what_was_open(
    smtp_sink, settings, tmp_path, other_database
):
    SubscriberFactory()
    assert may_send()
    plan("article:1")
    restore(dump(own_url(), tmp_path / "backup"), other_database)
    assert run_worker(settings, other_database)[0] == 0
    resumed = manage(settings, other_database, "mailings", "resume", "--all", "--cancel")
    assert resumed.returncode == 0, resumed.stderr
    assert "1 mailing was cancelled" in resumed.stdout
    assert run_worker(settings, other_database)[0] == 0
    assert smtp_sink.received == []


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_of_the_disc_put_back_sends_nothing(smtp_sink, settings, tmp_path):
    """The same cluster, database, tables and time line: only Redis knows better."""
    SubscriberFactory.create_batch(3)
    plan("article:1")
    backup = dump(own_url(), tmp_path / "backup")
    account = unprivileged_account()
    scratch = ScratchDirectory(account)
    home = scratch.make() / "cluster"
    try:
        with EmbeddedPostgres(home, account=account) as server:
            restore(backup, server.url)
            manage(settings, server.url, "mailings", "resume", "--all")
        shutil.copytree(home / "data", home / "snapshot")
        with EmbeddedPostgres(home, account=account) as server:
            assert run_worker(settings, server.url)[0] == 3
        shutil.rmtree(home / "data")
        (home / "snapshot").rename(home / "data")
        _own(home / "data", account)
        with EmbeddedPostgres(home, account=account) as server:
            accepted, log = run_worker(settings, server.url)
            assert accepted == 0
            assert "this database was restored" in log
    finally:
        scratch.remove()
    assert len(smtp_sink.received) == 3


def _own(directory, account):
    if account.is_other:
        for path in (directory, *directory.rglob("*")):
            shutil.chown(path, account.uid, account.gid)


# --- the row --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_first_run_makes_this_database_the_one_that_sends():
    assert Sending.objects.count() == 0
    assert may_send()
    assert row().database.count("/") == 3
    assert (row().paused_at, row().pause_reason) == (None, "")


@pytest.mark.django_db
@pytest.mark.parametrize("part", range(4))
def test_each_part_of_the_fingerprint_counts(part, caplog):
    assert may_send()
    parts = row().database.split("/")
    parts[part] = "1"
    Sending.objects.update(database="/".join(parts))
    assert not may_send()
    assert row().pause_reason == "restored"
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.django_db
def test_a_pause_by_an_operator_does_not_hide_that_the_database_was_restored():
    assert may_send()
    assert pause_all()
    assert not pause_all()
    Sending.objects.update(database="another")
    assert not may_send()
    resume_all()
    assert may_send()
    assert row().database != "another"


@pytest.mark.django_db
def test_a_host_that_keeps_the_cluster_to_itself_still_has_a_fingerprint(monkeypatch):
    # PostgreSQL refuses a function that is not there just as one that the role may not call.
    monkeypatch.setattr(sending, "_CLUSTER", "kept_to_itself()")
    assert may_send()
    assert row().database.count("/") == 1
    assert may_send()


# --- pausing --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_paused_for_all_sends_nothing_and_claims_nothing(smtp_sink):
    SubscriberFactory()
    mailing = plan()
    pause_all()
    assert deliver_everything_due() == 0
    assert set(states(mailing).values()) == {"pending"}
    resume_all()
    assert deliver_everything_due() == 1


@pytest.mark.django_db
def test_a_pause_takes_effect_with_the_next_batch(smtp_sink, monkeypatch):
    monkeypatch.setattr("portal.mail.worker.BATCH_SIZE", 2)
    SubscriberFactory.create_batch(5)
    plan()
    sent = []

    def accept_and_pause(*args, **kwargs):
        sent.append(args)
        pause_all()
        return real(*args, **kwargs)

    from portal.mail.relay import SmtpRelay

    real = SmtpRelay.send
    monkeypatch.setattr(SmtpRelay, "send", accept_and_pause)
    # With the batch at the latest.
    assert 1 <= deliver_everything_due() <= 2
    assert Delivery.objects.filter(state="pending", worker=None).count() >= 3


# --- Redis remembers ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_database_that_is_behind_what_redis_remembers_went_back():
    assert may_send()
    assert may_send_batch()
    assert may_send_batch()
    Sending.objects.update(batches=F("batches") - 1)
    assert not may_send()
    assert row().pause_reason == "restored"
    resume_all()
    assert may_send()
    assert may_send_batch()


@pytest.mark.django_db
def test_the_next_batch_does_not_hide_that_the_database_went_back():
    for _ in range(3):
        assert may_send_batch()
    Sending.objects.update(batches=F("batches") - 2)
    assert not may_send_batch()


@pytest.mark.django_db
def test_an_empty_redis_says_nothing(settings):
    assert may_send_batch()
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    assert may_send()
    assert may_send_batch()


@pytest.mark.django_db
def test_mail_goes_on_without_redis(settings, smtp_sink):
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    SubscriberFactory()
    plan()
    assert deliver_everything_due() == 1


@pytest.mark.django_db
def test_a_run_leaves_a_mark_behind_its_last_batch(smtp_sink, settings):
    """So a backup that was made while that batch went out is behind."""
    SubscriberFactory()
    plan()
    assert deliver_everything_due() == 1
    client = redis.Redis.from_url(settings.REDIS_URL)
    assert client.zscore(sending.BATCHES_KEY, str(row().identity)) == row().batches >= 2
