"""The desk's pages about e-mail: what goes out, how far it is, and who may not be written to."""

from .base import ReadOnly
from .deliveries import DeliveryAdmin, MailEventAdmin
from .mailings import MailingAdmin
from .recipients import SubscriberAdmin, SuppressionAdmin
from .relays import RelayPaceAdmin

__all__ = [
    "DeliveryAdmin",
    "MailEventAdmin",
    "MailingAdmin",
    "ReadOnly",
    "RelayPaceAdmin",
    "SubscriberAdmin",
    "SuppressionAdmin",
]
