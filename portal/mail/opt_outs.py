"""Opt-outs by e-mail: some mail programs write to the second address of ``List-Unsubscribe``.

What they write names nobody but in its subject, and may come from another address than ours went
to. So the subject has a token, by which an operator records it (``manage.py mailings``).
"""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.db import transaction

from portal.core.addresses import ascii_address

from .models import Subscriber
from .services import record_consent
from .streams import subscribed_streams

WORDING = "Unsubscribed by an e-mail to the sender of the updates"

# All of it stands in an address's query as it is.
_signer = Signer(salt="portal.mail.opt_out", sep=".")


def opt_out_token(subscriber: Subscriber, stream: str) -> str:
    """Return what names the subscriber, and the stream that the mail is of; it does not expire."""
    return _signer.sign(f"{subscriber.public_id.hex}.{stream}")


def find_opt_out(named: str) -> tuple[Subscriber, list[str]] | None:
    """Return whom a token or an address names, and the streams to end: of an address, all."""
    if "@" in named:
        try:
            address = ascii_address(named)
        except ValidationError:
            return None
        subscriber = Subscriber.objects.with_address(address).first()
        streams = subscribed_streams()
    else:
        try:
            public_id, stream = _signer.unsign(named).split(".")
        except BadSignature:
            return None
        subscriber = Subscriber.objects.filter(public_id=public_id).first()
        streams = [stream]
    return None if subscriber is None else (subscriber, streams)


@transaction.atomic
def opt_out(subscriber: Subscriber, streams: Collection[str]) -> list[str]:
    """Record an opt-out of each of ``streams``; return of which it is news.

    As with the link, it takes effect with the next unsent message.
    """
    return [
        stream
        for stream in streams
        if record_consent(subscriber=subscriber, stream=stream, is_granted=False, wording=WORDING)
    ]
