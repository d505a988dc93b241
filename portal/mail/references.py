"""How a message is found again: its Message-ID names mailing and delivery (``message.py``).

Both, so that a report about another database's message (a copy for trials, an older dump) is never
taken for one about ours.
"""

import re
from collections.abc import Iterable
from uuid import UUID

from .models import Delivery

# 18 digits: no number that PostgreSQL could not compare.
_MESSAGE_ID = re.compile(r"<?(([0-9a-f]{32})\.([0-9]{1,18}))(?:@[^<>@\s]{1,255})?>?")


def delivery_reference(message_id: str) -> str:
    """Return what stands before the "@" of one of our Message-IDs; "" for any other text."""
    match = _MESSAGE_ID.fullmatch(message_id.strip())
    return match[1] if match else ""


def deliveries_named(references: Iterable[str]) -> dict[str, int]:
    """Return the ids of the deliveries that ``references`` or Message-IDs name (1 query).

    Those that name none of ours are left out; the keys are the texts that were given.
    """
    named: dict[int, list[tuple[str, UUID]]] = {}
    for reference in references:
        if match := _MESSAGE_ID.fullmatch(reference.strip()):
            named.setdefault(int(match[3]), []).append((reference, UUID(hex=match[2])))
    mailings = Delivery.objects.filter(pk__in=named).values_list("pk", "mailing__public_id")
    return {
        reference: pk
        for pk, public_id in mailings.order_by()
        for reference, mailing in named[pk]
        if mailing == public_id
    }
