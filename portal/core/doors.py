"""The three kinds of doors: every view is closed to whoever has not attested, unless it says so.

And what a view says of requests that are refused before they reach it. The marks live here so that
every app may use them; ``portal.attestation.middleware`` and the refusing parts of the core read
them.
"""

from collections.abc import Callable
from typing import Any, TypeVar

V = TypeVar("V", bound=Any)


def public(view: V) -> V:
    """Open ``view`` (a function, or what ``as_view()`` returns) to everybody."""
    view.door = "public"
    return view


def teaser(teaser_view: Any) -> Callable[[V], V]:
    """Return a decorator: whoever has not attested gets ``teaser_view`` instead of the closed view.

    The closed view is then not run at all, so its content cannot leak.
    """

    def decorate(view: V) -> V:
        view.door = teaser_view
        return view

    return decorate


def without_token(other: Any) -> Callable[[V], V]:
    """Return a decorator: what comes without a valid CSRF token is answered by ``other``.

    ``other`` runs in place of the page of refusal, behind no door: the gate has not looked at the
    request. It must change nothing, because another site may have sent it.
    """

    def decorate(view: V) -> V:
        view.without_token = other
        return view

    return decorate


def takes_any_text(view: V) -> V:
    """Mark ``view`` as one whose forms refuse NUL characters themselves, and lose nothing else."""
    view.takes_any_text = True
    return view
