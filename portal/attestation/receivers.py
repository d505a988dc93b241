"""Signing in joins the browser's pseudonym and the account's; signing out parts them."""

from typing import Any

from django.http import HttpRequest

from portal.accounts.models import User

from .cookie import read_pseudonym
from .services import join_reader


def join_on_sign_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Let the account's pseudonym be used from now on; the middleware sets its cookie.

    Where the account has not attested, the gate asks: whatever pseudonym the browser still holds
    belongs to somebody else.
    """
    if request is not None:
        joined = join_reader(user=user, pseudonym=read_pseudonym(request))
        request.joined_reader = joined  # type: ignore[attr-defined]
        request.is_reader_forgotten = joined is None  # type: ignore[attr-defined]


def forget_on_sign_out(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Let the middleware take the account's pseudonym out of the browser.

    On a shared computer the next person must not answer in the name of the one before.
    """
    if request is not None:
        request.is_reader_forgotten = True  # type: ignore[attr-defined]
