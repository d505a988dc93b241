"""An export that is sent while it is made, and logged whatever becomes of it."""

from collections.abc import Iterator

from portal.accounts.models import User

from .orders import Order
from .writing import stream


def stream_export(*, user: User, purpose: str, order: Order) -> Iterator[bytes]:
    """TEMPORARY"""
    yield from stream(order)
