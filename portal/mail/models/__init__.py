"""Who may be written to, and the outbox: one row for each message that is to go out.

The outbox knows no article. A higher room freezes a ``Mailing`` and names the recipients; from
then on PostgreSQL alone says what is to be sent, and Redis only carries "wake up".
"""

from .deliveries import Delivery, DeliveryQuerySet
from .events import MailEvent
from .mailings import MailedItem, Mailing
from .sending import DeliveryCount, RelayPace, Sending
from .subscribers import (
    ADDRESS_PATTERN,
    Consent,
    Subscriber,
    SubscriberQuerySet,
    Suppression,
)

__all__ = [
    "ADDRESS_PATTERN",
    "Consent",
    "Delivery",
    "DeliveryCount",
    "DeliveryQuerySet",
    "MailEvent",
    "MailedItem",
    "Mailing",
    "RelayPace",
    "Sending",
    "Subscriber",
    "SubscriberQuerySet",
    "Suppression",
]
