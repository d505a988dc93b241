import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from feedback.exports.orders import Order
from feedback.models import ExportJob
from portal.celery import app
from tests.factories import UserFactory


@pytest.fixture
def staff(db: None) -> Any:
    return UserFactory(group="Staff")


@pytest.fixture
def staff_client(staff: Any) -> Client:
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def make_job(staff: Any) -> Callable[..., ExportJob]:
    """Return a function that stores an export of everything, which waits."""

    def make(**fields: Any) -> ExportJob:
        order = fields.pop("order", Order(is_packed=False))
        return ExportJob.objects.create(
            **{
                "requested_by": staff,
                "purpose": "Annual report",
                "order": order.as_filters(),
                "rows_total": 10,
                **fields,
            }
        )

    return make


@pytest.fixture
def sent() -> Iterator[Callable[[], list[str]]]:
    """Return a function that returns which exports wait in Redis for a worker, and takes them."""

    def take() -> list[str]:
        with app.connection_for_write() as connection:
            redis, queue = connection.default_channel.client, app.conf.task_default_queue
            messages = [json.loads(message) for message in redis.lrange(queue, 0, -1)]
            redis.delete(queue)
        return [
            json.loads(b64decode(message["body"]))[0][0]
            for message in reversed(messages)
            if message["headers"]["task"] == "feedback.exports.tasks.make_export"
        ]

    take()
    yield take
    take()


@pytest.fixture
def lead_client(staff):
    staff.groups.add(Group.objects.get(name="Staff leads"))
    client = Client()
    client.force_login(staff)
    return client
