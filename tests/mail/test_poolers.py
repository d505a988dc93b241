"""Through a pooler in transaction mode a worker's lock would be anybody's: nothing is sent."""

import logging

import pytest
from django.db import connection

from portal.mail.worker import deliver_everything_due
from tests.factories import SubscriberFactory
from tests.fixtures_mail import worker_environment
from tests.mail.planning import plan, states
from tests.mail.pooler import running_pooler


@pytest.fixture
def pooler(transactional_db, settings):
    """Have this process reach its database through a pooler."""
    itself = dict(connection.settings_dict)
    with running_pooler(worker_environment(settings)["DATABASE_URL"]) as port:
        connection.close()
        connection.settings_dict.update(HOST="127.0.0.1", PORT=port)
        yield
        connection.close()
        connection.settings_dict.update(itself)


def locks():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
            "WHERE locktype = 'advisory' AND datname = current_database()"
        )
        return cursor.fetchone()[0]


def test_nothing_is_sent_through_a_pooler_that_hands_sessions_around(pooler, smtp_sink, caplog):
    reader = SubscriberFactory()
    mailing = plan()
    assert deliver_everything_due() == 0
    assert states(mailing) == {reader.email: "pending"}
    assert smtp_sink.received == []
    (record,) = [one for one in caplog.records if one.name == "portal.mail.worker"]
    assert record.levelno == logging.ERROR
    assert "PgBouncer" in record.message
    assert "@" not in record.message
    # An attempt every half a minute leaves nothing behind.
    assert locks() == 0
