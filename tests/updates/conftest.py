import datetime

import pytest
import time_machine
from django.test import Client

from portal.updates.tokens import preferences_url
from tests.factories import SubscriberFactory, UserFactory

from .choosing import fields_of, path_of
from .digesting import NOON


@pytest.fixture
def subscriber():
    return SubscriberFactory(email="anna@hospital.example")


@pytest.fixture
def page(client, subscriber):
    """Return a function that presses a button of the preference page, with changes before it."""
    url = path_of(preferences_url(subscriber))

    def press(**changes):
        shown = fields_of(client.get(url).content.decode())
        answer = client.post(url, shown | changes)
        subscriber.refresh_from_db()
        return answer.content.decode()

    return press


@pytest.fixture
def clock(settings):
    """Noon of a Wednesday in March, in London; ``clock.move_to()``."""
    settings.TIME_ZONE = "Europe/London"
    with time_machine.travel(NOON - datetime.timedelta(days=1), tick=False) as traveller:
        yield traveller


@pytest.fixture
def editor():
    client = Client()
    client.force_login(UserFactory(group="Editors"))
    return client
