"""What the tests of the outbox share."""

import datetime

from django.utils import timezone

from portal.mail.models import Delivery, Subscriber
from portal.mail.services import plan_mailing, record_consent

STREAM = "article_updates"
State = Delivery.State


def plan(key="article:1", **fields):
    return plan_mailing(
        **{
            "key": key,
            "stream": STREAM,
            "subject": "New article",
            "html": "<!doctype html><html lang='en-gb'><head><style>p { color: red }</style></head>"
            "<body><p>Öhm <a href='[[unsubscribe_url]]'>leave</a></p></body></html>",
            "text": "Öhm, leave: [[unsubscribe_url]]\n.\n..\nFrom the end",
            "language": "en-gb",
            "recipients": Subscriber.objects.consenting_to(STREAM),
            "item_keys": [key],
            "deadline_at": timezone.now() + datetime.timedelta(days=3),
            **fields,
        }
    )


def leave(subscriber):
    record_consent(subscriber=subscriber, stream=STREAM, is_granted=False, wording="Left.")


def states(mailing):
    return dict(mailing.deliveries.order_by("pk").values_list("address", "state"))


def make_due():
    Delivery.objects.filter(state=State.DEFERRED).update(next_attempt_at=timezone.now())
