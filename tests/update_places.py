"""The gallery's pages for readers of updates by e-mail."""

from datetime import timedelta

import time_machine
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from articles.models import Topic
from portal.demo.users import ADMIN
from portal.mail.models import Subscriber, Suppression
from portal.updates.choices import Manner, pause, today_of
from portal.updates.services import confirm_subscription, unsubscribe
from portal.updates.tokens import confirmation_url, preferences_url, unsubscribe_url
from tests.places import MEMBER, Place


def update_places(subscriber: Subscriber, waiting: Subscriber) -> list[Place]:
    """Asking, confirming, choosing, pausing and leaving, each as it stands and with mistakes."""
    paused, left = _paused(), _left()
    member = Subscriber.objects.create(email=ADMIN.email)
    confirm_subscription(subscriber=member, topic_ids=[])
    topics = [topic.pk for topic in Topic.objects.order_by("name")[:2]]
    manner = Manner("weekly", 5, time_zone="Europe/Berlin")
    with time_machine.travel(timezone.now() - timedelta(days=8)):
        expired = confirmation_url(waiting, [])
    return [
        Place("subscribe", reverse("subscribe")),
        Place("subscribe-error", reverse("subscribe"), press="Subscribe"),
        Place("subscribe-member", reverse("subscribe"), MEMBER),
        Place("subscribe-check-your-mail", reverse("subscribe_done")),
        Place("subscribe-confirm", _path(confirmation_url(waiting, topics, manner))),
        Place("subscribe-expired", _path(expired), status=410),
        Place("subscribe-unknown", reverse("preferences", args=["guess"]), status=404),
        Place("subscribe-preferences", _path(preferences_url(subscriber))),
        Place("subscribe-saved", _path(preferences_url(subscriber)), press="Save"),
        Place("subscribe-no-day", _path(preferences_url(subscriber)), press="Pause until this day"),
        Place("subscribe-paused", _path(preferences_url(paused))),
        Place("subscribe-left", _path(preferences_url(left))),
        Place("unsubscribe", _path(unsubscribe_url(subscriber))),
        Place("unsubscribe-done", _path(unsubscribe_url(left))),
    ]


def _paused() -> Subscriber:
    """Somebody who is written to once a week, but not now."""
    subscriber = Subscriber.objects.create(email="e.reader@hospital.example")
    manner = Manner("weekly", 5, time_zone="Asia/Tokyo")
    confirm_subscription(subscriber=subscriber, topic_ids=[], manner=manner)
    pause(subscriber=subscriber, until=today_of(subscriber) + timedelta(weeks=2))
    return subscriber


def _left() -> Subscriber:
    """Somebody who has left, and whose mailbox has gone since."""
    subscriber = Subscriber.objects.create(email="f.reader@hospital.example")
    confirm_subscription(subscriber=subscriber, topic_ids=[])
    unsubscribe(subscriber=subscriber, is_one_click=False)
    Suppression.objects.create(address=subscriber.email, reason="bounce")
    return subscriber


def _path(url: str) -> str:
    return url.removeprefix(settings.SITE_URL)
